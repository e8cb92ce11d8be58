"""Reading stored blobs again, a little all the time, because bytes rot where nobody looks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from app.blobs import queries
from app.blobs.queries import KnownBlob
from app.blobs.service import health
from app.core.problems import Unavailable
from app.core.queue import periodic
from app.core.runtime import Runtime

MIB = 2**20
RUN_SECONDS = 55.0
AT_ONCE = 20
LEAST = MIB // 4  # what looking at a blob counts for, however small it is
INCOMPLETE_AFTER = timedelta(hours=1)
log = structlog.get_logger()


class Pace:
    """Holds a reader to so many bytes a second, by letting it wait. What it did not use, but for
    the last second of it, is not made up for."""

    def __init__(
        self,
        rate: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`rate` is in bytes a second."""
        self._rate, self._now, self._sleep = rate, now, sleep
        self._free_at = now()

    async def __call__(self, count: int) -> None:
        """Count bytes that were read, and wait until more may be."""
        now = self._now()
        self._free_at = max(self._free_at, now - 1) + count / self._rate
        if self._free_at > now:
            await self._sleep(self._free_at - now)


async def scrub(
    runtime: Runtime,
    pacing: health.Pacing,
    age: timedelta,
    *,
    now: Callable[[], float] = time.monotonic,
) -> list[str]:
    """Read and hash blobs in use that were looked at longer ago than `age`, longest ago first,
    record what is found, and return which were taken up. It ends once a minute is nearly over and
    the blob that is being read then is done.

    Nothing is held while bytes are read, and whoever is killed leaves a blob to be read again. One
    that cannot be read at this moment does not keep the others from their turn; a store that is
    away ends the run.
    """
    end = now() + RUN_SECONDS
    taken: list[str] = []
    while now() < end and (due := await _due(runtime, age, taken)):
        for blob in due:
            if now() >= end:
                break
            taken.append(blob.sha256)
            await _scrub_one(runtime, blob, pacing)
    return taken


async def _due(runtime: Runtime, age: timedelta, besides: list[str]) -> list[KnownBlob]:
    """What was cut short is looked at sooner: that costs little, and it may be back."""
    async with runtime.db.reading() as session:
        soon = await queries.incomplete(session, min(age, INCOMPLETE_AFTER), besides, AT_ONCE)
        return soon or await queries.due(session, age, besides, AT_ONCE)


async def _scrub_one(runtime: Runtime, blob: KnownBlob, pacing: health.Pacing) -> None:
    await pacing(max(LEAST - blob.size, 0))
    condition = await health.try_to_examine(
        runtime.store, blob.sha256, blob.size, whole=True, pacing=pacing
    )
    if condition is not None:
        await health.note(runtime.db, blob, condition)


@periodic("blobs.scrub", cron="* * * * *")
async def scrub_regularly(runtime: Runtime) -> None:
    """Read stored blobs again, at the rate that the settings allow."""
    rate = runtime.settings.scrub_mib_per_second
    if rate:
        age = timedelta(days=runtime.settings.scrub_days)
        try:
            await scrub(runtime, Pace(rate * MIB), age)
        except Unavailable as error:
            log.warning("scrub_waits", reason=error.detail)
