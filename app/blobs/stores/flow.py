"""Moving bytes between the event loop and threads: in blocks, one ahead, never more."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from app.blobs.problems import wrong_size
from app.blobs.stores.disk import away, guarded
from app.blobs.stores.workers import Workers

# What a thread gets at once: fewer bytes cost speed, more cost memory for each request under way.
BLOCK = 512 * 1024
log = structlog.get_logger()
P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """The threads of one store."""

    def __init__(self, pool: Executor) -> None:
        """`pool` runs every step that blocks."""
        self._pool = pool

    def run(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
        """Take a step in a thread; a system error becomes `Unavailable`."""
        call = self._pool.submit(partial(guarded, step, *args, **kwargs))
        return _quiet(asyncio.wrap_future(call))

    async def soon(
        self, seconds: float, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Take a step that somebody waits for; `Unavailable` where it has not ended by then. The
        thread goes on until the step ends."""
        try:
            async with asyncio.timeout(seconds):
                return await self.run(step, *args, **kwargs)
        except TimeoutError:
            name = getattr(step, "__name__", repr(step))
            log.error("blob_store_fault", step=name, reason=f"no answer in {seconds:g} s")
            raise away("it did not answer in time") from None

    async def surely(self, step: Callable[[], T]) -> T:
        """Take a step that clears up: it happens even where the caller is cancelled meanwhile."""
        try:
            call = self._pool.submit(guarded, step)
        except RuntimeError:  # the store is closed, so its threads are gone
            last = Workers(1, "blobs-closing")
            call = last.submit(guarded, step)
            last.shutdown(wait=False)
        return await asyncio.shield(_quiet(asyncio.wrap_future(call)))


def _quiet(future: "asyncio.Future[T]") -> "asyncio.Future[T]":
    """A fault of a step that nobody waits for any more is in the log already."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future


async def blocks(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """The same bytes in blocks of half a MiB or a little more."""
    gathered, size = [], 0
    async for chunk in chunks:
        gathered.append(chunk)
        size += len(chunk)
        if size >= BLOCK or len(gathered) >= 4096:
            yield b"".join(gathered)
            gathered, size = [], 0
    if size:
        yield b"".join(gathered)


async def pour(
    chunks: AsyncIterable[bytes],
    threads: Threads,
    *sinks: Callable[[bytes], object],
    size: int | None,
) -> int:
    """Give every block to all sinks at once, each sink getting them in order; how many bytes.

    While the sinks work on one block the next one is awaited, and no further one is. `WrongSize`
    as soon as more than `size` bytes have come, or at the end where fewer have.
    """
    total = 0
    busy: list[asyncio.Future[object]] = []
    async with aclosing(blocks(chunks)) as gathered:
        async for block in gathered:
            total += len(block)
            if size is not None and total > size:
                raise wrong_size(size, None)
            for future in busy:
                await future
            busy = [threads.run(sink, block) for sink in sinks]
    for future in busy:
        await future
    if size is not None and total != size:
        raise wrong_size(size, total)
    return total
