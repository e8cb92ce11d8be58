"""One look for all who ask at the same time, and for those who ask soon after."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class SharedLook:
    """Calls `look` at most once in `seconds` (or `seconds_after_fault`, where it raised), however
    many ask: an anonymous caller must not decide how often something costly is done."""

    def __init__(
        self,
        look: Callable[[], Awaitable[None]],
        *,
        seconds: float = 5.0,
        seconds_after_fault: float = 1.0,
    ) -> None:
        self._look = look
        self._seconds, self._after_fault = seconds, seconds_after_fault
        self._looking: asyncio.Task[None] | None = None
        self._ended = 0.0

    async def __call__(self) -> None:
        """Return, or raise what the look raised. Who stops waiting does not end it for others."""
        if self._looking is None or self._is_old(self._looking):
            self._looking = asyncio.ensure_future(self._run())
            self._looking.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._looking)

    async def _run(self) -> None:
        try:
            await self._look()
        finally:
            self._ended = time.monotonic()

    def _is_old(self, looking: "asyncio.Task[None]") -> bool:
        if not looking.done():
            return False
        fault = looking.cancelled() or looking.exception() is not None
        return time.monotonic() - self._ended > (self._after_fault if fault else self._seconds)


class Turns:
    """Costly work, one piece at a time. Who asks for what is being done, or waits for its turn
    already, gets that answer; who stops waiting does not end it for others."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._asked: dict[Hashable, asyncio.Task[Any]] = {}

    async def __call__(self, what: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` answers, or raises."""
        doing = self._asked.get(what)
        if doing is None:
            doing = self._asked[what] = asyncio.ensure_future(self._do(what, work))
            doing.add_done_callback(lambda done: done.cancelled() or done.exception())
        answer: T = await asyncio.shield(doing)
        return answer

    async def _do(self, what: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._turn:
                return await work()
        finally:
            del self._asked[what]
