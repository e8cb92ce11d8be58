"""Beginning a sign-in: from whoever wants a token to the provider."""

from collections.abc import Mapping
from datetime import timedelta

from app.core.db import Database, clock
from app.signin import rules
from app.signin.provider import Provider
from app.signin.rules import Refusal
from app.signin.tables import SignIn

BEGUN_FOR = timedelta(minutes=10)


async def begin(db: Database, provider: Provider, asked: Mapping[str, str]) -> str:
    """Where to send the browser: to the provider, or back with what is wrong. The client and its
    address have been checked."""
    back = asked["redirect_uri"]
    try:
        rules.check_request(asked)
        scopes = rules.scopes_asked(asked.get("scope"))
        state = rules.new_secret()
        there = await provider.address(state)
    except Refusal as refusal:
        return refused(back, rules.echoed(asked.get("state")), refusal, provider)
    async with db.transaction() as session:
        session.add(
            SignIn(
                state_sha256=rules.digest(state),
                redirect_uri=back,
                client_state=asked.get("state"),
                challenge=asked["code_challenge"],
                scopes=scopes,
                expires_at=await clock(session) + BEGUN_FOR,
            )
        )
    return there


def refused(back: str, state: str | None, refusal: Refusal, provider: Provider) -> str:
    """The address that tells who began a sign-in that it has failed."""
    return rules.with_query(
        back,
        error=refusal.error,
        error_description=rules.speakable(refusal.description),
        state=state,
        iss=provider.settings.base_url,
    )
