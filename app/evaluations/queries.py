"""Every SELECT on evaluations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, column, func, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.evaluations.tables import Evaluation


async def page(
    session: AsyncSession,
    version_id: UUID,
    *,
    dataset: str | None,
    sha256: str | None,
    after: UUID | None,
    limit: int,
) -> list[Evaluation]:
    """A version's evaluations, newest first, and one more than `limit`."""
    statement = (
        select(Evaluation)
        .where(Evaluation.version_id == version_id)
        .order_by(Evaluation.id.desc())
        .limit(limit + 1)
    )
    if dataset is not None:
        statement = statement.where(Evaluation.dataset_name == dataset)
    if sha256 is not None:
        statement = statement.where(Evaluation.dataset_sha256 == sha256)
    if after is not None:
        statement = statement.where(Evaluation.id < after)
    return list((await session.execute(statement)).scalars())


async def one(session: AsyncSession, version_id: UUID, evaluation_id: UUID) -> Evaluation | None:
    """An evaluation of this version."""
    statement = select(Evaluation).where(
        Evaluation.version_id == version_id, Evaluation.id == evaluation_id
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def newest_id(session: AsyncSession, version_id: UUID) -> UUID | None:
    """The id of a version's newest evaluation."""
    statement = (
        select(Evaluation.id)
        .where(Evaluation.version_id == version_id)
        .order_by(Evaluation.id.desc())
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


# What tells data apart: the digest or, without one, name and version.
_data = func.coalesce(
    func.encode(Evaluation.dataset_sha256, text("'hex'"), type_=Text),
    func.md5(
        func.jsonb_build_array(Evaluation.dataset_name, Evaluation.dataset_version).cast(Text)
    ),
)


async def datasets(
    session: AsyncSession, version_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """The data that a version was evaluated on, last evaluated first, and one more."""
    newest = func.array_agg(aggregate_order_by(Evaluation.id, Evaluation.id.desc()))[1]
    groups = (
        select(
            _data.label("data"),
            newest.label("newest"),
            func.count().label("reports"),
            func.min(Evaluation.at).label("first_at"),
            func.max(Evaluation.at).label("last_at"),
        )
        .where(Evaluation.version_id == version_id)
        .group_by(_data)
        .subquery("groups")
    )
    statement = select(groups).order_by(groups.c.newest.desc()).limit(limit + 1)
    if after is not None:
        statement = statement.where(groups.c.newest < after)
    return (await session.execute(statement)).all()


async def latest_metrics(
    session: AsyncSession, version_id: UUID, data: Sequence[str]
) -> Sequence[Row[Any]]:
    """The latest report of each metric on each of these data."""
    entry = func.jsonb_each(Evaluation.metrics).table_valued(
        column("key", Text), column("value", JSONB), name="entry"
    )
    statement = (
        select(
            _data.label("data"),
            entry.c.key,
            entry.c.value,
            Evaluation.id,
            Evaluation.dataset_name,
            Evaluation.dataset_version,
            Evaluation.dataset_sha256,
            Evaluation.reported_by,
            Evaluation.at,
        )
        .join_from(Evaluation, entry, literal(True))
        .where(
            Evaluation.version_id == version_id,
            _data == func.any(literal(list(data), ARRAY(Text))),
        )
        .ext(distinct_on(_data, entry.c.key))
        .order_by(_data, entry.c.key, Evaluation.id.desc())
    )
    return (await session.execute(statement)).all()
