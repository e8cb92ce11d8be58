"""Every SELECT of a comparison: one for each kind of fact, however many versions there are."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, literal, or_, select, true, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.compare.rules.asked import Named
from app.compare.rules.results import Measured
from app.compare.rules.rows import MOST_ROWS
from app.evaluations.tables import Evaluation
from app.files.tables import File
from app.models.tables import Counter, Model
from app.stages.rules import parse_ref
from app.stages.service import aliases_of, resolves, stage_of
from app.versions.tables import Author, Parent, Version

MOST_REPORTS = 200
_ParentVersion = aliased(Version)
_ParentModel = aliased(Model)


class Facts(NamedTuple):
    """A version with what stands around it. `reports` are its evaluations, counted up to one more
    than are looked at."""

    version: Version
    model: str
    stage: str | None
    aliases: list[str] | None
    authors: list[str] | None
    parents: list[dict[str, Any]] | None
    reports: int


class Report(NamedTuple):
    """The newest report on a version of one metric on one data set."""

    version_id: UUID
    dataset: str
    sha256: str | None
    metric: str
    measured: Measured


async def resolved(session: AsyncSession, named: Sequence[Named]) -> list[list[UUID]]:
    """What each reference means, in one statement: at most two versions for each."""
    each = [_resolved(place, one) for place, one in enumerate(named)]
    found: list[list[UUID]] = [[] for _ in named]
    for place, version_id in await session.execute(union_all(*each)):
        found[place].append(version_id)
    return found


def _resolved(place: int, named: Named) -> Any:
    means = resolves(
        parse_ref(named.ref),
        model_id=Model.id,
        latest_ready=Counter.latest_ready,
        version_id=Version.id,
        number=Version.number,
    )
    two = (
        select(Version.id)
        .join(Model, Model.id == Version.model_id)
        .join(Counter, Counter.model_id == Model.id)
        .where(Model.name == named.model, Model.deleted_at.is_(None), Version.deleted_at.is_(None))
        .where(means)
        .limit(2)
        .subquery()
    )
    return select(literal(place), two.c.id)


_authors = (
    select(func.array_agg(aggregate_order_by(Author.name, Author.name)))
    .where(Author.version_id == Version.id)
    .correlate(Version)
    .scalar_subquery()
)
_parents = (
    select(
        func.json_agg(
            aggregate_order_by(
                func.json_build_object(
                    *("model", _ParentModel.name, "version", _ParentVersion.number)
                ),
                Parent.position,
            )
        )
    )
    .join(_ParentVersion, _ParentVersion.id == Parent.parent_id)
    .join(_ParentModel, _ParentModel.id == _ParentVersion.model_id)
    .where(Parent.version_id == Version.id)
    .correlate(Version)
    .scalar_subquery()
)


async def facts(session: AsyncSession, version_ids: Sequence[UUID]) -> list[Facts]:
    """These versions, in this order; without those that were deleted meanwhile."""
    reports = select(func.count()).select_from(_reports_of(Version.id)).scalar_subquery()
    statement = (
        select(
            Version,
            Model.name,
            stage_of(Version.id),
            aliases_of(Version.id),
            _authors,
            _parents,
            reports,
        )
        .join(Model, Model.id == Version.model_id)
        .where(Version.id.in_(version_ids), Version.deleted_at.is_(None))
    )
    by_id = {row[0].id: Facts(*row) for row in await session.execute(statement)}
    return [by_id[each] for each in version_ids if each in by_id]


def _reports_of(version_id: Any) -> Any:
    """The newest reports on a version, and one more than are looked at."""
    return (
        select(
            Evaluation.id,
            Evaluation.dataset_name,
            Evaluation.dataset_sha256,
            Evaluation.metrics,
        )
        .where(Evaluation.version_id == version_id)
        .correlate(Version)
        .order_by(Evaluation.id.desc())
        .limit(MOST_REPORTS + 1)
        .lateral("reports")
    )


async def reports(session: AsyncSession, version_ids: Sequence[UUID]) -> list[Report]:
    """What was reported of these versions: of each metric on each data set the newest, as gates
    count it."""
    newest = _reports_of(Version.id)
    measured = (
        func.jsonb_each(newest.c.metrics).table_valued("key", "value").render_derived("measured")
    )
    told = (Version.id, newest.c.dataset_name, newest.c.dataset_sha256, measured.c.key)
    statement = (
        select(*told, newest.c.id, measured.c.value)
        .select_from(Version)
        .join(newest, true())
        .join(measured, true())
        .where(Version.id.in_(version_ids))
        .ext(distinct_on(*told))
        .order_by(*told, newest.c.id.desc())
        .limit(MOST_ROWS * len(version_ids))
    )
    found = sorted(await session.execute(statement), key=lambda row: row[4], reverse=True)
    return [
        Report(row[0], row[1], row[2], row[3], made)
        for row in found
        if (made := _measured(row[4], row[5])) is not None
    ]


def _measured(evaluation: UUID, told: Any) -> Measured | None:
    value = told.get("value") if isinstance(told, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    stderr = told.get("stderr")
    is_known = isinstance(stderr, int | float) and not isinstance(stderr, bool)
    return Measured(str(evaluation), value, float(stderr) if is_known else None)


async def files(
    session: AsyncSession, version_ids: Sequence[UUID], *, only_differing: bool
) -> list[tuple[UUID, str, str, int]]:
    """(version, path, sha256, size) of the files of these versions, for the first paths that any
    of them has, or in which they differ."""
    paths = (
        select(File.path)
        .where(File.version_id.in_(version_ids))
        .group_by(File.path)
        .order_by(File.path)
        .limit(MOST_ROWS + 1)
    )
    if only_differing:
        paths = paths.having(
            or_(func.count() < len(version_ids), func.count(File.sha256.distinct()) > 1)
        )
    first = paths.subquery()
    statement = (
        select(File.version_id, File.path, File.sha256, File.size)
        .join(first, first.c.path == File.path)
        .where(File.version_id.in_(version_ids))
    )
    return [(row[0], row[1], row[2], row[3]) for row in await session.execute(statement)]
