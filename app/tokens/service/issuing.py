"""Issuing tokens."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import Conflict, NotAllowed, NotAuthenticated
from app.identities import service as identities
from app.identities.problems import unknown_subject
from app.identities.tables import Identity
from app.tokens import queries, rules
from app.tokens.schemas import TokenInput
from app.tokens.service.making import hands, make, record_issue
from app.tokens.tables import Token


async def recipient(session: AsyncSession, actor: Actor, wanted: TokenInput) -> Identity:
    """Whose the wanted token will be, if the actor may issue it: for themself, for a service
    account of theirs or, as an admin, for anybody; and never one that may do more than the token
    they use."""
    holder = await _holder(session, actor, wanted.identity)
    excess = rules.beyond(actor.scopes, actor.token_models, wanted.scopes, _models(actor, wanted))
    if excess is not None:
        raise NotAllowed(
            f"The token that you use has not {excess}, so it cannot issue one that has. Use a "
            "wider token, or ask for less."
        )
    return holder


async def _holder(session: AsyncSession, actor: Actor, name: str | None) -> Identity:
    holder = await identities.find(session, actor.name if name is None else name)
    if holder is None:
        raise unknown_subject("/identity", f"There is no identity `{name}`.")
    if not actor.is_admin and actor.identity_id not in (holder.id, holder.owner_id):
        raise NotAllowed(
            f"Only {holder.name}, the owner of a service account, or an admin (with a token that "
            f"has the scope admin and is not narrowed) issues tokens for {holder.name}."
        )
    if holder.disabled_at is not None:
        raise Conflict(f"`{holder.name}` is disabled. Enable it first (`PATCH /identities/…`).")
    return holder


def _models(actor: Actor, wanted: TokenInput) -> list[str] | None:
    if wanted.models is None:
        return None if actor.token_models is None else list(actor.token_models)
    return wanted.models


async def issue(
    session: AsyncSession, actor: Actor, holder: Identity, wanted: TokenInput, signing_key: bytes
) -> tuple[Token, str]:
    """A token for `holder` (of `recipient`) and its secret, which nobody can read again."""
    used = await queries.used(session, actor.token_id)
    if used is None or used.revoked_at is not None:
        raise NotAuthenticated("The token that you use was revoked. Ask for a new one.")
    token, secret = await make(
        session,
        holder,
        name=wanted.name,
        scopes=wanted.scopes,
        models=_models(actor, wanted),
        expires_at=check_end(await clock(session), wanted.expires_in_days, used),
        issuers=hands(actor),
        issued_by=actor.identity_id,
        signing_key=signing_key,
        # What comes of a trust ends with it.
        trust_id=used.trust_id,
    )
    record_issue(session, actor, holder, token)
    return token, secret


def check_end(now: datetime, days: float | None, used: Token) -> datetime | None:
    """When a token ends that shall live so many days (None: as long as the one in use), which is
    never after the one in use."""
    end, too_late = rules.expiry(now, days, used.expires_at)
    if too_late:
        raise NotAllowed(
            f"The token that you use ends at {used.expires_at:%Y-%m-%dT%H:%M:%SZ}, so it cannot "
            "issue one that lives longer. Leave `expires_in_days` out for the same end, or use a "
            "token that lives longer."
        )
    return end
