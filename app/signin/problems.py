"""Problems with signing in."""

from app.core.problems import Conflict, NotFound, Problem
from app.signin.rules import Refusal, speakable


class SignInNotConfigured(NotFound):
    """Nobody can sign in here with an account of an OIDC provider: this server knows of none. An
    operator sets `STAGEWARD_OIDC_ISSUER` and `STAGEWARD_OIDC_CLIENT_ID`; until then, come with a
    token that an admin issued (`POST /tokens`)."""

    slug = "sign-in-not-configured"
    title = "Sign-in is not set up"
    example = "This server has no OIDC provider. An operator sets STAGEWARD_OIDC_ISSUER."


class BadSignIn(Problem):
    """The request does not belong to a sign-in that can go on: its client or its redirect address
    is not a known one, it was begun too long ago, or its code or state was used already. `error`
    and `error_description` say it as OAuth 2 does (RFC 6749). Begin the sign-in anew."""

    slug = "bad-sign-in"
    title = "The sign-in cannot go on"
    status = 400
    example = "The code is not known, was used already, or is older than a minute. Begin anew."

    @classmethod
    def of(cls, refusal: Refusal) -> "BadSignIn":
        """The problem, with OAuth's own words for it."""
        extra: dict[str, object] = {
            "error": refusal.error,
            "error_description": speakable(refusal.description),
        }
        return cls(refusal.description, extra=extra)


class AccountLinked(Conflict):
    """The account at the provider is another identity's already. One account is one identity:
    remove that link first (`DELETE /identities/{name}/links`)."""

    slug = "account-linked"
    title = "The account is linked to another identity"
