"""Jobs: enqueued with what makes them necessary, done at least once, whoever dies."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from app import worker
from app.core import queue, schema
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.queue import enqueue, periodic, task
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.signals import Hub
from tests.waiting import eventually


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("queue"), durable=False)
    try:
        server.start()
        schema.migrate(server.url)
        yield server.url
    finally:
        server.stop()


@pytest.fixture
async def runtime(url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    hub = Hub(None)
    db = Database(url, pool_size=10, hub=hub)
    settings = Settings(data_dir=tmp_path, embedded_url=url)
    yield Runtime(settings=settings, hub=hub, db=db, store=None)
    await db.close()
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("truncate procrastinate_jobs, procrastinate_workers cascade")


@pytest.fixture(autouse=True)
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks declared in a test are gone after it, and the rooms' own are not done in it."""
    worker.load_tasks()
    monkeypatch.setattr(queue, "TASKS", {})
    monkeypatch.setattr(worker, "TASKS", queue.TASKS)


async def statuses(runtime: Runtime) -> list[tuple[str, str]]:
    async with runtime.db.reading() as session:
        found = await session.execute(
            text(
                "select task_name, status::text from procrastinate_jobs "
                "where task_name like 'tests.%' order by id"
            )
        )
        return [(name, status) for name, status in found]


async def test_a_rollback_takes_the_job_along(runtime: Runtime) -> None:
    @task("tests.never")
    async def never(runtime: Runtime) -> None: ...

    async def fail() -> None:
        async with runtime.db.transaction() as session:
            assert await enqueue(session, never, args={}) is not None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await statuses(runtime) == []
    async with runtime.db.transaction() as session:
        await enqueue(session, never, args={})
    assert await statuses(runtime) == [("tests.never", "todo")]


async def test_a_worker_does_what_was_committed(runtime: Runtime) -> None:
    done: list[str] = []

    @task("tests.note")
    async def note(runtime: Runtime, *, what: str) -> None:
        done.append(what)

    async with worker.worker_inside(runtime):
        async with runtime.db.transaction() as session:
            await enqueue(session, note, args={"what": "a"})

        async def over() -> bool:
            return await statuses(runtime) == [("tests.note", "succeeded")]

        await eventually(over, what="the job")
    assert done == ["a"]


async def test_a_job_that_raises_is_tried_again(runtime: Runtime) -> None:
    tries = 0

    @task("tests.stumble", retries=3)
    async def stumble(runtime: Runtime) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ZeroDivisionError

    @task("tests.fall", retries=0)
    async def fall(runtime: Runtime) -> None:
        raise ZeroDivisionError

    async with runtime.db.transaction() as session:
        await enqueue(session, stumble, args={}, queueing_lock="one")
        await enqueue(session, fall, args={})
    async with worker.worker_inside(runtime):

        async def over() -> bool:
            return await statuses(runtime) == [
                ("tests.stumble", "succeeded"),
                ("tests.fall", "failed"),
            ]

        await eventually(over, what="the second try")
    assert tries == 2


async def test_while_one_waits_no_second_like_it_is_added(runtime: Runtime) -> None:
    @task("tests.sweep")
    async def sweep(runtime: Runtime) -> None: ...

    async with runtime.db.transaction() as session:
        assert await enqueue(session, sweep, args={}, queueing_lock="sweep") is not None
        assert await enqueue(session, sweep, args={}, queueing_lock="sweep") is None
        assert await enqueue(session, sweep, args={}, queueing_lock="other") is not None

    async def add() -> int | None:
        async with runtime.db.transaction() as session:
            return await enqueue(session, sweep, args={}, queueing_lock="third")

    added = await asyncio.gather(*(add() for _ in range(8)))
    assert len([job for job in added if job is not None]) == 1


