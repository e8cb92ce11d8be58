"""Every SELECT on identities."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.audit.tables import Event
from app.identities.tables import Group, Identity, Membership

Owner = aliased(Identity, name="owner")
Owned = aliased(Identity, name="owned")


async def by_name(session: AsyncSession, name: str, *, lock: bool = False) -> Identity | None:
    """The identity of this name, as written; locked until the end of the transaction if asked."""
    if "\0" in name:
        return None
    statement = select(Identity).where(Identity.name == name)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await session.execute(statement)).scalar_one_or_none()


async def name_of(session: AsyncSession, identity_id: UUID | None) -> str | None:
    """The name of an identity."""
    found = await session.execute(select(Identity.name).where(Identity.id == identity_id))
    return found.scalar_one_or_none()


async def name_taken(session: AsyncSession, name: str) -> bool:
    """Whether an identity or a group has this name, in any case."""
    statement = select(
        or_(
            *(
                select(kind.id).where(func.lower(kind.name) == name.lower()).exists()
                for kind in (Identity, Group)
            )
        )
    )
    return bool((await session.execute(statement)).scalar_one())


async def has_acted(session: AsyncSession, name: str) -> bool:
    """Whether the record holds an event of somebody who had this name."""
    statement = select(select(Event.id).where(Event.actor == name).exists())
    return bool((await session.execute(statement)).scalar_one())


_owner_disabled = Owner.disabled_at.is_not(None)
_owned = (
    select(func.count())
    .where(Owned.owner_id == Identity.id, Owned.disabled_at.is_(None))
    .correlate(Identity)
    .scalar_subquery()
)


def _with_owner() -> Select[Identity, str, bool, int]:
    return select(Identity, Owner.name, _owner_disabled, _owned).outerjoin(
        Owner, Owner.id == Identity.owner_id
    )


async def one(session: AsyncSession, name: str) -> Row[Identity, str, bool, int] | None:
    """The identity of this name with the name of its owner, whether that one is disabled, and how
    many enabled service accounts it owns itself."""
    if "\0" in name:
        return None
    return (await session.execute(_with_owner().where(Identity.name == name))).one_or_none()


async def page(
    session: AsyncSession,
    *,
    kind: str | None,
    owner: str | None,
    disabled: bool | None,
    owner_disabled: bool | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Identity, str, bool, int]]:
    """Identities as `one` shows them, the oldest first: one more than `limit`, to tell whether
    there is a next page."""
    wanted: list[ColumnElement[bool]] = []
    if kind is not None:
        wanted.append(Identity.kind == kind)
    if owner is not None:
        wanted.append(Owner.name == owner)
    if disabled is not None:
        wanted.append(Identity.disabled_at.is_not(None) == disabled)
    if owner_disabled is not None:
        wanted.append(_owner_disabled == owner_disabled)
    if after is not None:
        wanted.append(Identity.id > after)
    statement = _with_owner().where(*wanted).order_by(Identity.id).limit(limit + 1)
    return (await session.execute(statement)).all()


async def groups_of(session: AsyncSession, identity_id: UUID) -> list[str]:
    """The names of the groups that an identity is in."""
    statement = (
        select(Group.name)
        .join(Membership, Membership.group_id == Group.id)
        .where(Membership.identity_id == identity_id)
        .order_by(Group.name)
    )
    return list((await session.execute(statement)).scalars())
