"""Which reports count, and which of them is the latest."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from app.policies.gates import Reporters
from app.promotions.rules.gates.evidence import Checked, Evidence, Measured, Reporter, digest_in
from app.promotions.rules.gates.words import data_called, listed, named, who_counts

Report = TypeVar("Report", Measured, Checked)


def counts(reporter: Reporter, reported_by: Reporters | None) -> bool:
    """Whether somebody's word counts. That of a disabled identity never does."""
    if reporter.disabled:
        return False
    if reported_by is None:
        return True
    groups = {group.lower() for group in reported_by.groups}
    return reporter.name.lower() in {name.lower() for name in reported_by.identities} or any(
        group.lower() in groups for group in reporter.groups
    )


def newest(reports: Iterable[Report]) -> Report | None:
    """The latest report."""
    return max(reports, key=lambda report: report.id, default=None)


def measurements(evidence: Evidence, version_id: UUID, metric: str, dataset: str) -> list[Measured]:
    """All reports of a metric of a version on a data set, whoever made them."""
    digest = digest_in(dataset)
    return [
        report
        for report in evidence.reports
        if report.version_id == version_id
        and report.metric == metric
        and (report.dataset == dataset if digest is None else report.sha256 == digest)
    ]


def never_measured(
    found: Iterable[Measured], whose: str, metric: str, dataset: str, by: Reporters | None
) -> str:
    """That no report counts, as a sentence; `whose` is the version, and `found` are the reports
    that do not count."""
    what = f"{named(metric)} on {data_called(dataset)}"
    others = sorted({named(report.by.name) for report in found})
    if not others:
        return f"{what} was never reported for {whose}; {who_counts(by)} may report it."
    return (
        f"{what} was reported for {whose} by {listed(others)} only, and that does not count; "
        f"{who_counts(by)} must report it."
    )
