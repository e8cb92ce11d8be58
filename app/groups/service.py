"""Making groups, and who is in them."""

from collections.abc import Collection, Sequence
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
from app.groups.schemas import GroupChange, GroupInput, GroupOutput
from app.identities import service as identities
from app.identities.moments import changes_standing, power_lost
from app.identities.problems import LastAdmin
from app.identities.tables import Group, Identity, Membership

# A group is about to go, and with it what it was granted.
deleting: Moment[[AsyncSession, Actor, Group]] = Moment()


async def create(session: AsyncSession, actor: Actor, wanted: GroupInput) -> Group:
    """Make a group without members."""
    await identities.claim_name(session, wanted.name)
    group = Group(
        name=wanted.name,
        description=wanted.description,
        claim=wanted.claim,
        created_by=actor.name,
    )
    session.add(group)
    await session.flush()
    details = {"description": wanted.description}
    if wanted.claim is not None:
        details["claim"] = wanted.claim
    audit.record(session, actor, "group.created", subject=f"group:{group.name}", details=details)
    return group


async def change(
    session: AsyncSession, actor: Actor, name: str, wanted: GroupChange, if_match: str | None
) -> tuple[GroupOutput, str]:
    """Change what a group is told as, or by which claim people come to it."""
    group = await _to_change(session, name, if_match)
    before = {"description": group.description, "claim": group.claim}
    given = wanted.model_dump(exclude_unset=True)
    differs = audit.difference(before, {**before, **given})
    if differs:
        group.description = given.get("description", group.description)
        group.claim = given.get("claim") if "claim" in given else group.claim
        group.revision += 1
        await session.flush()
        subject = f"group:{group.name}"
        audit.record(session, actor, "group.updated", subject=subject, details=differs)
    if "claim" in differs:
        await _end_by_claim(session, actor, group, before["claim"])
    return await get(session, name)


async def _end_by_claim(
    session: AsyncSession, actor: Actor, group: Group, claim: str | None
) -> None:
    for member in await queries.members_by_claim(session, group.id):
        await _drop(session, group, member)
        await _member_event(session, actor, group, "member.removed", member, by_claim=claim)


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
    elif await queries.make_by_hand(session, group.id, identity.id, actor.name):
        await _member_event(session, actor, group, "member.kept", identity)
    return *await get(session, name), changed


async def remove_member(
    session: AsyncSession, actor: Actor, name: str, member: str, if_match: str | None
) -> None:
    """Take an identity out of a group."""
    group = await _to_change(session, name, if_match)
    identity = await _identity(session, member)
    if not await _drop(session, group, identity):
        raise NotFound(f"`{member}` is not in the group `{name}`.")
    await _member_event(session, actor, group, "member.removed", identity)


async def get(session: AsyncSession, name: str) -> tuple[GroupOutput, str]:
    """A group with its ETag."""
    found = await queries.one(session, name)
    if found is None:
        raise _no_group(name)
    return output(*found), etag(found[0].revision)


async def page(session: AsyncSession, *, cursor: str | None, limit: int) -> Page[GroupOutput]:
    """A page of groups, the oldest first."""
    found = await queries.page(session, after=cursor_id(cursor), limit=limit)
    rows, more = cut(found, limit)
    return Page(
        items=[output(*row) for row in rows],
        next_cursor=encode_cursor(rows[-1][0].id) if more else None,
    )


async def member_ids(session: AsyncSession, group: Group) -> Sequence[UUID]:
    """Who is in a group."""
    return await queries.member_ids(session, group.id)


async def follow_claims(
    session: AsyncSession, identity: Identity, claims: Collection[str]
) -> list[str]:
    """Have an identity be in each group whose claim is one of these, and no longer in one that it
    is in by another. What an admin did by hand stays. Answers the groups that it could not leave,
    because nobody would be an admin any more."""
    kept = []
    for group, membership in await queries.led_by_claim(session, identity.id, claims):
        name = group.name  # what a refused leave rolls back is not read again
        is_listed = group.claim is not None and group.claim in claims
        is_in_by_claim = membership is not None and membership.by_claim
        if is_listed and membership is None:
            await _join(session, group, identity)
        elif is_in_by_claim and not is_listed and not await _leave(session, group, identity):
            kept.append(name)
    return kept


async def _join(session: AsyncSession, group: Group, identity: Identity) -> None:
    session.add(
        Membership(group_id=group.id, identity_id=identity.id, added_by=audit.SYSTEM, by_claim=True)
    )
    await session.flush()
    await _member_event(session, None, group, "member.added", identity, by_claim=group.claim)


async def _leave(session: AsyncSession, group: Group, identity: Identity) -> bool:
    try:
        async with session.begin_nested():
            await _drop(session, group, identity)
            await _member_event(
                session, None, group, "member.removed", identity, by_claim=group.claim
            )
    except LastAdmin:
        return False
    return True


async def find_to_grant(session: AsyncSession, name: str) -> Group | None:
    """The group of this name, which stays until the end of the transaction."""
    return await queries.locked(session, name)


def output(group: Group, members: list[str] | None, by_claim: list[str] | None) -> GroupOutput:
    """A group with the names of its members, and of those of them who are so by claim."""
    return GroupOutput(
        name=group.name,
        description=group.description,
        members=members or [],
        claim=group.claim,
        members_by_claim=by_claim or [],
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


async def _drop(session: AsyncSession, group: Group, identity: Identity) -> bool:
    removed = await session.execute(
        delete(Membership)
        .where(Membership.group_id == group.id, Membership.identity_id == identity.id)
        .returning(Membership.identity_id)
    )
    return removed.first() is not None


async def _member_event(
    session: AsyncSession,
    actor: Actor | None,
    group: Group,
    action: str,
    member: Identity,
    *,
    by_claim: str | None = None,
) -> None:
    group.revision += 1
    await session.flush()
    details = {"member": member.name, **({} if by_claim is None else {"by_claim": by_claim})}
    audit.record(session, actor, action, subject=f"group:{group.name}", details=details)
    await _rights_changed(session, [member.id])


async def _rights_changed(session: AsyncSession, member_ids: Sequence[UUID]) -> None:
    await changes_standing(session, member_ids)
    await power_lost.tell(session)


def _no_group(name: str) -> NotFound:
    return NotFound(f"There is no group `{name}`. `GET /groups` lists them.")
