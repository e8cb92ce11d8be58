"""Every SELECT on what has a name."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.tables import Counter
from app.stages.tables import Alias
from app.versions.tables import Version


class Named(NamedTuple):
    """What the name and the tags of a version are, and what they are made from."""

    number: int
    name: str | None
    created_at: datetime
    tags: dict[str, str]
    params: dict[str, Any]
    metrics: dict[str, Any]
    code: dict[str, Any] | None


_COLUMNS = tuple(getattr(Version, field) for field in Named._fields)


async def versions_below(
    session: AsyncSession, model_id: UUID, below: int | None, limit: int
) -> list[Named]:
    """A model's versions, the newest number first."""
    statement = (
        select(*_COLUMNS)
        .where(Version.model_id == model_id, Version.deleted_at.is_(None))
        .order_by(Version.number.desc())
        .limit(limit)
    )
    if below is not None:
        statement = statement.where(Version.number < below)
    return [Named(*row) for row in await session.execute(statement)]


async def version_named(session: AsyncSession, model_id: UUID, ref: int | str) -> Named | None:
    """The version of this number or name."""
    named = Version.number == ref if isinstance(ref, int) else Version.name_key == ref.lower()
    statement = select(*_COLUMNS).where(
        Version.model_id == model_id, Version.deleted_at.is_(None), named
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else Named(*row)


async def aliases_after(
    session: AsyncSession, model_id: UUID, after: str | None, limit: int
) -> list[tuple[str, int]]:
    """A model's aliases and the numbers that they point at, by name."""
    statement = (
        select(Alias.name, Version.number)
        .join(Version, Version.id == Alias.version_id)
        .where(Alias.model_id == model_id)
        .order_by(Alias.name)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Alias.name > after)
    return [(row[0], row[1]) for row in await session.execute(statement)]


async def next_number(session: AsyncSession, model_id: UUID) -> tuple[int, datetime]:
    """The number that the next version of a model gets, and what time it is."""
    statement = select(Counter.last_number + 1, func.clock_timestamp())
    number, now = (await session.execute(statement.where(Counter.model_id == model_id))).one()
    return number, now


async def now(session: AsyncSession) -> datetime:
    """What time it is."""
    found: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return found
