"""Reading stored blobs again: in their turn, at a rate, harmlessly."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from app.blobs import service as blobs
from app.blobs.service import Pace
from app.blobs.service.scrub import LEAST, scrub_regularly
from app.core.problems import Unavailable
from app.core.runtime import Runtime
from tests.blobs.conftest import Bench, sha256_of
from tests.blobs.registry import Registry, Sql, registry_over

BODIES = {f"{n}": f"{n}".encode() * 300_000 for n in range(4)}
DIGESTS = [sha256_of(body) for body in BODIES.values()]
MONTH = timedelta(days=30)
Step = Callable[[], Awaitable[Any]]


@pytest.fixture
async def registry(
    app: FastAPI, bench: Bench, runtime: Runtime, sql: Sql
) -> AsyncIterator[Registry]:
    """Four blobs, the first of which was looked at longest ago."""
    async with registry_over(bench.store, runtime, sql) as registry:
        for path, body in BODIES.items():
            await registry.keep(body, path)
        for days, sha256 in zip((100, 90, 80, 1), DIGESTS, strict=True):
            await registry.let_pass("checked_at", f"{days} days", sha256)
        yield registry


class Clock:
    """A time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.time += seconds


async def at_once(_: int) -> None:
    """Read as fast as it goes."""


def first(step: Step) -> Callable[[int], Awaitable[None]]:
    """A pacing during which something happens, once, while bytes are being read."""
    steps = [step]

    async def pacing(count: int) -> None:
        while count and steps:
            await steps.pop()()

    return pacing


async def test_a_reader_is_held_to_its_rate() -> None:
    clock = Clock()
    pace = Pace(100, now=clock, sleep=clock.sleep)
    for _ in range(10):
        await pace(500)
    assert clock.time == 1000 + 50


async def test_time_that_was_lost_is_not_made_up_for_by_a_rush() -> None:
    clock = Clock()
    pace = Pace(100, now=clock, sleep=clock.sleep)
    clock.time += 3600
    for _ in range(10):
        await pace(100)
    assert sum(clock.waited) == 9


async def test_those_that_were_looked_at_longest_ago_come_first(registry: Registry) -> None:
    assert await blobs.scrub(registry.runtime, at_once, MONTH) == DIGESTS[:3]
    assert await blobs.scrub(registry.runtime, at_once, MONTH) == []
    await registry.let_pass("checked_at", "40 days", DIGESTS[3])
    assert await blobs.scrub(registry.runtime, at_once, MONTH) == DIGESTS[3:]
    assert await registry.told() == []


async def test_every_byte_is_counted_and_a_small_blob_counts_for_something(
    registry: Registry,
) -> None:
    await registry.keep(b"small", "small")
    counted: list[int] = []

    async def count(read: int) -> None:
        counted.append(read)

    assert len(await blobs.scrub(registry.runtime, count, timedelta(0))) == 5
    assert sum(counted) == 4 * 300_000 + LEAST
    assert max(counted) < 2**20


async def test_rot_is_found_and_told(registry: Registry) -> None:
    await registry.put_behind(DIGESTS[0], b"?" * 300_000)
    await registry.store.delete(DIGESTS[2])
    await blobs.scrub(registry.runtime, at_once, MONTH)
    assert [await registry.damage_of(sha256) for sha256 in DIGESTS] == [
        "altered",
        None,
        "missing",
        None,
    ]
    told = [(action, details["sha256"]) for action, details in await registry.told()]
    assert told == [("blob.damaged", DIGESTS[0]), ("blob.damaged", DIGESTS[2])]
    report = (await registry.admin.get("/storage")).json()
    assert report["damaged_blobs"] == 2


async def test_what_was_missing_is_looked_at_again_soon_and_may_be_back(
    registry: Registry,
) -> None:
    await registry.store.delete(DIGESTS[0])
    await blobs.scrub(registry.runtime, at_once, MONTH)
    await registry.put_behind(DIGESTS[0], BODIES["0"])
    assert await blobs.scrub(registry.runtime, at_once, MONTH) == []
    await registry.let_pass("checked_at", "2 hours", DIGESTS[0])
    assert await blobs.scrub(registry.runtime, at_once, MONTH) == DIGESTS[:1]
    assert await registry.damage_of(DIGESTS[0]) is None


