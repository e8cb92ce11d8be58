"""How a token's secret looks, what is stored of it, and which token is wider than another."""

import functools
import hmac
import secrets
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from app.core.actor import Scope

PREFIX = "swd_"
SOON = timedelta(days=7)
LONG_LIVED = timedelta(days=14)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def new_secret() -> str:
    """A fresh secret: `swd_`, 256 random bits, and a checksum by which scanners of leaked secrets
    (and we, before asking PostgreSQL) tell a real one from a typing error."""
    body = _base62(int.from_bytes(secrets.token_bytes(32)), 43)
    return PREFIX + body + _checksum(body)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)


def well_formed(secret: str) -> bool:
    """Whether a text may be a secret of ours: its checksum is right, or it is not of our making
    at all (an admin token that an operator chose)."""
    if not 32 <= len(secret) <= 512 or not secret.isascii():
        return False
    if not secret.startswith(PREFIX) or len(secret) != len(PREFIX) + 49:
        return True
    body = secret[len(PREFIX) : -6]
    return hmac.compare_digest(secret[-6:], _checksum(body))


def digest_of_secret(secret: str, signing_key: bytes) -> str:
    """What is stored of a secret: HMAC-SHA256 under a key that is not in the database."""
    return hmac.digest(_digest_key(signing_key), secret.encode(), "sha256").hex()


@functools.cache
def _digest_key(signing_key: bytes) -> bytes:
    return hmac.digest(signing_key, b"stageward token digest", "sha256")


def hint_of(secret: str) -> str:
    """The first characters of a secret, by which its owner recognises it in a list; fewer of one
    that an operator chose, which may hold less chance."""
    return secret[: 8 if secret.startswith(PREFIX) else 4]


def covers(wide: str, narrow: str) -> bool:
    """Whether each name that the glob `narrow` matches is matched by `wide` too.

    Careful rather than clever: of two globs that are written differently and mean the same it may
    say no, and never yes where a name is not covered.
    """
    reached = _past_stars(wide, {0})
    for sign in narrow:
        stepped = {
            at if wide[at] == "*" else at + 1
            for at in reached
            if at < len(wide) and (wide[at] == "*" or (sign != "*" and wide[at] in ("?", sign)))
        }
        reached = _past_stars(wide, stepped)
    return len(wide) in reached


def _past_stars(glob: str, places: set[int]) -> set[int]:
    """These places in a glob and those that are reached from them by letting `*` match nothing."""
    reached = set(places)
    for start in places:
        stars = len(glob[start:]) - len(glob[start:].lstrip("*"))
        reached.update(range(start, start + stars + 1))
    return reached


def beyond(
    scopes: frozenset[Scope],
    models: tuple[str, ...] | None,
    wanted_scopes: Iterable[str],
    wanted_models: Iterable[str] | None,
) -> str | None:
    """What a wanted token has that one with these scopes and globs has not; None: nothing."""
    if Scope.ADMIN not in scopes:
        for scope in wanted_scopes:
            if scope != Scope.READ and scope not in scopes:
                return f"the scope `{scope}`"
    if models is None:
        return None
    if wanted_models is None:
        return "all models"
    for glob in wanted_models:
        if not any(covers(own, glob) for own in models):
            return f"the models `{glob}`"
    return None


def expiry(
    now: datetime, days: float | None, of_the_used: datetime | None
) -> tuple[datetime | None, bool]:
    """When a token ends that shall live so many days, and whether that is beyond the end of the
    token that is used to issue it."""
    if days is None:
        return of_the_used, False
    at = now + timedelta(days=days)
    return at, of_the_used is not None and at > of_the_used


def end_of_successor(
    now: datetime, created_at: datetime, ends_at: datetime | None, of_the_used: datetime | None
) -> datetime | None:
    """When the successor of a token ends where nobody says: it lives as long again as the old one
    was to live, but not beyond the end of the token that is used to ask for it."""
    again = None if ends_at is None else now + (ends_at - created_at)
    return min((end for end in (again, of_the_used) if end is not None), default=None)


def status(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> str:
    """Whether a token works, as far as it is up to itself."""
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= now else "active"


def expires_soon(
    now: datetime, created_at: datetime, expires_at: datetime | None, *, was_rotated: bool
) -> bool:
    """Whether it is time to replace a token that has not ended: in its last week. One that never
    lives long needs no such word; one that was replaced does, because it is still in use."""
    if expires_at is None or not now < expires_at <= now + SOON:
        return False
    return was_rotated or expires_at - created_at > LONG_LIVED
