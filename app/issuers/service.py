"""Issuers as a process knows them: their keys, kept for a while, and their tokens, checked."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from app.core.shared import SharedLook
from app.issuers import rules
from app.issuers.discovery import Configuration, Discovery
from app.issuers.problems import BadAssertion, IssuerUnavailable
from app.issuers.rules import Compact
from app.issuers.signatures import is_signed

__all__ = ["BadAssertion", "Configuration", "IssuerUnavailable", "Issuers"]

FRESH_SECONDS = 600.0
KEPT_SECONDS = 3600.0
PAUSE_SECONDS = 5.0
ISSUERS_KEPT = 1000


class Known:
    """One issuer: what it last said, and when. Whoever needs it anew shares one look, and looks
    come apart by a pause, however many tokens name keys that nobody knows."""

    def __init__(
        self, issuer: str, discovery: Discovery, clock: Callable[[], float], pause: float
    ) -> None:
        self._issuer, self._discovery, self._clock = issuer, discovery, clock
        self._look = SharedLook(self._fetch, seconds=pause, seconds_after_fault=pause)
        self._configuration: Configuration | None = None
        self._keys: list[dict[str, Any]] = []
        self._since = 0.0

    async def configuration(self) -> Configuration:
        """The issuer's configuration, as it was within the last ten minutes; up to an hour while
        the issuer is down."""
        if self._configuration is None or self._age() > FRESH_SECONDS:
            try:
                await self._look()
            except IssuerUnavailable:
                if self._configuration is None or self._age() > KEPT_SECONDS:
                    raise
        assert self._configuration is not None  # noqa: S101  a look leaves it or raises
        return self._configuration

    async def signed(self, token: Compact) -> bool:
        """Whether one of the issuer's keys signed the token. Where none did, the issuer may have
        a new one: it is asked again."""
        await self.configuration()
        tried = rules.key_for(token.header, self._keys)
        if tried is not None and is_signed(token, tried):
            return True
        try:
            await self._look()
        except IssuerUnavailable:
            if tried is None:
                raise
            return False
        key = rules.key_for(token.header, self._keys)
        return key is not None and key != tried and is_signed(token, key)

    async def _fetch(self) -> None:
        configuration = await self._discovery.configuration(self._issuer)
        self._keys = await self._discovery.keys(configuration)
        self._configuration, self._since = configuration, self._clock()

    def _age(self) -> float:
        return self._clock() - self._since


class Issuers:
    """One a process. `verify` is the only way to believe a token."""

    def __init__(
        self,
        *,
        ca_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        """`ca_file`: certificates to trust besides those of the system. Opens no connection."""
        self.discovery = Discovery(ca_file)
        self._clock, self._pause = clock, pause
        self._known: OrderedDict[str, Known] = OrderedDict()

    async def configuration(self, issuer: str) -> Configuration:
        """What an issuer says of itself, or a 503."""
        return await self._of(issuer).configuration()

    async def verify(
        self,
        token: str,
        issuer: str,
        audience: str | Collection[str],
        *,
        nonce: str | None = None,
    ) -> dict[str, Any]:
        """The claims of a token that this issuer signed, for this audience (or one of these), and
        that counts now. Raises BadAssertion, or IssuerUnavailable where the issuer's keys cannot
        be had. No transaction may be open meanwhile: this asks the network."""
        audiences = frozenset([audience] if isinstance(audience, str) else audience)
        taken = rules.take_apart(token)
        rules.check_header(taken.header)
        # Also before the signature: what cannot count costs the issuer no question.
        self._check(taken.claims, issuer, audiences, nonce)
        if not await self._of(issuer).signed(taken):
            raise BadAssertion("No key that the issuer publishes signed this token.")
        self._check(taken.claims, issuer, audiences, nonce)
        return taken.claims

    async def close(self) -> None:
        """Close the connections to issuers."""
        await self.discovery.close()

    def _check(
        self,
        claims: Mapping[str, Any],
        issuer: str,
        audiences: Collection[str],
        nonce: str | None,
    ) -> None:
        rules.check_claims(claims, now=time.time(), issuer=issuer, audiences=audiences, nonce=nonce)

    def _of(self, issuer: str) -> Known:
        known = self._known.get(issuer)
        if known is None:
            known = Known(issuer, self.discovery, self._clock, self._pause)
            self._known[issuer] = known
        self._known.move_to_end(issuer)
        while len(self._known) > ISSUERS_KEPT:
            self._known.popitem(last=False)
        return known
