"""Headers that every answer bears, so that no browser does with it what it is not meant for."""

import functools
from collections.abc import Mapping

from starlette.types import Message

from app.core.settings import Settings

Header = tuple[bytes, bytes]
YEAR = 365 * 24 * 3600

# An answer of the API is no page: nothing in it may run, and no other page may hold it. Those that
# are pages say what they need.
ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def usual(settings: Settings | None) -> tuple[Header, ...]:
    """The headers of an answer that has none of its own. Where clients come by https they are to
    come by nothing else, for a year; names below this one are not ours to decide about."""
    if settings is None or not settings.base_url.startswith("https://"):
        return ALWAYS
    return (*ALWAYS, (b"strict-transport-security", f"max-age={YEAR}".encode()))


def add(message: Message, set_: Mapping[str, str], usual: tuple[Header, ...]) -> None:
    """Set these headers of an answer's start, and add what it lacks of the usual ones."""
    ours = [(name.lower().encode(), value.encode("latin-1")) for name, value in set_.items()]
    replaced = {name for name, _ in ours}
    own = [header for header in message.get("headers", ()) if header[0] not in replaced]
    names = {name for name, _ in own}
    if not names.isdisjoint(_names(usual)):
        usual = tuple(header for header in usual if header[0] not in names)
    message["headers"] = [*own, *usual, *ours]


@functools.cache
def _names(usual: tuple[Header, ...]) -> frozenset[bytes]:
    return frozenset(name for name, _ in usual)
