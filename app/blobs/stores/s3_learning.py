"""What this process knows of its S3 store: found out once, when it starts or when it is needed."""

import asyncio

import structlog

from app.blobs.stores.bucket import Bucket
from app.blobs.stores.flow import Threads
from app.blobs.stores.s3_probe import probe
from app.blobs.stores.s3_traits import Traits

log = structlog.get_logger()


class Learning:
    """Asks the store what it enforces, for all who wait for that at once. Where it is away, the
    next who needs to know makes it ask again."""

    def __init__(self, bucket: Bucket, threads: Threads, seen: Traits | None = None) -> None:
        """`seen` is what somebody has found out already."""
        self._bucket, self._threads = bucket, threads
        self._asking: asyncio.Task[Traits] | None = None
        self.seen = seen

    def begin(self) -> None:
        """Ask meanwhile; whether that succeeds is not told."""
        if self.seen is None:
            self._ask()

    def stop(self) -> None:
        """Nobody waits any more."""
        if self._asking is not None:
            self._asking.cancel()

    async def known(self) -> Traits:
        """What the store enforces; `Unavailable` where that cannot be found out now."""
        return self.seen if self.seen is not None else await asyncio.shield(self._ask())

    async def ask_again(self) -> Traits:
        """What it enforces now."""
        await self._threads.run(self._bucket.ensure)
        seen = await self._threads.run(probe, self._bucket)
        for trait in seen.lacking:
            log.error("blob_store_lacks", trait=trait.name, meaning=trait.meaning)
        self.seen = seen
        return seen

    def _ask(self) -> "asyncio.Task[Traits]":
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self.ask_again())
            self._asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._asking
