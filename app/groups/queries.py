"""Every SELECT on groups."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Row, Select, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from app.identities.tables import Group, Identity, Membership

Shown = Row[Group, list[str] | None, list[str] | None]
_names = (
    select(func.array_agg(aggregate_order_by(Identity.name, Identity.name)))
    .join(Membership, Membership.identity_id == Identity.id)
    .where(Membership.group_id == Group.id)
    .correlate(Group)
)
_members = _names.scalar_subquery()
_by_claim = _names.where(Membership.by_claim).scalar_subquery()


def _shown() -> Select[Group, list[str] | None, list[str] | None]:
    return select(Group, _members, _by_claim)


async def one(session: AsyncSession, name: str) -> Shown | None:
    """The group of this name, as written, with the names of its members, and of those by claim."""
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


async def page(session: AsyncSession, *, after: UUID | None, limit: int) -> Sequence[Shown]:
    """Groups with their members, the oldest first: one more than `limit`, to tell whether there
    is a next page."""
    statement = _shown().order_by(Group.id).limit(limit + 1)
    if after is not None:
        statement = statement.where(Group.id > after)
    return (await session.execute(statement)).all()


async def led_by_claim(
    session: AsyncSession, identity_id: UUID, claims: Collection[str]
) -> Sequence[Row[Group, Membership | None]]:
    """The groups whose claim is one of these or that the identity is in by claim, locked in one
    order until the end of the transaction, each with the identity's membership."""
    mine = and_(Membership.group_id == Group.id, Membership.identity_id == identity_id)
    concerned = or_(Group.claim.in_(claims), Membership.by_claim)
    locked = select(Group.id).outerjoin(Membership, mine).where(concerned).order_by(Group.id)
    ids = (await session.execute(locked.with_for_update(of=Group))).scalars().all()
    statement = select(Group, Membership).outerjoin(Membership, mine).where(Group.id.in_(ids))
    statement = statement.order_by(Group.id).execution_options(populate_existing=True)
    return (await session.execute(statement)).all()


async def members_by_claim(session: AsyncSession, group_id: UUID) -> Sequence[Identity]:
    """Those who are in a group by claim."""
    statement = (
        select(Identity)
        .join(Membership, Membership.identity_id == Identity.id)
        .where(Membership.group_id == group_id, Membership.by_claim)
        .order_by(Identity.name)
    )
    return (await session.execute(statement)).scalars().all()


async def make_by_hand(session: AsyncSession, group_id: UUID, identity_id: UUID, by: str) -> bool:
    """Have a membership that is by claim be one by hand; answers whether it was by claim."""
    statement = (
        update(Membership)
        .where(
            Membership.group_id == group_id,
            Membership.identity_id == identity_id,
            Membership.by_claim,
        )
        .values(by_claim=False, added_by=by)
        .returning(Membership.identity_id)
    )
    return (await session.execute(statement)).first() is not None
