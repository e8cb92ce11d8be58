"""What aliases point at, and what they pointed at."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import (
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.stages.queries.tenures import versions
from app.stages.tables import Alias, AliasChange


@dataclass(frozen=True, slots=True)
class AliasView:
    """An alias with the version that it points at."""

    alias: Alias
    number: int
    name: str | None


_alias = select(Alias, versions.c.number, versions.c.name).join(
    versions, versions.c.id == Alias.version_id
)


async def alias_named(
    session: AsyncSession, model_id: UUID, name: str, *, lock: bool = False
) -> AliasView | None:
    """The alias of this name, held until the end of the transaction if asked."""
    statement = _alias.where(Alias.model_id == model_id, Alias.name == name)
    if lock:
        statement = statement.with_for_update(of=Alias).execution_options(populate_existing=True)
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else AliasView(*row)


async def aliases_page(
    session: AsyncSession, model_id: UUID, after: str | None, limit: int
) -> list[AliasView]:
    """The aliases of a model by name, and one more than `limit`."""
    statement = _alias.where(Alias.model_id == model_id).order_by(Alias.name).limit(limit + 1)
    if after is not None:
        statement = statement.where(Alias.name > after)
    return [AliasView(*row) for row in await session.execute(statement)]


async def alias_changes_page(
    session: AsyncSession, model_id: UUID, name: str, before: int | None, limit: int
) -> list[AliasChange]:
    """What an alias pointed at, newest change first, and one more than `limit`."""
    statement = (
        select(AliasChange)
        .where(AliasChange.model_id == model_id, AliasChange.name == name)
        .order_by(AliasChange.id.desc())
        .limit(limit + 1)
    )
    if before is not None:
        statement = statement.where(AliasChange.id < before)
    return list((await session.execute(statement)).scalars())


async def alias_changes_count(session: AsyncSession, model_id: UUID, name: str) -> int:
    """How often an alias has changed."""
    found: int = (
        await session.execute(
            select(func.count()).where(AliasChange.model_id == model_id, AliasChange.name == name)
        )
    ).scalar_one()
    return found
