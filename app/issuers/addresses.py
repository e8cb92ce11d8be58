"""Which addresses of issuers may be asked: https, or plain http on this very machine."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

MOST_CHARACTERS = 1000


def fault_of(url: object, *, named_by: str | None = None) -> str | None:
    """What is wrong with an address, as the end of a sentence; None: nothing. One that an issuer
    elsewhere names (`named_by`) never leads to this machine."""
    if not isinstance(url, str) or not url or len(url) > MOST_CHARACTERS:
        return f"is not an address of at most {MOST_CHARACTERS} characters"
    parts = _split(url)
    if parts is None or not parts.hostname or parts.username is not None or parts.fragment:
        return "is not an address (https://host/path, without a user and without a fragment)"
    near = is_loopback(parts.hostname)
    if parts.scheme != "https" and not (parts.scheme == "http" and near):
        return "does not begin with https:// (http:// is for loopback addresses alone)"
    if near and named_by is not None and not is_loopback(urlsplit(named_by).hostname or ""):
        return "leads to this machine, which only an issuer on it may do"
    return None


def fault_of_issuer(url: object) -> str | None:
    """The same for an issuer, which has no query either."""
    if isinstance(url, str) and "?" in url:
        return "has a query, which no issuer has"
    return fault_of(url)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: 127.0.0.0/8, ::1 or localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        return None if parts.port == 0 else parts
    except ValueError:
        return None
