"""The two sides of a comparison, and their measurements on the same data."""

from dataclasses import dataclass

from app.policies.gates import BaselineGate
from app.promotions.rules.gates.evidence import Evidence, Holder, Measured
from app.promotions.rules.gates.reports import counts, measurements, never_measured, newest


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two versions: its number, what it is besides (`which holds production`), all its
    reports, and the newest of those that count for each digest of data (None: without one)."""

    number: int
    role: str
    found: list[Measured]
    by_digest: dict[str | None, Measured]

    @property
    def called(self) -> str:
        """What it is called at the end of a clause."""
        return f"version {self.number}" + (f", {self.role}" if self.role else "")

    @property
    def opening(self) -> str:
        """What it is called at the beginning of a sentence."""
        return f"Version {self.number}" + (f", {self.role}," if self.role else "")

    @property
    def digest(self) -> str:
        """The digest of the data that it was last measured on."""
        latest = newest(each for digest, each in self.by_digest.items() if digest is not None)
        return (latest.sha256 or "") if latest else ""

    def why_unmeasured(self, gate: BaselineGate) -> str:
        """That it has no report that counts, as a sentence."""
        by = gate.reported_by
        return never_measured(self.found, self.called, gate.metric, gate.dataset, by)


@dataclass(frozen=True, slots=True)
class Pair:
    """What is compared: two versions' measurements on the same bytes."""

    mine: Measured
    theirs: Measured

    @property
    def digest(self) -> str:
        """The digest of the data."""
        return self.mine.sha256 or ""


def side_of(gate: BaselineGate, evidence: Evidence, version: Holder, role: str = "") -> Side:
    """A version with its measurements."""
    found = measurements(evidence, version.version_id, gate.metric, gate.dataset)
    counting = [each for each in found if counts(each.by, gate.reported_by)]
    in_order = sorted(counting, key=lambda each: each.id)
    return Side(version.number, role, found, {each.sha256: each for each in in_order})


def on_same_data(mine: Side, theirs: Side) -> Pair | None:
    """The first side's newest measurement on data that the other was measured on too."""
    shared = [
        report
        for digest, report in mine.by_digest.items()
        if digest is not None and digest in theirs.by_digest
    ]
    latest = newest(shared)
    return None if latest is None else Pair(latest, theirs.by_digest[latest.sha256])
