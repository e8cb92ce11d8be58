"""Problems with trusts, and with exchanges."""

from app.core.problems import Conflict, NotAllowed, NotAuthenticated, on_violation


class TrustNameTaken(Conflict):
    """A trust of this name exists already, without regard to case. Choose another name, or change
    the one that is there (`PATCH /trust/{trust}`)."""

    slug = "trust-name-taken"
    title = "The trust's name is taken"


class NotTrusted(NotAllowed):
    """No trust fits the token that was brought: nobody ties its issuer, its audience and its claims
    to a service account that works. What the rules are is not told here, since whoever has an
    account at a public issuer can bring a token of it. An admin sees in the server's log which
    claim did not match, and tries a token with `POST /trust/{trust}/test`."""

    slug = "not-trusted"
    title = "No trust fits this token"
    status = 403


class AssertionUsed(NotAuthenticated):
    """This token was exchanged already, and each counts once. Ask the issuer for a fresh one for
    each exchange; whoever sees one that they did not use should look at who else has read it."""

    slug = "assertion-used"
    title = "The token was used already"
    status = 401


on_violation("uq_trusts_name", TrustNameTaken, "This name is taken. Choose another name.")
