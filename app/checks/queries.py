"""Every SELECT on checks."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.checks.tables import Check

_Later = aliased(Check)
_is_latest = (
    ~select(1)
    .where(_Later.version_id == Check.version_id, _Later.name == Check.name, _Later.id > Check.id)
    .correlate(Check)
    .exists()
)


async def page(
    session: AsyncSession,
    version_id: UUID,
    *,
    name: str | None,
    status: str | None,
    only_latest: bool,
    after: UUID | None,
    limit: int,
) -> list[tuple[Check, bool]]:
    """A version's reports, newest first, each with whether it is the latest of its name, and one
    more than `limit`."""
    statement = (
        select(Check, _is_latest)
        .where(Check.version_id == version_id)
        .order_by(Check.id.desc())
        .limit(limit + 1)
    )
    if name is not None:
        statement = statement.where(Check.name == name)
    if status is not None:
        statement = statement.where(Check.status == status)
    if only_latest:
        statement = statement.where(_is_latest)
    if after is not None:
        statement = statement.where(Check.id < after)
    return [(check, latest) for check, latest in await session.execute(statement)]


async def latest(session: AsyncSession, version_id: UUID, name: str) -> Check | None:
    """The latest report of a check on a version."""
    statement = (
        select(Check)
        .where(Check.version_id == version_id, Check.name == name)
        .order_by(Check.id.desc())
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()
