"""Deciding a metric gate: a metric reaches a value."""

from collections.abc import Callable
from decimal import Decimal

from app.policies.gates import MetricGate
from app.promotions.rules.gates.evidence import Evidence
from app.promotions.rules.gates.numbers import exact, shown
from app.promotions.rules.gates.reports import counts, measurements, never_measured, newest
from app.promotions.rules.gates.words import by_whom, data_called, listed, named, who_counts

_HOLDS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    ">=": lambda found, asked: found >= asked,
    ">": lambda found, asked: found > asked,
    "<=": lambda found, asked: found <= asked,
    "<": lambda found, asked: found < asked,
    "=": lambda found, asked: found == asked,
    "==": lambda found, asked: found == asked,
    "!=": lambda found, asked: found != asked,
}
_ASKS = {
    ">=": "{} or more",
    ">": "more than {}",
    "<=": "{} or less",
    "<": "less than {}",
    "=": "exactly {}",
    "==": "exactly {}",
    "!=": "anything but {}",
}


def decide_metric(gate: MetricGate, evidence: Evidence) -> tuple[bool, str]:
    """Whether the gate passes, and why."""
    if gate.dataset is None:
        return _own(gate, evidence)
    candidate = evidence.candidate
    found = measurements(evidence, candidate.version_id, gate.metric, gate.dataset)
    report = newest(each for each in found if counts(each.by, gate.reported_by))
    if report is None:
        whose = f"version {candidate.number}"
        return False, never_measured(found, whose, gate.metric, gate.dataset, gate.reported_by)
    what = f"{named(gate.metric)} on {data_called(gate.dataset)}"
    return _compared(gate, what, report.value, by_whom(report.by))


def _own(gate: MetricGate, evidence: Evidence) -> tuple[bool, str]:
    """The version's own metrics are the word of all who wrote it."""
    value = evidence.candidate.recipe["metrics"].get(gate.metric)
    if value is None:
        return False, (
            f"Version {evidence.candidate.number} has no metric {named(gate.metric)} of its own."
        )
    others = sorted(
        named(author.name) for author in evidence.authors if not counts(author, gate.reported_by)
    )
    if gate.reported_by is not None and (others or not evidence.authors):
        wrote = listed(others) or "nobody who is known"
        return False, (
            f"The version's own {named(gate.metric)} is the word of {wrote}; only that of "
            f"{who_counts(gate.reported_by)} counts."
        )
    return _compared(gate, named(gate.metric), value, "the version's own metric")


def _compared(gate: MetricGate, what: str, value: float, source: str) -> tuple[bool, str]:
    found, asked = exact(value), exact(gate.value)
    has, limit = shown(found, asked)
    detail = f"{what} is {has}; {_ASKS[gate.op].format(limit)} is asked for ({source})."
    return _HOLDS[gate.op](found, asked), detail
