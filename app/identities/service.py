"""Making and changing the people and service accounts who speak."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import clock
from app.core.etags import check_if_match, etag
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import NotFound
from app.identities import queries
from app.identities.moments import changes_standing, disabled, power_lost
from app.identities.problems import NameTaken, unknown_subject
from app.identities.schemas import IdentityChange, IdentityInput, IdentityOutput
from app.identities.tables import Identity


async def create(
    session: AsyncSession, actor: Actor, wanted: IdentityInput
) -> tuple[IdentityOutput, str]:
    """Make an identity; without a grant it sees no model yet."""
    if wanted.kind == "service" and wanted.owner is None:
        raise unknown_subject("/owner", "A service account needs a user as its owner.")
    if wanted.kind == "user" and wanted.owner is not None:
        raise unknown_subject("/owner", "Only a service account has an owner. Leave it out.")
    await claim_name(session, wanted.name)
    identity = Identity(
        name=wanted.name,
        kind=wanted.kind,
        email=wanted.email,
        owner_id=None if wanted.owner is None else (await _owner(session, wanted.owner)).id,
        created_by=actor.name,
    )
    session.add(identity)
    await session.flush()
    audit.record(
        session,
        actor,
        "identity.created",
        subject=f"identity:{identity.name}",
        details={"kind": wanted.kind, "email": wanted.email, "owner": wanted.owner},
    )
    return await get(session, identity.name)


async def change(
    session: AsyncSession, actor: Actor, name: str, wanted: IdentityChange, if_match: str | None
) -> tuple[IdentityOutput, str]:
    """Disable or enable an identity, or change how it is reached or who owns it. The last enabled
    admin cannot be disabled. Service accounts of somebody who is disabled work on: what they run
    does not stop because a person left, but it is shown that nobody answers for them."""
    identity = await queries.by_name(session, name, lock=True)
    if identity is None:
        raise no_identity(name)
    _, tag = await get(session, name)
    check_if_match(if_match, tag)
    before, owner_id = await _changeable(session, identity), identity.owner_id
    given = wanted.model_dump(exclude_unset=True)
    if "owner" in given and given["owner"] != before["owner"]:
        if identity.kind != "service":
            raise unknown_subject("/owner", "Only a service account has an owner. Leave it out.")
        identity.owner_id = (await _owner(session, given["owner"])).id
    if "email" in given:
        identity.email = given["email"]
    if given.get("disabled", before["disabled"]) != before["disabled"]:
        identity.disabled_at = await clock(session) if given["disabled"] else None
        identity.disabled_by = actor.name if given["disabled"] else None
    differs = audit.difference(before, {**before, **given})
    await _record_change(session, actor, identity, differs, owner_id)
    return await get(session, name)


async def _changeable(session: AsyncSession, identity: Identity) -> dict[str, Any]:
    return {
        "disabled": identity.disabled_at is not None,
        "email": identity.email,
        "owner": await queries.name_of(session, identity.owner_id),
    }


async def _record_change(
    session: AsyncSession,
    actor: Actor,
    identity: Identity,
    differs: dict[str, Any],
    owner_before: UUID | None,
) -> None:
    if not differs:
        return
    identity.revision += 1
    identity.updated_at = await clock(session)
    await session.flush()
    action = "identity.updated"
    if "disabled" in differs:
        action = "identity.disabled" if identity.disabled_at else "identity.enabled"
        await power_lost.tell(session)
    if "disabled" in differs or "owner" in differs:
        concerned = {identity.id, owner_before, identity.owner_id}
        await changes_standing(session, [each for each in concerned if each is not None])
    audit.record(session, actor, action, subject=f"identity:{identity.name}", details=differs)
    if action == "identity.disabled":
        await disabled.tell(session, actor, identity)


async def get(session: AsyncSession, name: str) -> tuple[IdentityOutput, str]:
    """An identity with its ETag."""
    found = await queries.one(session, name)
    if found is None:
        raise no_identity(name)
    output = IdentityOutput.of(*found)
    # Some of what is shown stands in other rows.
    tag = etag(found[0].revision, int(output.owner_disabled), output.service_accounts)
    return output, tag


async def page(
    session: AsyncSession,
    *,
    kind: str | None,
    owner: str | None,
    disabled: bool | None,
    owner_disabled: bool | None,
    cursor: str | None,
    limit: int,
) -> Page[IdentityOutput]:
    """A page of identities, the oldest first."""
    rows, more = cut(
        await queries.page(
            session,
            kind=kind,
            owner=owner,
            disabled=disabled,
            owner_disabled=owner_disabled,
            after=cursor_id(cursor),
            limit=limit,
        ),
        limit,
    )
    return Page(
        items=[IdentityOutput.of(*row) for row in rows],
        next_cursor=encode_cursor(rows[-1][0].id) if more else None,
    )


async def find(session: AsyncSession, name: str) -> Identity | None:
    """The identity of this name, as written."""
    return await queries.by_name(session, name)


async def groups_of(session: AsyncSession, identity_id: UUID) -> list[str]:
    """The names of the groups that an identity is in."""
    return await queries.groups_of(session, identity_id)


async def claim_name(session: AsyncSession, name: str) -> None:
    """Hold a name until the end of the transaction, for an identity or a group to be made."""
    key = func.hashtextextended(f"name {name.lower()}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))
    if name.lower() == audit.SYSTEM:
        raise NameTaken(f"`{audit.SYSTEM}` is what the service calls itself. Choose another name.")
    if await queries.name_taken(session, name):
        raise NameTaken(
            f"`{name}` is the name of an identity or a group already (without regard to case). "
            "Choose another name."
        )
    # only a redaction frees a name; what its bearer did stays recorded under it
    if await queries.has_acted(session, name):
        raise NameTaken(
            f"Somebody acted under the name `{name}`, and the record would tell of it as of "
            "another's deeds. Choose another name."
        )


def no_identity(name: str) -> NotFound:
    """The problem with a path that names nobody."""
    return NotFound(f"There is no identity `{name}`. `GET /identities` lists them.")


async def _owner(session: AsyncSession, name: str) -> Identity:
    owner = await queries.by_name(session, name)
    if owner is None or owner.kind != "user" or owner.disabled_at is not None:
        raise unknown_subject("/owner", f"There is no enabled user `{name}`. Name one.")
    return owner
