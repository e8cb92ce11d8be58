"""Making groups, and who is in them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.etags import check_if_match, etag
from app.core.moments import Moment
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import NotFound
from app.groups import queries
from app.groups.schemas import GroupInput, GroupOutput
from app.identities import service as identities
from app.identities.moments import changes_standing, power_lost
from app.identities.tables import Group, Identity, Membership

# A group is about to go, and with it what it was granted.
deleting: Moment[[AsyncSession, Actor, Group]] = Moment()


async def create(session: AsyncSession, actor: Actor, wanted: GroupInput) -> Group:
    """Make a group without members."""
    await identities.claim_name(session, wanted.name)
    group = Group(name=wanted.name, description=wanted.description, created_by=actor.name)
    session.add(group)
    await session.flush()
    details = {"description": wanted.description}
    audit.record(session, actor, "group.created", subject=f"group:{group.name}", details=details)
    return group


async def delete_group(
    session: AsyncSession, actor: Actor, name: str, if_match: str | None
) -> None:
    """Delete a group, with what was granted to it."""
    group = await _to_change(session, name, if_match)
    members = (await get(session, name))[0].members
    member_ids = await queries.member_ids(session, group.id)
    await deleting.tell(session, actor, group)
    await session.delete(group)
    await session.flush()
    details = {"members": members}
    audit.record(session, actor, "group.deleted", subject=f"group:{name}", details=details)
    await _rights_changed(session, member_ids)


async def add_member(
    session: AsyncSession, actor: Actor, name: str, member: str, if_match: str | None
) -> tuple[GroupOutput, str, bool]:
    """Put an identity into a group; answers the group, its ETag, and whether this was a change."""
    group = await _to_change(session, name, if_match)
    identity = await _identity(session, member)
    added = await session.execute(
        insert(Membership)
        .values(group_id=group.id, identity_id=identity.id, added_by=actor.name)
        .on_conflict_do_nothing()
        .returning(Membership.identity_id)
    )
    changed = added.first() is not None
    if changed:
        await _member_event(session, actor, group, "member.added", identity)
    return *await get(session, name), changed


async def remove_member(
    session: AsyncSession, actor: Actor, name: str, member: str, if_match: str | None
) -> None:
    """Take an identity out of a group."""
    group = await _to_change(session, name, if_match)
    identity = await _identity(session, member)
    removed = await session.execute(
        delete(Membership)
        .where(Membership.group_id == group.id, Membership.identity_id == identity.id)
        .returning(Membership.identity_id)
    )
    if removed.first() is None:
        raise NotFound(f"`{member}` is not in the group `{name}`.")
    await _member_event(session, actor, group, "member.removed", identity)


async def get(session: AsyncSession, name: str) -> tuple[GroupOutput, str]:
    """A group with its ETag."""
    found = await queries.one(session, name)
    if found is None:
        raise _no_group(name)
    group, members = found
    return _output(group, members), etag(group.revision)


async def page(session: AsyncSession, *, cursor: str | None, limit: int) -> Page[GroupOutput]:
    """A page of groups, the oldest first."""
    found = await queries.page(session, after=cursor_id(cursor), limit=limit)
    rows, more = cut(found, limit)
    return Page(
        items=[_output(group, members) for group, members in rows],
        next_cursor=encode_cursor(rows[-1][0].id) if more else None,
    )


async def member_ids(session: AsyncSession, group: Group) -> Sequence[UUID]:
    """Who is in a group."""
    return await queries.member_ids(session, group.id)


async def find_to_grant(session: AsyncSession, name: str) -> Group | None:
    """The group of this name, which stays until the end of the transaction."""
    return await queries.locked(session, name)


def _output(group: Group, members: list[str] | None) -> GroupOutput:
    return GroupOutput(
        name=group.name,
        description=group.description,
        members=members or [],
        created_by=group.created_by,
        created_at=group.created_at,
    )


async def _to_change(session: AsyncSession, name: str, if_match: str | None) -> Group:
    group = await queries.locked(session, name)
    if group is None:
        raise _no_group(name)
    check_if_match(if_match, etag(group.revision))
    return group


async def _identity(session: AsyncSession, name: str) -> Identity:
    identity = await identities.find(session, name)
    if identity is None:
        raise identities.no_identity(name)
    return identity


async def _member_event(
    session: AsyncSession, actor: Actor, group: Group, action: str, member: Identity
) -> None:
    group.revision += 1
    await session.flush()
    details = {"member": member.name}
    audit.record(session, actor, action, subject=f"group:{group.name}", details=details)
    await _rights_changed(session, [member.id])


async def _rights_changed(session: AsyncSession, member_ids: Sequence[UUID]) -> None:
    await changes_standing(session, member_ids)
    await power_lost.tell(session)


def _no_group(name: str) -> NotFound:
    return NotFound(f"There is no group `{name}`. `GET /groups` lists them.")
