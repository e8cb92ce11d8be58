"""Whether a gate passes, as the contract says it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from tests.journeys.rules import Body, Rule


@dataclass(frozen=True, slots=True)
class Report:
    """That somebody measured `auc`, or that a check said something. `sha256` is of the data."""

    by: str
    name: str
    sha256: str | None = None
    value: float = 0
    status: str = ""


@dataclass(slots=True)
class Version:
    """A version. Reports are in order of time."""

    number: int
    authors: set[str]
    description: str
    ready: bool
    auc: float | None = None
    recalled: bool = False
    deleted: bool = False
    stage: str = "none"
    evaluations: list[Report] = field(default_factory=list)
    checks: list[Report] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        return self.ready and not self.recalled and not self.deleted


# Who holds a stage, or what an alias (with its `@`) points at.
Holder = Callable[[str], Version | None]


def pass_gates(
    rule: Rule, version: Version, source: str, target: str, holder: Holder
) -> tuple[tuple[str, bool], ...]:
    """Each gate of a rule with whether it passes; what the rule says of ways, times and the
    incumbent is shown as gates as well, where there is something to say."""
    found = []
    if source not in rule.sources:
        found.append(("from", False))
    if rule.hours is not None:
        found.append(("min_hours_in_source", False))  # no journey takes that long
    if rule.incumbent == "refuse":
        found.append(("incumbent", holder(target) is None))
    found += [(gate["type"], _passes(gate, version, target, holder)) for gate in rule.gates]
    return tuple(found)


def _passes(gate: Body, version: Version, target: str, holder: Holder) -> bool:
    if gate["type"] == "fields":
        return gate["require"] == ["description"] and bool(version.description)
    if gate["type"] == "stored":
        return False  # no version of a journey has files
    if gate["type"] == "check":
        found = [each for each in version.checks if each.name == gate["name"]]
        latest = _latest(gate, found)
        return latest is not None and latest.status == "success"
    if gate["type"] == "metric":
        return _reaches(gate, version)
    assert gate["type"] == "baseline"
    return _keeps_up(gate, version, holder(gate.get("against", target)))


def _permitted(gate: Body, name: str) -> bool:
    return "reported_by" not in gate or name in gate["reported_by"]["identities"]


def _latest(gate: Body, reports: Iterable[Report]) -> Report | None:
    found = [each for each in reports if _permitted(gate, each.by)]
    return found[-1] if found else None


def _reaches(gate: Body, version: Version) -> bool:
    """Its own metrics are the word of all who wrote it."""
    assert gate["op"] == ">="
    if "dataset" not in gate:
        known = version.auc is not None and all(_permitted(gate, a) for a in version.authors)
        return known and _exact(version.auc or 0) >= _exact(gate["value"])
    report = _latest(gate, (e for e in version.evaluations if e.name == gate["dataset"]))
    return report is not None and _exact(report.value) >= _exact(gate["value"])


def _keeps_up(gate: Body, version: Version, baseline: Version | None) -> bool:
    """Compared on the same bytes only: those on which the version was measured last."""
    if baseline is None or baseline is version:
        return bool(gate.get("if_no_baseline", "fail") == "pass")
    ours, theirs = _by_digest(gate, version), _by_digest(gate, baseline)
    shared = [digest for digest in ours if digest in theirs]
    if not shared:
        return False
    assert gate["higher_is_better"]
    worse_by = _exact(theirs[shared[-1]]) - _exact(ours[shared[-1]])
    return worse_by <= _exact(gate.get("max_regression", 0))


def _by_digest(gate: Body, version: Version) -> dict[str, float]:
    """The latest permitted measurement for each digest, the latest last."""
    found: dict[str, float] = {}
    for each in version.evaluations:
        if each.name == gate["dataset"] and each.sha256 and _permitted(gate, each.by):
            found.pop(each.sha256, None)
            found[each.sha256] = each.value
    return found


def _exact(value: float) -> Fraction:
    return Fraction(str(value))
