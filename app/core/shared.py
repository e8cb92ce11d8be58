"""One look for all who ask at the same time, and for those who ask soon after."""

import asyncio
import time
from collections.abc import Awaitable, Callable


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
