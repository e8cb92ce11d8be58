"""What this process knows of its S3 store: found out when it starts or when it is needed, and
again each day, because stores are upgraded."""

import asyncio
import time

import structlog

from app.blobs.stores.bucket import Bucket
from app.blobs.stores.disk import away
from app.blobs.stores.flow import Threads
from app.blobs.stores.s3_limits import Limits
from app.blobs.stores.s3_probe import probe
from app.blobs.stores.s3_traits import Traits

log = structlog.get_logger()


class Learning:
    """Asks the store what it enforces, for all who wait for that at once. Where it is away, the
    next who needs to know makes it ask again.

    The bucket is made where there is none, but only until this process has found one: one that
    goes away later took its blobs along, and an empty one in its place would hide that.
    """

    def __init__(
        self,
        bucket: Bucket,
        threads: Threads,
        seen: Traits | None,
        limits: Limits,
    ) -> None:
        """`seen` is what somebody has found out already."""
        self._bucket, self._threads, self._limits = bucket, threads, limits
        self._making: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[Traits] | None = None
        self.seen, self._seen_at = seen, time.monotonic()

    def begin(self) -> None:
        """Ask meanwhile; whether that succeeds is not told."""
        if self.seen is None:
            self._ask()

    def stop(self) -> None:
        """Nobody waits any more."""
        for task in (self._making, self._asking):
            if task is not None:
                task.cancel()

    async def settled(self) -> None:
        """Wait until the bucket was made or could not be, where somebody is about to make it."""
        if self._making is not None:
            await asyncio.wait([self._making])

    async def known(self) -> Traits:
        """What the store enforces; `Unavailable` where that cannot be found out now."""
        if self.seen is None:
            return await self._answer()
        if time.monotonic() - self._seen_at > self._limits.traits_last.total_seconds():
            self._ask()
        return self.seen

    async def ask_again(self) -> Traits:
        """What it enforces now."""
        await self.settled()
        seen = await self._threads.run(probe, self._bucket)
        for trait in seen.lacking:
            log.error("blob_store_lacks", trait=trait.name, meaning=trait.meaning)
        self.seen, self._seen_at = seen, time.monotonic()
        return seen

    async def _answer(self) -> Traits:
        try:
            async with asyncio.timeout(self._limits.call_seconds):
                return await asyncio.shield(self._ask())
        except TimeoutError:
            raise away("it has not shown yet what it enforces") from None

    def _ask(self) -> "asyncio.Task[Traits]":
        if self._asking is None or self._asking.done():
            if self.seen is None and not self._is_made():
                self._making = asyncio.create_task(self._make())
                self._making.add_done_callback(_quiet)
            self._asking = asyncio.create_task(self._made_and_asked())
            self._asking.add_done_callback(_quiet)
        return self._asking

    async def _made_and_asked(self) -> Traits:
        if self._making is not None:
            await asyncio.shield(self._making)
        return await self.ask_again()

    async def _make(self) -> None:
        await self._threads.run(self._bucket.ensure)

    def _is_made(self) -> bool:
        making = self._making
        if making is None or not making.done() or making.cancelled():
            return False
        return making.exception() is None


def _quiet(task: "asyncio.Task[None] | asyncio.Task[Traits]") -> None:
    """A fault that nobody waits for is in the log already."""
    if not task.cancelled():
        task.exception()
