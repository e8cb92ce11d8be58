"""How a promoted version differs from the one that it would replace, for its reviewers."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.promotions import queries
from app.promotions.queries import FileDifference, Measured, Predecessor, PromotionView
from app.promotions.rules.changes import COMPARED, Row, compare, difference
from app.promotions.schemas.changes import (
    ChangeCounts,
    ChangedDataset,
    ChangedFile,
    ChangedMetric,
    ChangedStep,
    ChangedValue,
    ChangesOutput,
    ComparedOutput,
    DatasetState,
    FileCounts,
    FilesChange,
    FileState,
    MeasuredOnSame,
    StepState,
)
from app.stages.rules import NO_STAGE
from app.versions.tables import Version

MOST_ROWS = 1000
_NO_FILES = FilesChange(
    same=0,
    same_bytes=0,
    changed=[],
    added=[],
    gone=[],
    counts=FileCounts(changed=0, added=0, gone=0),
)


async def changes_in(session: AsyncSession, case: PromotionView) -> ChangesOutput | None:
    """The change that a promotion brings, in at most three statements; None where the version was
    deleted, for then nobody may read it.

    It is what there is at this moment, or was when the promotion ended. The incumbent is the one
    that the findings name, and with them the answer."""
    promotion, version = case.promotion, case.version
    if version.deleted_at is not None:
        return None
    incumbent = promotion.findings.get("incumbent")
    other = await queries.predecessor(session, promotion, version, incumbent)
    if other is None:
        return _as_output(None, {}, ([], 0), _NO_FILES)
    measured = await queries.measured_on_same(
        session, other.version.id, version.id, promotion.ended_at, MOST_ROWS
    )
    files = await _files(session, other.version, version)
    rows = compare(_recipe(other.version), _recipe(version))
    return _as_output(_compared(case, other, incumbent), rows, measured, files)


def _recipe(version: Version) -> dict[str, Any]:
    return {name: getattr(version, name) for name in COMPARED}


def _compared(case: PromotionView, other: Predecessor, incumbent: int | None) -> ComparedOutput:
    to = case.promotion.to_stage
    if incumbent is not None or (other.held_last and other.stage == to):
        because = f"held {to} then" if case.promotion.ended_at else f"holds {to}"
    else:
        because = f"held {to} last" if other.held_last else "the version before it"
    return ComparedOutput(
        version=other.version.number,
        name=other.version.name,
        stage=other.stage or NO_STAGE,
        because=because,
    )


async def _files(session: AsyncSession, old: Version, new: Version) -> FilesChange:
    """Where the manifests are one, no file is looked at."""
    if old.manifest_sha256 == new.manifest_sha256:
        return _NO_FILES.model_copy(update={"same": new.files_count, "same_bytes": new.size})
    found = await queries.files_differ(session, old.id, new.id, MOST_ROWS)
    return FilesChange(
        same=found.counts["same"],
        same_bytes=found.same_bytes,
        changed=[_file(each) for each in found.rows["changed"]],
        added=[_file(each) for each in found.rows["added"]],
        gone=[_file(each) for each in found.rows["gone"]],
        counts=FileCounts(**{kind: found.counts[kind] for kind in FileCounts.model_fields}),
    )


def _as_output(
    against: ComparedOutput | None,
    rows: dict[str, list[Row]],
    measured: tuple[list[Measured], int],
    files: FilesChange,
) -> ChangesOutput:
    counts = {name: len(found) for name, found in rows.items()}
    counts["evaluations"] = measured[1]
    cut = {name: found[:MOST_ROWS] for name, found in rows.items()}
    most = max(*counts.values(), *files.counts.model_dump().values())
    return ChangesOutput(
        against=against,
        params=_values(cut, "params"),
        metrics=[_metric(row) for row in cut.get("metrics", ())],
        evaluations=[_measured(each) for each in measured[0]],
        code=_values(cut, "code"),
        datasets=[_dataset(row) for row in cut.get("datasets", ())],
        preprocessing=[_step(row) for row in cut.get("preprocessing", ())],
        environment=_values(cut, "environment"),
        other=_values(cut, "other"),
        files=files,
        counts=ChangeCounts(**{name: counts.get(name, 0) for name in ChangeCounts.model_fields}),
        truncated=most > MOST_ROWS,
    )


def _values(rows: dict[str, list[Row]], name: str) -> list[ChangedValue]:
    return [
        ChangedValue(key=row.key, change=row.change, from_=row.before, to=row.after)
        for row in rows.get(name, ())
    ]


def _metric(row: Row) -> ChangedMetric:
    return ChangedMetric(
        key=row.key,
        change=row.change,
        from_=row.before,
        to=row.after,
        difference=difference(row.before, row.after),
    )


def _measured(each: Measured) -> MeasuredOnSame:
    return MeasuredOnSame(
        dataset=each.dataset,
        sha256=each.sha256,
        metric=each.metric,
        from_=each.before,
        to=each.after,
        difference=difference(each.before, each.after),
    )


def _dataset(row: Row) -> ChangedDataset:
    item = row.before or row.after
    return ChangedDataset(
        role=item["role"],
        name=item["name"],
        change=row.change,
        from_=None if row.before is None else DatasetState.model_validate(row.before),
        to=None if row.after is None else DatasetState.model_validate(row.after),
    )


def _step(row: Row) -> ChangedStep:
    return ChangedStep(
        name=row.key,
        change=row.change,
        from_=None if row.before is None else StepState.model_validate(row.before),
        to=None if row.after is None else StepState.model_validate(row.after),
    )


def _file(each: FileDifference) -> ChangedFile:
    return ChangedFile(path=each.path, from_=_bytes(each.before), to=_bytes(each.after))


def _bytes(found: tuple[str, int] | None) -> FileState | None:
    return None if found is None else FileState(sha256=found[0], size=found[1])
