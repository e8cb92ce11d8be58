"""Ending tokens for good."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import RIGHTS, Actor
from app.core.db import announce, clock
from app.core.etags import check_if_match
from app.core.problems import NotAllowed
from app.tokens import queries, rules
from app.tokens.service.showing import no_token, tag_of
from app.tokens.tables import Token


async def revoke(session: AsyncSession, actor: Actor, token_id: UUID, if_match: str | None) -> None:
    """End a token for good, on every process within a second. A token may end itself and those
    that may do no more than itself. Once more is no change."""
    found = await queries.one(session, actor, token_id, lock=True)
    if found is None:
        raise no_token(token_id)
    token, holder, *_, now = found
    check_if_match(if_match, tag_of(token, now))
    check_not_wider(actor, token)
    if token.revoked_at is not None:
        return
    token.revoked_at = await clock(session)
    token.revoked_by = actor.name
    announce(session, RIGHTS)
    details = {"name": token.name, "identity": holder}
    audit.record(session, actor, "token.revoked", subject=f"token:{token.id}", details=details)


def check_not_wider(actor: Actor, token: Token) -> None:
    """Refuse to end or to replace a token that may do more than the one in use, unless it is that
    very one."""
    excess = rules.beyond(actor.scopes, actor.token_models, token.scopes, token.models)
    if token.id != actor.token_id and excess is not None:
        raise NotAllowed(
            f"This token has {excess}, which the one that you use has not. Use a wider token."
        )


async def end_exchanged(
    session: AsyncSession,
    actor: Actor,
    *,
    reason: str,
    trust_id: UUID | None = None,
    holder_id: UUID | None = None,
) -> None:
    """End for good what was exchanged under a trust, or for an identity, and what came of that;
    each with its event."""
    found = await queries.of_a_trust(session, trust_id=trust_id, holder_id=holder_id)
    now = await clock(session)
    for token, holder in found:
        token.revoked_at, token.revoked_by = now, actor.name
        details = {"name": token.name, "identity": holder, "reason": reason}
        audit.record(session, actor, "token.revoked", subject=f"token:{token.id}", details=details)
    if found:
        announce(session, RIGHTS)
