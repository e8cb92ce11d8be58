"""Problems with tokens."""

from app.core.problems import Conflict


class TokenNotRotatable(Conflict):
    """Only a token that works and was issued by another one is rotated, and only once. One that
    was revoked, has expired or was replaced already stays as it is; what comes of an exchange or a
    sign-in is short-lived, and the next one comes of the next exchange or sign-in."""

    slug = "token-not-rotatable"
    title = "The token cannot be rotated"
    example = "The token was rotated already. Use its successor, or rotate that one."
