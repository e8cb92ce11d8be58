"""Which addresses count as one, and how long a refusal lasts."""

import ipaddress
import math

UNKNOWN = "unknown"
NETWORK = 64  # what an IPv6 host is usually given whole, to take any address of


def counted_as(address: str | None) -> str:
    """What failures from an address are counted under: itself, or the /64 network of an IPv6 one,
    as whoever has one address of that has them all."""
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, NETWORK), strict=False))


def seconds_to_wait(left: float) -> int:
    """`Retry-After` where so much of the minute is left."""
    return min(60, max(1, math.ceil(left)))
