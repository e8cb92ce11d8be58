"""Replacing a token by a new one."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import RIGHTS, Actor
from app.core.db import announce, clock
from app.core.problems import Conflict, NotAuthenticated
from app.identities import service as identities
from app.identities.tables import Identity
from app.tokens import queries, rules
from app.tokens.problems import TokenNotRotatable
from app.tokens.schemas import RotationInput
from app.tokens.service.issuing import check_end
from app.tokens.service.making import hands, make, record_issue
from app.tokens.service.revoking import check_not_wider
from app.tokens.service.showing import no_token
from app.tokens.tables import Token

REMEDIES = {
    "exchanged": "exchange an OIDC token of the machine's again (`POST /auth/exchange`)",
    "signed_in": "sign in again",
}


async def rotatable(session: AsyncSession, actor: Actor, token_id: UUID) -> tuple[Token, str]:
    """The token and the name of whose it is, if the actor may rotate it: it is theirs, of a
    service account of theirs or, for an admin, anybody's; and it may do no more than theirs."""
    found = await queries.one(session, actor, token_id)
    if found is None:
        raise no_token(token_id)
    check_not_wider(actor, found[0])
    return found[0], found[1]


async def rotate(
    session: AsyncSession,
    actor: Actor,
    found: tuple[Token, str],
    wanted: RotationInput,
    signing_key: bytes,
) -> tuple[Token, str]:
    """Replace a token (of `rotatable`) by one of the same name, scopes and models. Answers the new
    one and its secret. Of two who do it at once, one finds that it was done."""
    old, used = await _hold(session, actor, found[0].id)
    now = await clock(session)
    _check_state(old, now)
    holder = await _holder(session, found[1])
    new, secret = await make(
        session,
        holder,
        name=old.name,
        scopes=old.scopes,
        models=old.models,
        expires_at=_end(wanted, old, used, now),
        issuers={*old.issuers, *hands(actor)},
        issued_by=actor.identity_id,
        signing_key=signing_key,
        # What comes of a trust ends with it, also where a longer life is given to it.
        trust_id=used.trust_id or old.trust_id,
    )
    _replace(old, new, actor, now, wanted.grace_minutes)
    await session.flush()
    announce(session, RIGHTS)
    record_issue(session, actor, holder, new, more={"rotated_from": str(old.id)})
    _record(session, actor, holder, old, new, now)
    return new, secret


async def _hold(session: AsyncSession, actor: Actor, token_id: UUID) -> tuple[Token, Token]:
    """The token to replace, and the one that is used to do so; they may be the same."""
    held = await queries.hold(session, {token_id, actor.token_id or token_id})
    used = held.get(actor.token_id or token_id)
    if used is None or (used.revoked_at is not None and used.id != token_id):
        raise NotAuthenticated("The token that you use was revoked. Ask for a new one.")
    return held[token_id], used


def _check_state(old: Token, now: datetime) -> None:
    if old.rotated_to is not None:
        raise TokenNotRotatable(
            f"The token was rotated already: {old.rotated_to} took its place. Use that one, or "
            "rotate that one."
        )
    if old.origin in REMEDIES:
        raise TokenNotRotatable(
            f"The token was not issued but {old.origin.replace('_', ' ')}, and lives for a short "
            f"time only. To go on, {REMEDIES[old.origin]}."
        )
    standing = rules.status(old.revoked_at, old.expires_at, now)
    if standing != "active":
        how = "was revoked" if standing == "revoked" else "has expired"
        raise TokenNotRotatable(f"The token {how}. Issue a new one: `POST /tokens`.")


async def _holder(session: AsyncSession, name: str) -> Identity:
    holder = await identities.find(session, name)
    if holder is None or holder.disabled_at is not None:
        raise Conflict(f"`{name}` is disabled. Enable it first (`PATCH /identities/…`).")
    return holder


def _end(wanted: RotationInput, old: Token, used: Token, now: datetime) -> datetime | None:
    if wanted.expires_in_days is None:
        return rules.end_of_successor(now, old.created_at, old.expires_at, used.expires_at)
    return check_end(now, wanted.expires_in_days, used)


def _replace(old: Token, new: Token, actor: Actor, now: datetime, grace_minutes: int) -> None:
    old.rotated_to = new.id
    if grace_minutes == 0:
        old.revoked_at, old.revoked_by = now, actor.name
        return
    end = now + timedelta(minutes=grace_minutes)
    old.expires_at = end if old.expires_at is None else min(old.expires_at, end)


def _record(
    session: AsyncSession, actor: Actor, holder: Identity, old: Token, new: Token, now: datetime
) -> None:
    ends = old.revoked_at or old.expires_at or now
    details = {
        "name": old.name,
        "identity": holder.name,
        "rotated_to": str(new.id),
        "ends_at": ends.isoformat(),
    }
    audit.record(session, actor, "token.rotated", subject=f"token:{old.id}", details=details)
