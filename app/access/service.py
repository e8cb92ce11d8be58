"""Giving and removing roles, and telling somebody what they have."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import queries
from app.access.authenticator import Authenticator
from app.access.queries import is_enabled_admin, visible
from app.access.rules import check, check_new, may, require_server
from app.access.schemas import GrantInput, GrantOutput
from app.access.tables import GrantRow
from app.audit import service as audit
from app.core.actor import Actor
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import InvalidRequest, NotFound
from app.core.settings import Settings
from app.groups import service as groups
from app.identities import service as identities
from app.identities.moments import changes_standing, power_lost
from app.identities.problems import LastAdmin, unknown_subject
from app.identities.schemas import Me, RoleHeld, RoleName, ScopeName, TokenUsed
from app.identities.tables import Group, Identity
from app.tokens import service as tokens

__all__ = [
    "Authenticator",
    "check",
    "check_new",
    "is_enabled_admin",
    "may",
    "require_server",
    "visible",
]

FIRST_ADMIN = "admin"
ADMIN: RoleName = "admin"
ALL_SCOPES = ["admin", "read", "review", "write"]


async def give(session: AsyncSession, actor: Actor, wanted: GrantInput) -> tuple[GrantOutput, bool]:
    """Give a role; answers the grant, and whether it is new."""
    _check_admin_is_global(wanted)
    subject = await _subject(session, wanted.subject)
    if subject is None:
        raise unknown_subject("/subject", f"There is no identity or group `{wanted.subject}`.")
    is_new = await queries.add(session, subject, wanted, actor.name)
    if is_new:
        await changes_standing(session, await _concerned(session, subject))
        _record(session, actor, "grant.given", subject, wanted)
    return _output(await queries.one(session, subject, wanted)), is_new


async def remove(session: AsyncSession, actor: Actor, named: GrantInput) -> None:
    """Remove a role. The last enabled admin's stays."""
    subject = await _subject(session, named.subject)
    if subject is None or not await queries.remove(session, subject, named):
        raise NotFound(
            f"`{named.subject}` was not granted the role {named.role} on `{named.models}`. "
            "`GET /grants` lists what was."
        )
    await changes_standing(session, await _concerned(session, subject))
    _record(session, actor, "grant.removed", subject, named)
    if named.role == ADMIN:
        await keep_an_admin(session)


async def page(
    session: AsyncSession,
    *,
    subject: str | None,
    role: str | None,
    cursor: str | None,
    limit: int,
) -> Page[GrantOutput]:
    """A page of grants, the oldest first."""
    after = cursor_id(cursor)
    found = await queries.page(session, subject=subject, role=role, after=after, limit=limit)
    rows, more = cut(found, limit)
    return Page(
        items=[_output(row) for row in rows],
        next_cursor=encode_cursor(rows[-1].GrantRow.id) if more else None,
    )


async def describe(session: AsyncSession, actor: Actor) -> Me:
    """Who an actor is and what they may do, as `GET /me` shows it."""
    identity, owner, token = await queries.speaker(session, actor)
    return Me(
        name=actor.name,
        kind=identity.kind,
        email=identity.email,
        owner=owner,
        groups=await identities.groups_of(session, actor.identity_id),
        grants=[
            RoleHeld(role=role, models=models, group=group)
            for role, models, group in await queries.held(session, actor.identity_id)
        ],
        is_admin=actor.is_admin,
        token=TokenUsed(
            id=token.id,
            name=token.name,
            scopes=cast("list[ScopeName]", token.scopes),
            models=token.models,
            expires_at=token.expires_at,
            expires_soon=actor.token_ends_at is not None,
        ),
    )


@power_lost.subscribe
async def keep_an_admin(session: AsyncSession) -> None:
    """Refuse what this transaction has done, where it leaves no enabled admin. Two that would
    each leave the other wait for one another."""
    await session.flush()
    await queries.hold_admins(session)
    if not await queries.has_admin(session):
        raise LastAdmin(
            "Nobody would be an enabled admin any more. Make another admin first: `PUT /grants` "
            "with the role `admin` and models `*`."
        )


@groups.deleting.subscribe
async def remove_grants_of_group(session: AsyncSession, actor: Actor, group: Group) -> None:
    """Remove what a group was granted, before it goes, each with its event."""
    for role, models in sorted(await queries.remove_all(session, group)):
        named = GrantInput(subject=group.name, role=cast("RoleName", role), models=models)
        _record(session, actor, "grant.removed", group, named)


async def ensure_first_admin(session: AsyncSession, settings: Settings) -> str | None:
    """Make the first admin and their token, where there is no identity yet. The secret is returned
    only when it was made here and now; a token set by the operator is theirs to know.

    Once there are identities, a `STAGEWARD_ADMIN_TOKEN` gives nobody anything: it is either the
    token that it always was, or nothing."""
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended("first admin", 0)))
    )
    if await queries.anybody(session):
        return None
    admin = Identity(name=FIRST_ADMIN, kind="user", created_by=audit.SYSTEM)
    session.add(admin)
    await session.flush()
    given = settings.admin_token
    token, secret = await tokens.make(
        session,
        admin,
        name="first",
        scopes=ALL_SCOPES,
        models=None,
        expires_at=None,
        issuers=[],
        issued_by=None,
        signing_key=settings.signing_key,
        secret=given.get_secret_value() if given else None,
    )
    wanted = GrantInput(subject=admin.name, role="admin", models="*")
    await queries.add(session, admin, wanted, audit.SYSTEM)
    details = {"kind": admin.kind, "email": None, "owner": None}
    audit.record(
        session, None, "identity.created", subject=f"identity:{admin.name}", details=details
    )
    tokens.record_issue(session, None, admin, token)
    _record(session, None, "grant.given", admin, wanted)
    return None if given else secret


def _check_admin_is_global(wanted: GrantInput) -> None:
    if wanted.role == ADMIN and wanted.models != "*":
        detail = "The role admin is global. Give it on `*`, or give the role maintainer here."
        raise InvalidRequest(
            f"/models: {detail}", errors=[{"pointer": "/models", "detail": detail}]
        )


async def _subject(session: AsyncSession, name: str) -> Identity | Group | None:
    return await identities.find(session, name) or await groups.find_to_grant(session, name)


async def _concerned(session: AsyncSession, subject: Identity | Group) -> Sequence[UUID]:
    if isinstance(subject, Group):
        return await groups.member_ids(session, subject)
    return [subject.id]


def _record(
    session: AsyncSession,
    actor: Actor | None,
    action: str,
    holder: Identity | Group,
    grant: GrantInput,
) -> None:
    kind = "group" if isinstance(holder, Group) else "identity"
    details = {"role": grant.role, "models": grant.models}
    audit.record(session, actor, action, subject=f"{kind}:{holder.name}", details=details)


def _output(row: Any) -> GrantOutput:
    grant: GrantRow = row.GrantRow
    return GrantOutput(
        subject=row.subject,
        kind=row.kind,
        role=cast("RoleName", grant.role),
        models=grant.models,
        created_by=grant.created_by,
        created_at=grant.created_at,
    )
