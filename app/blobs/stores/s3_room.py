"""Memory for the parts of streams: so much for all of them together, however many come at once."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from app.core.problems import Unavailable

RETRY_SECONDS = 10


class Room:
    """So many bytes, given out to whoever came first. It belongs to one event loop."""

    def __init__(self, size: int, *, patience: float) -> None:
        """Nobody waits longer than `patience`, in seconds."""
        self._free, self._patience = size, patience
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncGenerator[None]:
        """Hold so many bytes; `Unavailable` where there is no room for them for too long."""
        await self._take(size)
        try:
            yield
        finally:
            self._free += size
            self._serve()

    async def _take(self, size: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        self._serve()
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            self._leave(size, turn)
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise

    def _leave(self, size: int, turn: "asyncio.Future[None]") -> None:
        with suppress(ValueError):
            self._waiting.remove((size, turn))
        if turn.done() and not turn.cancelled():  # it was given while its owner went away
            self._free += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= size
                turn.set_result(None)


def _busy() -> Unavailable:
    return Unavailable(
        "The server takes in as many files at this moment as its memory allows. Nothing was kept "
        "of this one: send it again in a while, or as an upload in parts, which does not pass "
        "through the server.",
        retry_after=RETRY_SECONDS,
    )
