"""What can be wrong with a token of an issuer, or with the issuer."""

from app.core.problems import NotAuthenticated, Unavailable

RETRY_SECONDS = 10


class BadAssertion(NotAuthenticated):
    """The token of an OIDC issuer that was brought here does not count: it is not one, or its
    signature, its algorithm, its times, its issuer or its audience are not what they must be. The
    detail says which. Ask the issuer for a fresh one, for the audience that is expected here."""

    slug = "bad-assertion"
    title = "The issuer's token does not count"
    status = 401


class IssuerUnavailable(Unavailable):
    """The OIDC issuer cannot be asked for its keys at this moment, or what it answers is not what
    an issuer answers; the server's log says which. Nothing was done: wait for the time in
    `Retry-After` and send the request again."""

    slug = "issuer-unavailable"
    title = "The issuer cannot be asked at this moment"
    status = 503
