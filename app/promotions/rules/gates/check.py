"""Deciding a check gate: the latest report that counts says success."""

from app.policies.gates import CheckGate
from app.promotions.rules.gates.evidence import Evidence
from app.promotions.rules.gates.reports import counts, newest
from app.promotions.rules.gates.words import by_whom, listed, named, who_counts

_LONGEST_SUMMARY = 300


def decide_check(gate: CheckGate, evidence: Evidence) -> tuple[bool, str]:
    """Whether the gate passes, and why."""
    found = [each for each in evidence.checks if each.name == gate.name]
    latest = newest(each for each in found if counts(each.by, gate.reported_by))
    what = named(gate.name)
    if latest is None:
        others = sorted({named(each.by.name) for each in found})
        if not others:
            return False, (
                f"The check {what} was never reported for these files; "
                f"{who_counts(gate.reported_by)} may report it."
            )
        return False, (
            f"The check {what} was reported by {listed(others)} only, and that does not count; "
            f"{who_counts(gate.reported_by)} must report it."
        )
    by = f"({by_whom(latest.by)})"
    said = f": {named(latest.summary, _LONGEST_SUMMARY)}" if latest.summary.strip() else ""
    if latest.status == "success":
        return True, f"The check {what} succeeded {by}{_ended(said)}"
    if latest.status == "pending":
        return False, f"The check {what} has not finished yet {by}{_ended(said)}"
    return False, f"The check {what} failed {by}{_ended(said)}"


def _ended(said: str) -> str:
    return said if said.endswith((".", "!", "?", "…")) else f"{said}."
