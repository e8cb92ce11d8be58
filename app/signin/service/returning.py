"""Coming back from the provider: who it is, and a one-time code for whoever began."""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.db import Database, clock
from app.groups import service as groups
from app.signin import queries, rules
from app.signin.problems import BadSignIn
from app.signin.provider import Provider
from app.signin.rules import Person, Refusal
from app.signin.service.beginning import refused
from app.signin.service.finding import find_identity
from app.signin.tables import SignIn

CODE_FOR = timedelta(minutes=1)
log = structlog.get_logger()


async def come_back(db: Database, provider: Provider, answer: Mapping[str, str]) -> str:
    """Where to send the browser on: back to who began, with a code or with what is wrong. Raises
    BadSignIn where nobody began, or somebody came back already."""
    state = answer.get("state", "")
    begun = await _take(db, state)
    if begun is None:
        raise BadSignIn.of(
            Refusal(
                "invalid_request",
                "This sign-in is not known here: it was begun more than ten minutes ago, or is "
                "over. Begin it anew.",
            )
        )
    try:
        await provider.check_answer(answer)
        person = await provider.person(answer.get("code", ""), state)
        async with db.transaction() as session:
            code = await _welcome(session, person, begun, provider.settings.base_url)
    except Refusal as refusal:
        log.info("sign_in_refused", error=refusal.error)
        return refused(begun.redirect_uri, begun.client_state, refusal, provider)
    return rules.with_query(
        begun.redirect_uri, code=code, state=begun.client_state, iss=provider.settings.base_url
    )


async def _take(db: Database, state: str) -> SignIn | None:
    """The sign-in of a state, which nobody else gets after this."""
    if not rules.is_state(state):
        return None
    async with db.transaction() as session:
        return await queries.take_begun(session, rules.digest(state))


async def _welcome(session: AsyncSession, person: Person, begun: SignIn, base_url: str) -> str:
    """Find out who it is, have their groups be those of the claim, and make a code for them."""
    identity = await find_identity(session, person)
    kept = await groups.follow_claims(session, identity, person.groups or ())
    details = {
        "issuer": person.issuer,
        "client": rules.client_of(begun.redirect_uri, base_url),
        **({"groups": "not told"} if person.groups is None else {}),
        **({"last_admin_kept_in": kept} if kept else {}),
    }
    subject = f"identity:{identity.name}"
    audit.record(session, None, "identity.signed_in", subject=subject, details=details)
    code = rules.new_secret()
    session.add(
        SignIn(
            state_sha256=begun.state_sha256,
            redirect_uri=begun.redirect_uri,
            client_state=begun.client_state,
            challenge=begun.challenge,
            scopes=begun.scopes,
            identity_id=identity.id,
            code_sha256=rules.digest(code),
            expires_at=await clock(session) + CODE_FOR,
        )
    )
    await session.flush()
    return code
