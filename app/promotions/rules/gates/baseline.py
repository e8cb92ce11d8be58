"""Deciding a baseline gate: the version does as well as the one in use, on the same data."""

from decimal import Decimal

from app.policies.gates import BaselineGate
from app.promotions.rules.gates.evidence import Evidence, Holder
from app.promotions.rules.gates.numbers import difference, exact, shown
from app.promotions.rules.gates.sides import Pair, Side, on_same_data, side_of
from app.promotions.rules.gates.sureness import decide_with_confidence
from app.promotions.rules.gates.words import data_called, named, short


def decide_baseline(gate: BaselineGate, evidence: Evidence) -> tuple[bool, str]:
    """Whether the gate passes, and why."""
    against = gate.against or evidence.to_stage
    role = f"is {against}" if against.startswith("@") else f"holds {against}"
    match evidence.holders.get(against):
        case None:
            return False, f"There is no stage {against} to compare with."
        case ():
            return _without(gate, role)
        case (holder,):
            return _against(holder, gate, evidence, role)
        case _:
            return False, f"Several versions hold {against}; only one can be compared with."


def _without(gate: BaselineGate, role: str, who: str = "No version") -> tuple[bool, str]:
    if gate.if_no_baseline == "pass":
        return True, f"{who} {role} now, so nothing is compared."
    return False, f"{who} {role} now, so there is nothing to compare with."


def _against(holder: Holder, gate: BaselineGate, evidence: Evidence, role: str) -> tuple[bool, str]:
    candidate = Holder(evidence.candidate.version_id, evidence.candidate.number)
    if holder.version_id == candidate.version_id:
        return _without(gate, role, "No other version")
    mine = side_of(gate, evidence, candidate)
    theirs = side_of(gate, evidence, holder, f"which {role}")
    pair = on_same_data(mine, theirs)
    if pair is None:
        return False, _why_not_comparable(gate, mine, theirs)
    if gate.confidence is not None:
        return decide_with_confidence(gate, gate.confidence, mine, theirs, pair)
    return _compared(gate, mine, theirs, pair)


def _why_not_comparable(gate: BaselineGate, mine: Side, theirs: Side) -> str:
    missing = [side for side in (theirs, mine) if not side.by_digest]
    if missing:
        return " ".join(side.why_unmeasured(gate) for side in missing)
    what = f"{named(gate.metric)} on {data_called(gate.dataset)}"
    nameless = [side for side in (theirs, mine) if not side.digest]
    if nameless:
        whose = " and for ".join(side.called for side in nameless)
        return (
            f"There is no digest of the data in what was reported of {what} for {whose}: report it "
            "with the sha256 of the data set, so that it can be known to be the same data."
        )
    here, there = short(mine.digest), short(theirs.digest)
    return (
        f"{theirs.opening} was measured on other data ({there}) than {mine.called} ({here}): for "
        f"{what}, measure version {mine.number} on {there} or version {theirs.number} on {here}."
    )


def _compared(gate: BaselineGate, mine: Side, theirs: Side, pair: Pair) -> tuple[bool, str]:
    value, baseline = exact(pair.mine.value), exact(pair.theirs.value)
    better = difference(value, baseline)
    if not gate.higher_is_better:
        better = better.copy_negate()
    allowed = exact(gate.max_regression)
    has, had = shown(value, baseline)
    detail = (
        f"{theirs.opening} has {had} on the same data ({short(pair.digest)}); {mine.called} has "
        f"{has}: {_how_much(better, allowed)}."
    )
    return better >= allowed.copy_negate(), detail


def _how_much(better: Decimal, allowed: Decimal) -> str:
    if better == 0:
        return "just as good"
    if better > 0:
        return f"{shown(better)[0]} better"
    by, limit = shown(better.copy_abs(), allowed)
    return f"{by} worse, and {limit if allowed else 'nothing'} is allowed"
