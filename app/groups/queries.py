"""Every SELECT on groups."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, Select, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from app.identities.tables import Group, Identity, Membership

_members = (
    select(func.array_agg(aggregate_order_by(Identity.name, Identity.name)))
    .join(Membership, Membership.identity_id == Identity.id)
    .where(Membership.group_id == Group.id)
    .correlate(Group)
    .scalar_subquery()
)


def _shown() -> Select[Group, list[str] | None]:
    return select(Group, _members)


async def one(session: AsyncSession, name: str) -> Row[Group, list[str] | None] | None:
    """The group of this name, as written, with the names of its members."""
    if "\0" in name:
        return None
    return (await session.execute(_shown().where(Group.name == name))).one_or_none()


async def locked(session: AsyncSession, name: str) -> Group | None:
    """The group of this name, locked until the end of the transaction."""
    if "\0" in name:
        return None
    statement = select(Group).where(Group.name == name).with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def member_ids(session: AsyncSession, group_id: UUID) -> Sequence[UUID]:
    """Who is in a group."""
    statement = select(Membership.identity_id).where(Membership.group_id == group_id)
    return (await session.execute(statement)).scalars().all()


async def page(
    session: AsyncSession, *, after: UUID | None, limit: int
) -> Sequence[Row[Group, list[str] | None]]:
    """Groups with their members, the oldest first: one more than `limit`, to tell whether there
    is a next page."""
    statement = _shown().order_by(Group.id).limit(limit + 1)
    if after is not None:
        statement = statement.where(Group.id > after)
    return (await session.execute(statement)).all()
