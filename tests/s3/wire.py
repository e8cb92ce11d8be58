"""As much of HTTP/1.1 as a proxy needs that passes bytes on as they came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

PIECE = 256 * 1024
LARGEST_HEAD = 1024 * 1024


@dataclass(frozen=True)
class Line:
    """One side's connection. Where that side has gone, reading raises `EOFError` and sending
    `ConnectionError`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def close(self) -> None:
        """Let what was sent arrive, then hang up."""
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    async def until(self, end: bytes) -> bytes:
        try:
            return await self.reader.readuntil(end)
        except ConnectionError as error:
            raise EOFError from error

    async def pieces(self, size: float) -> AsyncIterator[bytes]:
        """So many bytes, or all there are with infinity."""
        while size:
            try:
                piece = await self.reader.read(int(min(size, PIECE)))
            except ConnectionError as error:
                raise EOFError from error
            if not piece and size == float("inf"):
                return
            if not piece:
                raise EOFError
            size -= len(piece)
            yield piece


@dataclass(frozen=True)
class Head:
    """The first line and the fields of a request or an answer."""

    raw: bytes

    @classmethod
    async def read(cls, line: Line) -> "Head":
        return cls(await line.until(b"\r\n\r\n"))

    @cached_property
    def first(self) -> str:
        return self.raw.partition(b"\r\n")[0].decode("latin-1")

    @cached_property
    def fields(self) -> dict[str, str]:
        """By their names in small letters."""
        _, *lines = self.raw.decode("latin-1").strip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return {name.lower(): value.strip() for name, _, value in pairs}

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.first.split(" ", 2)[1])

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.fields.get("transfer-encoding", "").lower()

    @property
    def is_last(self) -> bool:
        """Whether the connection ends after this answer."""
        return "close" in self.fields.get("connection", "").lower() or not (
            self.is_chunked or "content-length" in self.fields or self.status in (204, 304)
        )

    def request_body(self, client: Line) -> AsyncIterator[bytes]:
        """What follows this head of a request, as it is on the wire."""
        if self.is_chunked:
            return _chunks(client)
        return client.pieces(int(self.fields.get("content-length", 0)))

    def answer_body(self, store: Line, method: str) -> AsyncIterator[bytes]:
        """What follows this head of an answer to such a request, as it is on the wire."""
        if method == "HEAD" or self.status in (204, 304):
            return store.pieces(0)
        if self.is_chunked:
            return _chunks(store)
        return store.pieces(float(self.fields.get("content-length", "inf")))


async def _chunks(line: Line) -> AsyncIterator[bytes]:
    size = None
    while size != 0:
        yield (head := await line.until(b"\r\n"))
        size = int(head.split(b";")[0], 16)
        async for piece in line.pieces(size):
            yield piece
        if size:
            yield await line.until(b"\r\n")
    while (trailer := await line.until(b"\r\n")) != b"\r\n":
        yield trailer
    yield trailer
