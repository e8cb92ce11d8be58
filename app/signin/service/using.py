"""Using a code: the token at the end of a sign-in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import RIGHTS
from app.core.db import Database, announce, clock
from app.core.settings import Settings
from app.signin import queries, rules
from app.signin.rules import Refusal
from app.signin.schemas import SignedIn
from app.signin.service.hands import hands_in
from app.signin.tables import SignIn
from app.tokens import service as tokens
from app.tokens.tables import Token

NAME = "sign-in"
OVER = "The code is not known, was used already, or is older than a minute. Begin anew."


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What is brought to be exchanged for a token."""

    code: str
    verifier: str
    redirect_uri: str
    client_id: str


async def use_code(db: Database, settings: Settings, asked: Asked) -> SignedIn:
    """A token for a code. A code is good once, for whoever began: shown again, it ends the token
    that it gave and what came of that, since one of the two was not meant to have it; shown
    wrongly, it is over."""
    async with db.transaction() as session:
        sign_in = await queries.by_code(session, rules.digest(asked.code))
        now = await clock(session)
        if sign_in is None or sign_in.expires_at <= now:
            found: SignedIn | Refusal = Refusal("invalid_grant", OVER)
        elif sign_in.used_at is not None:
            await _end_tokens(session, sign_in, now)
            found = Refusal("invalid_grant", OVER)
        else:
            sign_in.used_at = now
            found = await _redeem(session, settings, sign_in, asked)
            await session.flush()
    if isinstance(found, Refusal):  # raised here: what was written above stays
        raise found
    return found


async def _redeem(
    session: AsyncSession, settings: Settings, sign_in: SignIn, asked: Asked
) -> SignedIn | Refusal:
    whose = (rules.client_of(sign_in.redirect_uri, settings.base_url), sign_in.redirect_uri)
    if (asked.client_id, asked.redirect_uri) != whose:
        return Refusal("invalid_grant", "client_id or redirect_uri is another than at the start.")
    if not rules.proves(asked.verifier, sign_in.challenge):
        return Refusal("invalid_grant", "code_verifier is not that of the code_challenge.")
    identity = await queries.identity(session, sign_in.identity_id)
    if identity is None or identity.disabled_at is not None:
        return Refusal("invalid_grant", "Your identity here is disabled. Ask an admin.")
    life = timedelta(minutes=settings.oidc_token_minutes)
    assert sign_in.used_at is not None  # noqa: S101  the caller has set it
    token, secret = await tokens.make(
        session,
        identity,
        name=NAME,
        scopes=sign_in.scopes,
        models=None,
        expires_at=sign_in.used_at + life,
        issuers=await hands_in(session, identity, settings.oidc_issuer),
        issued_by=None,
        signing_key=settings.signing_key,
        origin="signed_in",
    )
    tokens.record_issue(session, None, identity, token, more={"origin": "signed_in"})
    # Remembered as long as the token lives, so that a second use can end it.
    sign_in.token_id, sign_in.expires_at = token.id, sign_in.used_at + life
    return SignedIn(
        access_token=secret,
        expires_in=round(life.total_seconds()),
        scope=" ".join(token.scopes),
    )


async def _end_tokens(session: AsyncSession, sign_in: SignIn, now: datetime) -> None:
    """End the token that a code gave, and what was issued with it, and with that in turn."""
    ended: set[UUID] = set()
    reached = {sign_in.token_id} if sign_in.token_id else set()
    while reached:
        for token in await queries.tokens(session, reached):
            if token.revoked_at is None:
                _end(session, token, now)
        ended |= reached
        reached = await queries.issued_with(session, reached) - ended


def _end(session: AsyncSession, token: Token, now: datetime) -> None:
    token.revoked_at, token.revoked_by = now, audit.SYSTEM
    announce(session, RIGHTS)
    details = {"name": token.name, "reason": "The code of its sign-in was shown a second time."}
    audit.record(session, None, "token.revoked", subject=f"token:{token.id}", details=details)
