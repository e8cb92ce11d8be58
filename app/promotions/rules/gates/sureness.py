"""Comparing two measurements that are uncertain: one-sided, with a given confidence."""

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

from app.policies.gates import BaselineGate
from app.promotions.rules.gates.evidence import Measured
from app.promotions.rules.gates.numbers import difference, exact, shown, signed
from app.promotions.rules.gates.sides import Pair, Side
from app.promotions.rules.gates.words import named, short


@dataclass(frozen=True, slots=True)
class Estimate:
    """How much better one is than the other: the difference, its standard error, and the least
    that it is with the confidence that was asked for."""

    better: Decimal
    stderr: Decimal
    least: Decimal


def standard_error(report: Measured) -> float | None:
    """How uncertain a value is: as it was reported, or as a share of `n` would be (by the estimate
    that counts one more success and one more failure, which is never zero). None where neither is
    to be had."""
    if report.stderr is not None and report.stderr >= 0:
        return report.stderr
    if report.n is None or report.n < 1 or not 0 <= report.value <= 1:
        return None
    share = (report.value * report.n + 1) / (report.n + 2)
    return math.sqrt(share * (1 - share) / (report.n + 2))


def decide_with_confidence(
    gate: BaselineGate, sure: float, mine: Side, theirs: Side, pair: Pair
) -> tuple[bool, str]:
    """Whether the first side is, with this confidence, not worse than allowed, and why."""
    ours, base = standard_error(pair.mine), standard_error(pair.theirs)
    if ours is None or base is None:
        unsure = [s.called for s, e in ((theirs, base), (mine, ours)) if e is None]
        return False, (
            f"How sure {named(gate.metric)} is cannot be told for {' and for '.join(unsure)}: "
            "report it with its stderr, or with n where it is a share between 0 and 1."
        )
    found = _estimate(pair, math.hypot(ours, base), sure, higher_is_better=gate.higher_is_better)
    most_allowed = exact(gate.max_regression).copy_negate()
    detail = _sentence(gate, sure, mine, theirs, pair, found, most_allowed)
    return found.least >= most_allowed, detail


def _estimate(pair: Pair, stderr: float, sure: float, *, higher_is_better: bool) -> Estimate:
    better = difference(exact(pair.mine.value), exact(pair.theirs.value))
    if not higher_is_better:
        better = better.copy_negate()
    margin = NormalDist().inv_cdf(sure) * stderr
    return Estimate(better, exact(stderr), difference(better, exact(margin)))


def _sentence(
    gate: BaselineGate,
    sure: float,
    mine: Side,
    theirs: Side,
    pair: Pair,
    found: Estimate,
    most_allowed: Decimal,
) -> str:
    has, had = shown(exact(pair.mine.value), exact(pair.theirs.value))
    percent, _ = shown(exact(sure).scaleb(2), Decimal(100))
    least, allowed = signed(found.least, most_allowed)
    what = "difference" if gate.higher_is_better else "improvement (lower is better)"
    return (
        f"{theirs.opening} has {had} on the same data ({short(pair.digest)}); {mine.called} has "
        f"{has}. The {what} is {signed(found.better)[0]} with a standard error of "
        f"{shown(found.stderr)[0]}; with {percent} % confidence it is at least {least}, and "
        f"{allowed if most_allowed else 'nothing below 0'} is allowed."
    )
