"""Adopting bytes and freeing them, side by side: in a fixed order, and all at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from app.blobs import service as blobs
from app.blobs.service.sweep import FREED_SIDE_BY_SIDE, sweep_regularly
from app.blobs.stores.interface import Proven
from app.core.problems import Unavailable
from app.core.runtime import Runtime
from tests.blobs.conftest import Bench, in_chunks, sha256_of
from tests.blobs.registry import Registry, Sql, registry_over
from tests.waiting import eventually

BODY = b"weights " * 1000
SHA = sha256_of(BODY)
AT_ONCE = timedelta(0)
Step = Callable[[], Awaitable[Any]]


@pytest.fixture
async def registry(
    app: FastAPI, bench: Bench, runtime: Runtime, sql: Sql
) -> AsyncIterator[Registry]:
    async with registry_over(bench.store, runtime, sql) as registry:
        yield registry


class KilledError(Exception):
    """The process ended here."""


class Watched:
    """A store that tells when a step begins, and lets it go on when it may."""

    def __init__(self, store: Any, name: str) -> None:
        self._store, self._name = store, name
        self.begun, self.may_go_on = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._store, name)
        if name != self._name:
            return step

        async def watched(*args: Any) -> Any:
            self.begun.set()
            await self.may_go_on.wait()
            return await step(*args)

        return watched


class Killed:
    """A store whose user is killed before, or after, a step."""

    def __init__(self, store: Any, name: str, *, after: bool) -> None:
        self._store, self._name, self._after = store, name, after

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._store, name)
        if name != self._name:
            return step

        async def killed(*args: Any) -> Any:
            if self._after:
                await step(*args)
            raise KilledError

        return killed


class Tries:
    """A database that counts the transactions begun in it."""

    def __init__(self, db: Any) -> None:
        self._db, self.count = db, 0

    def transaction(self) -> Any:
        self.count += 1
        return self._db.transaction()


def with_store(registry: Registry, store: Any) -> Runtime:
    return replace(registry.runtime, store=store)


async def received(registry: Registry, body: bytes = BODY) -> tuple[Any, Proven]:
    """Bytes that are proven under `incoming/`."""
    upload_id = uuid4()
    return upload_id, await registry.store.receive(upload_id, in_chunks(body))


async def unnamed(registry: Registry, *bodies: bytes) -> list[str]:
    """Blobs that nothing has named for longer than the grace time."""
    for body in bodies:
        await registry.keep(body)
        await registry.release()
    digests = [sha256_of(body) for body in bodies]
    await registry.let_pass("unreferenced_since", "2 days", *digests)
    return digests


async def swept(registry: Registry, **options: Any) -> list[str]:
    return await blobs.sweep(registry.runtime.db, registry.store, **options)


async def test_whoever_brings_bytes_that_are_being_freed_waits_and_is_not_told(
    registry: Registry,
) -> None:
    await unnamed(registry, BODY)
    slow: Any = Watched(registry.store, "delete")
    sweep = asyncio.create_task(blobs.sweep(registry.runtime.db, slow))
    await slow.begun.wait()
    adopting: Any = Watched(registry.store, "adopt")
    adopting.may_go_on.set()
    tries: Any = Tries(registry.runtime.db)
    upload_id, proven = await received(registry)
    waiting = replace(registry.runtime, store=adopting, db=tries)
    adoption = asyncio.create_task(blobs.adopt(waiting, upload_id, proven, patience=100))

    async def has_tried() -> bool:
        return bool(tries.count > 2)

    await eventually(has_tried, what="the adoption to have looked more than once")
    assert not adopting.begun.is_set()
    slow.may_go_on.set()
    assert await sweep == [SHA]
    await adoption
    assert await registry.store.size(SHA) == len(BODY)
    assert await registry.known(SHA) is not None


async def test_a_wait_that_is_too_long_ends_in_words_that_tell_nothing(registry: Registry) -> None:
    await unnamed(registry, BODY)
    await registry.sql.execute("update blobs set doomed_at = now()")
    upload_id, proven = await received(registry)
    with pytest.raises(Unavailable) as refused:
        await blobs.adopt(registry.runtime, upload_id, proven, patience=0)
    assert refused.value.retry_after
    for word in ("same", "freed", "blob ", "exist", SHA):
        assert word not in refused.value.detail.replace("blob store", "store")
    assert upload_id in {found.id async for found in registry.store.incoming()}


async def test_a_sweep_spares_what_an_adoption_under_way_counts_on(registry: Registry) -> None:
    await unnamed(registry, BODY)
    slow: Any = Watched(registry.store, "adopt")
    upload_id, proven = await received(registry)
    adoption = asyncio.create_task(blobs.adopt(with_store(registry, slow), upload_id, proven))
    await slow.begun.wait()
    assert await swept(registry) == []
    slow.may_go_on.set()
    await adoption
    assert await registry.store.size(SHA) == len(BODY)
    assert await swept(registry, grace=AT_ONCE) == [SHA]


@pytest.mark.parametrize("was_there", [False, True])
@pytest.mark.parametrize("after", [False, True])
async def test_what_a_killed_adoption_leaves_is_known_and_swept(
    registry: Registry, after: bool, was_there: bool
) -> None:
    if was_there:
        await unnamed(registry, BODY)
    upload_id, proven = await received(registry)
    killed = with_store(registry, Killed(registry.store, "adopt", after=after))
    with pytest.raises(KilledError):
        await blobs.adopt(killed, upload_id, proven)
    assert await registry.known(SHA) is not None
    assert await swept(registry) == []  # who was killed may come again and go on
    assert await swept(registry, grace=AT_ONCE) == [SHA]
    assert {found.sha256 async for found in registry.store.blobs()} == set()


async def test_a_sweep_that_was_killed_is_finished_after_its_lease(registry: Registry) -> None:
    digests = await unnamed(registry, BODY, b"other")
    with pytest.raises(KilledError):
        await blobs.sweep(
            registry.runtime.db,
            Killed(registry.store, "delete", after=True),  # type: ignore[arg-type]
        )
    assert await swept(registry) == []  # it may live, and only be slow
    await registry.let_pass("doomed_at", "6 minutes", *digests)
    assert sorted(await swept(registry)) == sorted(digests)
    assert await registry.known(SHA) is None


async def test_two_sweeps_never_free_the_same_blob(registry: Registry) -> None:
    """Otherwise the slower one could free bytes that came again in between."""
    await unnamed(registry, BODY)
    slow: Any = Watched(registry.store, "delete")
    first = asyncio.create_task(blobs.sweep(registry.runtime.db, slow))
    await slow.begun.wait()
    assert await swept(registry) == []
    assert not await blobs.free(registry.runtime.db, registry.store, SHA, why="altered")
    slow.may_go_on.set()
    assert await first == [SHA]


async def test_a_sweep_that_outlives_its_lease_leaves_the_row_to_who_took_over(
    registry: Registry,
) -> None:
    await unnamed(registry, BODY)
    slow: Any = Watched(registry.store, "delete")
    first = asyncio.create_task(blobs.sweep(registry.runtime.db, slow))
    await slow.begun.wait()
    await registry.let_pass("doomed_at", "6 minutes", SHA)
    slower: Any = Watched(registry.store, "delete")
    second = asyncio.create_task(blobs.sweep(registry.runtime.db, slower))
    await slower.begun.wait()
    slow.may_go_on.set()
    await first
    assert await registry.known(SHA) is not None  # nobody may bring it before the second is done
    slower.may_go_on.set()
    await second
    assert await registry.known(SHA) is None


async def test_few_are_doomed_at_a_time(registry: Registry) -> None:
    """Also where PostgreSQL takes the table for a small one, and looks through it differently."""
    bodies = [f"{number}".encode() for number in range(FREED_SIDE_BY_SIDE + 3)]
    digests = await unnamed(registry, bodies[0])
    await registry.sql.execute("analyze blobs")
    digests += await unnamed(registry, *bodies[1:])
    slow: Any = Watched(registry.store, "delete")
    sweep = asyncio.create_task(blobs.sweep(registry.runtime.db, slow))
    await slow.begun.wait()
    found = await registry.sql.execute("select count(*) from blobs where doomed_at is not null")
    assert await found.fetchone() == (FREED_SIDE_BY_SIDE,)
    slow.may_go_on.set()
    assert sorted(await sweep) == sorted(digests)


class Stuck:
    """A store that cannot free one blob."""

    def __init__(self, store: Any, sha256: str) -> None:
        self._store, self._sha256 = store, sha256

    async def delete(self, sha256: str) -> None:
        if sha256 == self._sha256:
            raise Unavailable("The blob store cannot be used at this moment.")
        await self._store.delete(sha256)


async def test_one_that_cannot_be_freed_keeps_no_other(registry: Registry) -> None:
    digests = await unnamed(registry, *(f"{number}".encode() for number in range(20)))
    stuck: Any = Stuck(registry.store, digests[0])
    with pytest.raises(Unavailable):
        await blobs.sweep(registry.runtime.db, stuck)
    assert [sha256 for sha256 in digests if await registry.known(sha256)] == digests[:1]
    await registry.let_pass("doomed_at", "6 minutes", digests[0])
    assert await swept(registry) == digests[:1]


class Copying:
    """A store that says from when on copies are kept."""

    def __init__(self, store: Any) -> None:
        self._store, self.before = store, datetime.max.replace(tzinfo=UTC)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def clear_copies(self, before: datetime) -> int:
        self.before = before
        return 0


async def test_the_job_frees_blobs_and_what_old_adoptions_left(registry: Registry) -> None:
    await unnamed(registry, BODY)
    store: Any = Copying(registry.store)
    await sweep_regularly(with_store(registry, store))
    assert await registry.known(SHA) is None
    age = datetime.now(UTC) - store.before
    assert timedelta(days=1) <= age < timedelta(days=1, hours=1)


async def test_writers_and_sweeps_at_once_lose_nothing_and_refuse_nobody(
    registry: Registry,
) -> None:
    """Over and over, bytes that nothing has named for long are brought by several at the moment at
    which several sweeps free them."""
    upload = [0]

    async def writer() -> None:
        upload_id, proven = await received(registry)
        await blobs.adopt(registry.runtime, upload_id, proven, patience=100)
        upload[0] += 1

    for _ in range(15):
        await unnamed(registry, BODY)
        await asyncio.gather(writer(), swept(registry), writer(), swept(registry), writer())
        known = await registry.known(SHA)
        assert known is not None
        condition = await blobs.examine(registry.store, SHA, len(BODY), whole=True)
        assert condition.damage is None
    assert upload == [45]
