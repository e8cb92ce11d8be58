"""Which addresses of issuers may be asked: https, or plain http on this very machine."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

MOST_CHARACTERS = 1000
NAT64 = ipaddress.IPv6Address("64:ff9b::").packed[:12]
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


def fault_of(url: object, *, named_by: str | None = None) -> str | None:
    """What is wrong with an address, as the end of a sentence; None: nothing. One that an issuer
    elsewhere names (`named_by`) never leads to this machine."""
    if not isinstance(url, str) or not url or len(url) > MOST_CHARACTERS:
        return f"is not an address of at most {MOST_CHARACTERS} characters"
    parts = _split(url)
    if parts is None or not parts.hostname or parts.username is not None or parts.fragment:
        return "is not an address (https://host/path, without a user and without a fragment)"
    if _is_odd(parts.hostname):
        return "spells its host oddly (write a name, or an address as 192.0.2.1 or [2001:db8::1])"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        return "does not begin with https:// (http:// is for loopback addresses alone)"
    if (
        _leads_here(parts.hostname)
        and named_by is not None
        and not is_loopback(urlsplit(named_by).hostname or "")
    ):
        return "leads to this machine, which only an issuer on it may do"
    return None


def fault_of_issuer(url: object) -> str | None:
    """The same for an issuer, which has no query either."""
    if isinstance(url, str) and "?" in url:
        return "has a query, which no issuer has"
    return fault_of(url)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: 127.0.0.0/8, ::1 or localhost."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _leads_here(host: str) -> bool:
    """Whether a host is this machine in any spelling that a resolver or a kernel knows."""
    address = _address(host)
    if address is None:
        name = host.lower().rstrip(".")
        return name == "localhost" or name.endswith(".localhost")
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.packed[:12] in (bytes(12), NAT64):
            inner = ipaddress.IPv4Address(address.packed[12:])
        if inner is not None and (inner.is_loopback or inner.is_unspecified):
            return True
    return address.is_loopback or address.is_unspecified


def _is_odd(host: str) -> bool:
    """Whether some read a host in another way than we do: an address in other digits (`127.1`,
    `0x7f000001`, `127.0.0.1.`), or escapes."""
    last = host.rstrip(".").rpartition(".")[2]
    return "%" in host or (_NUMBER.fullmatch(last) is not None and _address(host) is None)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        return None if parts.port == 0 else parts
    except ValueError:
        return None