async def test_the_one_that_waits_starts_after_the_change_that_counts_on_it(
    runtime: Runtime,
) -> None:
    seen: list[int] = []

    @task("tests.look")
    async def look(runtime: Runtime) -> None:
        async with runtime.db.reading() as session:
            seen.append((await session.execute(text("select count(*) from changes"))).scalar_one())

    async with runtime.db.transaction() as session:
        await session.execute(text("create table changes (i int)"))
        await enqueue(session, look, args={}, queueing_lock="look")
    try:
        async with runtime.db.transaction() as session:
            assert await enqueue(session, look, args={}, queueing_lock="look") is None
            await session.execute(text("insert into changes values (1)"))
            async with worker.worker_inside(runtime):
                await _idle(runtime)
                assert seen == []
                await session.commit()

                async def over() -> bool:
                    return bool(seen)

                await eventually(over, what="the look")
        assert seen == [1]
    finally:
        async with runtime.db.transaction() as session:
            await session.execute(text("drop table changes"))


async def _idle(runtime: Runtime) -> None:
    """Until the worker has had its chance: one of its own jobs is done."""

    async def had_its_chance() -> bool:
        async with runtime.db.reading() as session:
            found = await session.execute(
                text("select 1 from procrastinate_jobs where status = 'succeeded'")
            )
            return found.first() is not None

    await eventually(had_its_chance, what="a job of the worker's own")


async def test_the_jobs_of_a_worker_that_was_killed_are_done_by_another(runtime: Runtime) -> None:
    done: list[str] = []

    @task("tests.note")
    async def note(runtime: Runtime, *, what: str) -> None:
        done.append(what)

    async with runtime.db.transaction() as session:
        await enqueue(session, note, args={"what": "a"}, queueing_lock="a")
    async with runtime.db.transaction() as session:  # a worker took it and was killed
        await session.execute(
            text(
                "select procrastinate_fetch_job_v2(null, "
                "(select worker_id from procrastinate_register_worker_v1()))"
            )
        )
    assert await statuses(runtime) == [("tests.note", "doing")]
    async with runtime.db.transaction() as session:  # and another one like it waits
        await enqueue(session, note, args={"what": "b"}, queueing_lock="a")
    await worker.disown_jobs(runtime)
    async with worker.worker_inside(runtime):

        async def over() -> bool:
            return sorted(done) == ["a", "b"]

        await eventually(over, what="both jobs")


async def test_a_worker_that_stops_puts_back_what_it_could_not_finish(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_SECONDS", 0.05)
    begun = asyncio.Event()

    @task("tests.long")
    async def long(runtime: Runtime) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with runtime.db.transaction() as session:
        await enqueue(session, long, args={})
    async with worker.worker_inside(runtime):
        await asyncio.wait_for(begun.wait(), 30)
    assert await statuses(runtime) == [("tests.long", "todo")]


async def test_jobs_that_ended_long_ago_are_deleted(runtime: Runtime) -> None:
    @task("tests.old")
    async def old(runtime: Runtime) -> None: ...

    async with runtime.db.transaction() as session:
        await enqueue(session, old, args={})
        await session.execute(text("update procrastinate_jobs set status = 'doing'"))
        await session.execute(text("update procrastinate_jobs set status = 'succeeded'"))
        await session.execute(text("update procrastinate_events set at = now() - interval '2 d'"))
    async with worker.worker_inside(runtime):

        async def over() -> bool:
            return await statuses(runtime) == []

        await eventually(over, what="the old job to go")


def test_two_tasks_of_one_name_are_refused() -> None:
    @periodic("tests.same", cron="0 0 * * *")
    async def one(runtime: Runtime) -> None: ...

    with pytest.raises(ValueError, match=r"tests\.same"):

        @task("tests.same")
        async def two(runtime: Runtime) -> None: ...


async def test_a_periodic_task_runs_once_for_all_workers(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = 0

    # Once a year, and a year to catch up: one moment is due, and not the next for long.
    monkeypatch.setattr(worker, "CATCH_UP_SECONDS", 366 * 86_400)

    @periodic("tests.yearly", cron="0 0 1 1 *")
    async def yearly(runtime: Runtime) -> None:
        nonlocal ran
        ran += 1

    async with worker.worker_inside(runtime), worker.worker_inside(runtime):

        async def over() -> bool:
            return await statuses(runtime) == [("tests.yearly", "succeeded")]

        await eventually(over, what="the periodic task")
    assert ran == 1
