"""What the gates of a stage are decided on: a statement for each kind of fact."""

import math
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, exists, func, literal, or_, select, true, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.checks.tables import Check
from app.evaluations.tables import Evaluation
from app.files.tables import File
from app.identities.tables import Identity
from app.promotions.queries.reviews import groups_of_identity
from app.promotions.rules.gates import Checked, Holder, Measured, Needs, Reporter
from app.stages import service as stages
from app.stages.tables import Alias, Tenure
from app.versions.tables import Author, Parent, Version


async def holders_of(
    session: AsyncSession, model_id: UUID, held: Iterable[str], aliases: Iterable[str]
) -> tuple[dict[str, tuple[Holder, ...]], dict[str, Holder]]:
    """Who holds these stages of a model now (two of each at most), and what these aliases point
    at."""
    tenures = (
        select(
            literal("stage").label("kind"),
            Tenure.stage.label("name"),
            Version.id,
            Version.number,
            func.row_number()
            .over(partition_by=Tenure.stage, order_by=Version.number.desc())
            .label("place"),
        )
        .join(Version, Version.id == Tenure.version_id)
        .where(Tenure.model_id == model_id, Tenure.stage.in_(held), stages.is_open)
        .subquery()
    )
    pointed = (
        select(literal("alias"), Alias.name, Version.id, Version.number)
        .join(Version, Version.id == Alias.version_id)
        .where(Alias.model_id == model_id, Alias.name.in_(aliases))
    )
    first_two = select(*tenures.c[:4]).where(tenures.c.place <= 2)
    by_stage: dict[str, tuple[Holder, ...]] = {}
    by_alias: dict[str, Holder] = {}
    for kind, name, version_id, number in await session.execute(union_all(first_two, pointed)):
        holder = Holder(version_id, number)
        if kind == "alias":
            by_alias[name] = holder
        else:
            by_stage[name] = (*by_stage.get(name, ()), holder)
    return by_stage, by_alias


async def measurements_of(
    session: AsyncSession, version_ids: Iterable[UUID], needs: Needs
) -> tuple[Measured, ...]:
    """The metrics that were reported for some versions on the data that gates name: of each
    reporter, metric and data the newest, with the reporter as they stand now."""
    metrics = (
        func.unnest(literal(sorted(needs.metrics), ARRAY(Text)))
        .table_valued("metric")
        .render_derived()
    )
    metric = metrics.c.metric
    told = (
        Evaluation.version_id,
        Evaluation.dataset_name,
        Evaluation.dataset_sha256,
        Evaluation.reported_by_id,
        metric,
    )
    newest = (
        select(*told, Evaluation.id, Evaluation.metrics[metric].label("measured"))
        .join(metrics, true())
        .where(
            Evaluation.version_id.in_(version_ids),
            or_(
                Evaluation.dataset_name.in_(needs.datasets),
                Evaluation.dataset_sha256.in_(needs.digests),
            ),
            Evaluation.metrics.has_key(metric),
        )
        .ext(distinct_on(*told))
        .order_by(*told, Evaluation.id.desc())
        .subquery()
    )
    found = await session.execute(
        select(newest, *_standing).join(Identity, Identity.id == newest.c.reported_by_id)
    )
    return tuple(each for row in found if (each := _as_measured(row)) is not None)


async def checks_on(
    session: AsyncSession, version_id: UUID, manifest_sha256: str, names: Iterable[str]
) -> tuple[Checked, ...]:
    """The reports of these checks on exactly these files: the newest of each reporter, with the
    reporter as they stand now."""
    told = (Check.name, Check.reported_by_id)
    newest = (
        select(*told, Check.id, Check.status, Check.summary)
        .where(
            Check.version_id == version_id,
            Check.manifest_sha256 == manifest_sha256,
            Check.name.in_(names),
        )
        .ext(distinct_on(*told))
        .order_by(*told, Check.id.desc())
        .subquery()
    )
    found = await session.execute(
        select(newest, *_standing).join(Identity, Identity.id == newest.c.reported_by_id)
    )
    return tuple(
        Checked(row.id, row.name, row.status, _as_reporter(row), row.summary) for row in found
    )


async def authors_of(session: AsyncSession, version_id: UUID) -> tuple[Reporter, ...]:
    """Who wrote content of a version, as they stand now."""
    found = await session.execute(
        select(*_standing)
        .join(Author, Author.identity_id == Identity.id)
        .where(Author.version_id == version_id)
    )
    return tuple(_as_reporter(row) for row in found)


async def paths_of(session: AsyncSession, version_id: UUID) -> tuple[str, ...]:
    """The paths of a version's files."""
    found = await session.execute(select(File.path).where(File.version_id == version_id))
    return tuple(found.scalars())


async def has_parents(session: AsyncSession, version_id: UUID) -> bool:
    """Whether a version names versions that it was made from."""
    found = await session.execute(
        select(Parent.parent_id).where(Parent.version_id == version_id).limit(1)
    )
    return found.scalar_one_or_none() is not None


async def is_in_use(session: AsyncSession, version_id: UUID) -> bool:
    """Whether a version holds a stage or has an alias, so that others may be compared with it."""
    held = exists().where(Tenure.version_id == version_id, stages.is_open)
    pointed_at = exists().where(Alias.version_id == version_id)
    found: bool = (await session.execute(select(or_(held, pointed_at)))).scalar_one()
    return found


_Owner = aliased(Identity)
_standing = (
    Identity.name.label("reporter"),
    Identity.disabled_at.label("disabled_at"),
    groups_of_identity.label("groups"),
    select(_Owner.name).where(_Owner.id == Identity.owner_id).scalar_subquery().label("owner"),
)


def _as_reporter(row: Any) -> Reporter:
    groups = frozenset(row.groups or ())
    return Reporter(row.reporter, groups, row.disabled_at is not None, row.owner)


def _as_measured(row: Any) -> Measured | None:
    """None for what is no number: it cannot be compared."""
    measured = row.measured
    value = _number(measured.get("value") if isinstance(measured, dict) else measured)
    if value is None:
        return None
    more = measured if isinstance(measured, dict) else {}
    n = more.get("n")
    return Measured(
        id=row.id,
        version_id=row.version_id,
        dataset=row.dataset_name,
        sha256=row.dataset_sha256,
        metric=row.metric,
        value=value,
        by=_as_reporter(row),
        stderr=_number(more.get("stderr")),
        n=n if isinstance(n, int) and not isinstance(n, bool) else None,
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
