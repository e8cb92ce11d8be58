"""What can befall a request between a client and an S3 server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

REFUSAL = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    "<Error><Code>{code}</Code><Message>Please reduce your request rate.</Message></Error>"
)


class Broken(Exception):
    """The connection breaks here."""


class Fault:
    """What befalls a request. This one is none: a subclass overrides what it spoils."""

    def answer(self, method: str) -> bytes | None:
        """What is answered in the place of the store, which hears nothing of the request."""
        return None

    async def before_request(self) -> None:
        """Returns when the request may go on to the store."""

    async def before_answer(self) -> None:
        """Returns when the store's answer may go on to the client."""

    def end(self) -> None:
        """The fault is over: let go what it holds."""

    def sending(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The request's body, as it reaches the store."""
        return body

    def answering(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The answer's body, as it reaches the client."""
        return body


@dataclass(frozen=True)
class Refused(Fault):
    """The store answers that it cannot now."""

    status: int = 503
    code: str = "SlowDown"

    def answer(self, method: str) -> bytes | None:
        body = REFUSAL.format(code=self.code).encode()
        head = (
            f"HTTP/1.1 {self.status} {self.code}\r\nContent-Type: application/xml\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if method == "HEAD" else body)


@dataclass(frozen=True)
class CutWhileSending(Fault):
    """The connection breaks once so many bytes of the request's body have reached the store."""

    after: int

    def sending(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return _cut(body, self.after)


@dataclass(frozen=True)
class CutWhileAnswering(Fault):
    """The connection breaks once so many bytes of the answer's body have reached the client."""

    after: int

    def answering(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return _cut(body, self.after)


class Unheard(Fault):
    """The store does what was asked, and the connection breaks before it can say so."""

    async def before_answer(self) -> None:
        raise Broken


@dataclass(frozen=True)
class Altered(Fault):
    """One byte of the request's body arrives as another."""

    at: int

    async def sending(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        start = 0
        async for piece in body:
            changed = bytearray(piece)
            if start <= self.at < start + len(piece):
                changed[self.at - start] ^= 0xFF
            start += len(piece)
            yield bytes(changed)


class Slow(Fault):
    """Bodies trickle, in both directions, until the fault is over."""

    def __init__(self, bytes_per_second: int) -> None:
        self.bytes_per_second = bytes_per_second
        self._over = False

    def end(self) -> None:
        self._over = True

    def sending(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return self._trickle(body)

    def answering(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return self._trickle(body)

    async def _trickle(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        step = max(1, self.bytes_per_second // 20)
        async for piece in body:
            for start in range(0, len(piece), step):
                yield piece[start : start + step]
                if not self._over:
                    await asyncio.sleep(step / self.bytes_per_second)


class Held(Fault):
    """The request waits before the store until the fault is over."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self.holds = False  # whether a request waits, or did

    def end(self) -> None:
        self._over.set()

    async def before_request(self) -> None:
        await self._hold()

    async def _hold(self) -> None:
        self.holds = True
        await self._over.wait()


class HeldAnswer(Held):
    """The store has done what was asked, but its answer waits until the fault is over."""

    async def before_request(self) -> None:
        return

    async def before_answer(self) -> None:
        await self._hold()


async def _cut(body: AsyncIterator[bytes], after: int) -> AsyncIterator[bytes]:
    left = after
    async for piece in body:
        if len(piece) >= left:
            yield piece[:left]
            raise Broken
        left -= len(piece)
        yield piece
