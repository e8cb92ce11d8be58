"""Who asks where proxies stand in between. What they say is believed of those that the operator
names and of nobody else, as any client can write such headers."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_HOPS = 32


def networks(text: str) -> tuple[Network, ...]:
    """The networks that a setting lists, with commas in between; a ValueError says what is wrong
    with one."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            network = ipaddress.ip_network(part)
        except ValueError:
            raise ValueError(
                f"`{part[:60]}` is neither an address nor a network. Write 10.0.0.7 or "
                "10.0.0.0/8, with commas in between."
            ) from None
        if network.prefixlen == 0:
            raise ValueError(
                f"`{part}` is everybody, so any client could name itself as it likes. Write the "
                "network of your proxies."
            )
        found.append(network)
    return tuple(found)


class TrustedProxies:
    """Puts the client's address and scheme in place of the proxy's, where the peer is trusted."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        """Wraps the next application."""
        self.app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope.get("client") is not None:
            self._look(scope)
        await self.app(scope, receive, send)

    def _look(self, scope: Scope) -> None:
        peer = address(scope["client"][0])
        if peer is None or not is_among(peer, self._trusted):
            return
        hops: list[str] = []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                hops += value.decode("latin-1").split(",")
            elif name == b"x-forwarded-proto":
                scheme = value.decode("latin-1").rpartition(",")[2].strip().lower()
                if scheme in ("http", "https"):
                    scope["scheme"] = scheme
        client = client_of(hops, peer, self._trusted)
        if client != peer:
            scope["client"] = (str(client), 0)


def client_of(hops: Sequence[str], peer: Address, trusted: Sequence[Network]) -> Address:
    """The nearest address that no trusted proxy has: each proxy adds on the right whom it spoke
    with, and what stands left of one that is not trusted may be invented. What cannot be read ends
    the search as well; then the proxy that said so is all that is known."""
    known = peer
    for hop in list(reversed(hops))[:MAX_HOPS]:
        found = address(hop.strip())
        if found is None:
            break
        known = found
        if not is_among(found, trusted):
            break
    return known


@lru_cache(maxsize=4096)
def address(text: str) -> Address | None:
    """An address as proxies write them: bare, with a port, or in brackets. One of IPv4 that came
    over IPv6 is what it is."""
    if text.startswith("["):
        text, closed, _ = text[1:].partition("]")
        if not closed:
            return None
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text) if len(text) <= 64 else None
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def is_among(address: Address, trusted: Sequence[Network]) -> bool:
    """Whether an address is one of these networks'."""
    return any(address in network for network in trusted)
