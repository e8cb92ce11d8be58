"""Making the row of a token from plain values, whatever the token comes from."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.identities.tables import Identity
from app.tokens import rules
from app.tokens.schemas import Origin
from app.tokens.tables import Token


async def make(
    session: AsyncSession,
    holder: Identity,
    *,
    name: str,
    scopes: Iterable[str],
    models: Iterable[str] | None,
    expires_at: datetime | None,
    issuers: Iterable[UUID],
    issued_by: UUID | None,
    signing_key: bytes,
    origin: Origin = "issued",
    trust_id: UUID | None = None,
    secret: str | None = None,
) -> tuple[Token, str]:
    """A token for `holder`, and its secret, which nobody can read again. The caller has asked
    whether it may be, and records what happened (`record_issue`).

    `issuers` are all who have a hand in it; the holder, who may be among them, is left out. A
    `secret` is given only where an operator chose it.
    """
    secret = secret or rules.new_secret()
    token = Token(
        identity_id=holder.id,
        name=name,
        digest=rules.digest_of_secret(secret, signing_key),
        hint=rules.hint_of(secret),
        scopes=sorted(set(scopes)),
        models=None if models is None else sorted(set(models)),
        expires_at=expires_at,
        issuers=sorted(set(issuers) - {holder.id}),
        issued_by=issued_by,
        origin=origin,
        trust_id=trust_id,
    )
    session.add(token)
    await session.flush()
    return token, secret


def hands(actor: Actor) -> set[UUID]:
    """All who have a hand in what comes of an actor's token: who uses it, the owner where that is
    a service account, and all who had a hand in it before."""
    return {actor.identity_id, *actor.issuers} | ({actor.owner_id} if actor.owner_id else set())


def record_issue(
    session: AsyncSession,
    actor: Actor | None,
    holder: Identity,
    token: Token,
    *,
    action: str = "token.issued",
    more: dict[str, Any] | None = None,
) -> None:
    """Add the event of a new token, which has its id already; the secret is nowhere in it."""
    details = {
        "name": token.name,
        "identity": holder.name,
        "scopes": token.scopes,
        "models": token.models,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        **(more or {}),
    }
    audit.record(session, actor, action, subject=f"token:{token.id}", details=details)
