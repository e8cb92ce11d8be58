"""What two versions differ in beside their recipes: what was measured of them, and their files."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Float,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.evaluations.tables import Evaluation
from app.files.tables import File

REPORTS_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """What both versions were measured to have on the same data."""

    dataset: str
    sha256: str
    metric: str
    before: float
    after: float


async def measured_on_same(
    session: AsyncSession, old: UUID, new: UUID, until: datetime | None, limit: int
) -> tuple[list[Measured], int]:
    """For each data set digest and metric that both versions have, the newest of each, at most so
    many, and how many there are. `until` leaves out what was reported later; of each version the
    latest reports are looked at, so that their number does not matter."""
    told = {"old": old, "new": new, "until": until, "most": limit}
    rows = await session.execute(_on_same(bounded=until is not None), told)
    found = rows.all()
    return [Measured(*row[:5]) for row in found], found[0][5] if found else 0


@cache
def _on_same(*, bounded: bool) -> Select[Any]:
    """The statement, which takes longer to put together than to answer."""
    before = _newest_of_each(_reports("old", bounded=bounded)).cte("before")
    after = _newest_of_each(_reports("new", bounded=bounded)).cte("after")
    on_same = and_(
        before.c.dataset_sha256 == after.c.dataset_sha256, before.c.metric == after.c.metric
    )
    return (
        select(
            after.c.dataset_name,
            after.c.dataset_sha256,
            after.c.metric,
            before.c.value,
            after.c.value,
            func.count().over(),
        )
        .join(before, on_same)
        .order_by(after.c.dataset_name, after.c.dataset_sha256, after.c.metric)
        .limit(bindparam("most", type_=Integer))
    )


def _reports(version: str, *, bounded: bool) -> Select[Any]:
    """The latest reports on the version that a parameter names, which name a digest."""
    return (
        select(Evaluation)
        .where(Evaluation.version_id == bindparam(version), Evaluation.dataset_sha256.is_not(None))
        .where(Evaluation.at <= bindparam("until") if bounded else true())
        .order_by(Evaluation.id.desc())
        .limit(REPORTS_LOOKED_AT)
    )


def _newest_of_each(reports: Select[Any]) -> Select[Any]:
    """Of each data set and metric, the value in the newest of these reports."""
    report = reports.subquery("report")
    entry = func.jsonb_each(report.c.metrics).table_valued(
        column("key", Text), column("value", JSONB), name="entry"
    )
    metric = entry.c.key.collate("C")
    return (
        select(
            report.c.dataset_name,
            report.c.dataset_sha256,
            metric.label("metric"),
            cast(entry.c.value["value"].astext, Float).label("value"),
        )
        .join(entry, true())
        .ext(distinct_on(report.c.dataset_sha256, metric))
        .order_by(report.c.dataset_sha256, metric, report.c.id.desc())
    )


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A path whose bytes differ; null on the side that does not have it."""

    path: str
    before: tuple[str, int] | None
    after: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class FileDifferences:
    """How the files of two versions differ: how many of each kind, and the first of them by path.
    The kinds are `same`, `changed`, `added` and `gone`."""

    counts: dict[str, int]
    same_bytes: int
    rows: dict[str, list[FileDifference]]


async def files_differ(session: AsyncSession, old: UUID, new: UUID, limit: int) -> FileDifferences:
    """How the files of two versions differ, in one statement: PostgreSQL joins them by path and
    gives at most so many rows of each kind, so that their number costs no memory here."""
    before = select(File).where(File.version_id == old).subquery("before")
    after = select(File).where(File.version_id == new).subquery("after")
    kind = case(
        (before.c.path.is_(None), "added"),
        (after.c.path.is_(None), "gone"),
        (before.c.sha256 == after.c.sha256, "same"),
        else_="changed",
    )
    path = func.coalesce(before.c.path, after.c.path)
    joined = (
        select(
            kind.label("kind"),
            path.label("path"),
            before.c.sha256.label("old_sha256"),
            before.c.size.label("old_size"),
            after.c.sha256.label("new_sha256"),
            after.c.size.label("new_size"),
            func.row_number().over(partition_by=kind, order_by=path).label("place"),
            func.count().over(partition_by=kind).label("many"),
            func.sum(after.c.size).over(partition_by=kind).label("total"),
        )
        .select_from(before.join(after, before.c.path == after.c.path, full=True))
        .subquery("joined")
    )
    shown = or_(joined.c.place == 1, and_(joined.c.kind != "same", joined.c.place <= limit))
    rows = await session.execute(select(joined).where(shown).order_by(joined.c.place))
    return _as_differences(rows.all())


def _as_differences(rows: Any) -> FileDifferences:
    kinds = ("same", "changed", "added", "gone")
    counts, same_bytes = dict.fromkeys(kinds, 0), 0
    listed: dict[str, list[FileDifference]] = {kind: [] for kind in kinds}
    for row in rows:
        counts[row.kind] = row.many
        if row.kind == "same":
            same_bytes = int(row.total)
            continue
        before = None if row.old_sha256 is None else (row.old_sha256, row.old_size)
        after = None if row.new_sha256 is None else (row.new_sha256, row.new_size)
        listed[row.kind].append(FileDifference(row.path, before, after))
    return FileDifferences(counts, same_bytes, listed)