async def test_a_run_ends_with_the_blob_under_way_once_its_time_is_over(
    registry: Registry,
) -> None:
    clock = Clock()

    async def slowly(_: int) -> None:
        clock.time += 3600

    assert await blobs.scrub(registry.runtime, slowly, MONTH, now=clock) == DIGESTS[:1]
    assert await blobs.scrub(registry.runtime, slowly, MONTH, now=clock) == DIGESTS[1:2]


async def test_a_blob_whose_reader_was_killed_is_read_again(registry: Registry) -> None:
    reading = asyncio.Event()

    async def for_ever() -> None:
        reading.set()
        await asyncio.Event().wait()

    run = asyncio.create_task(blobs.scrub(registry.runtime, first(for_ever), MONTH))
    await reading.wait()
    run.cancel()
    await asyncio.wait([run])
    assert await blobs.scrub(registry.runtime, at_once, MONTH) == DIGESTS[:3]


async def test_no_connection_is_held_while_bytes_are_read(registry: Registry) -> None:
    pool: Any = registry.runtime.db.engine.pool
    seen: list[int] = []

    async def look(_: int) -> None:
        seen.append(pool.checkedout())

    await blobs.scrub(registry.runtime, look, MONTH)
    assert set(seen) == {0}


async def test_a_blob_that_is_swept_while_it_is_read_is_not_reported(registry: Registry) -> None:
    async def sweep_it() -> None:
        await registry.release("0")
        await registry.let_pass("unreferenced_since", "2 days", DIGESTS[0])
        swept = await blobs.sweep(registry.runtime.db, registry.store)
        assert swept == [DIGESTS[0]]

    await blobs.scrub(registry.runtime, first(sweep_it), MONTH)
    assert await registry.known(DIGESTS[0]) is None
    assert await registry.told() == []


async def test_a_damaged_blob_that_comes_again_while_it_is_read_is_not_reported(
    registry: Registry,
) -> None:
    await registry.put_behind(DIGESTS[0], b"?" * 300_000)

    async def send_it_again() -> None:
        await registry.keep(BODIES["0"], "again")

    await blobs.scrub(registry.runtime, first(send_it_again), MONTH)
    assert await registry.damage_of(DIGESTS[0]) is None
    assert await registry.told() == []


async def test_what_nothing_names_is_not_read(registry: Registry) -> None:
    """It is on its way in, where its row comes first, or on its way out."""
    await registry.release("0")
    await registry.store.delete(DIGESTS[0])
    assert await blobs.scrub(registry.runtime, at_once, MONTH) == DIGESTS[1:3]


class Away:
    """A store of which some blobs, or all, cannot be read at this moment."""

    def __init__(self, store: Any, *unreadable: str, well: bool = True) -> None:
        self._store, self._unreadable, self._well = store, unreadable, well

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def check(self) -> None:
        if not self._well:
            raise Unavailable("The blob store is away.")

    async def size(self, sha256: str) -> Any:
        if sha256 in self._unreadable:
            raise Unavailable("The blob store cannot be used at this moment.")
        return await self._store.size(sha256)


async def test_a_blob_that_cannot_be_read_now_keeps_no_other_from_its_turn(
    registry: Registry,
) -> None:
    before = await registry.known(DIGESTS[0])
    away = replace(registry.runtime, store=Away(registry.store, DIGESTS[0]))
    assert await blobs.scrub(away, at_once, MONTH) == DIGESTS[:3]
    assert await registry.known(DIGESTS[0]) == before
    assert await blobs.scrub(registry.runtime, at_once, MONTH) == DIGESTS[:1]


async def test_a_store_that_is_away_ends_the_run_and_harms_nothing(registry: Registry) -> None:
    away = replace(registry.runtime, store=Away(registry.store, DIGESTS[1], well=False))
    with pytest.raises(Unavailable):
        await blobs.scrub(away, at_once, MONTH)
    await scrub_regularly(away)  # the job waits for a better time
    assert [await registry.damage_of(sha256) for sha256 in DIGESTS] == [None] * 4
    assert await registry.told() == []


async def test_the_job_reads_as_the_settings_say(registry: Registry) -> None:
    async def run(**settings: float) -> None:
        changed = registry.runtime.settings.model_copy(update=settings)
        await scrub_regularly(replace(registry.runtime, settings=changed))

    await registry.store.delete(DIGESTS[3])
    await run(scrub_mib_per_second=0.0, scrub_days=0.0)
    await run(scrub_mib_per_second=1000.0, scrub_days=30.0)
    assert await registry.told() == []
    await run(scrub_mib_per_second=1000.0, scrub_days=0.5)
    assert [details["sha256"] for _, details in await registry.told()] == [DIGESTS[3]]
