"""Following the record: in the order of commits, without holes, and without a connection."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from app.audit import service as audit
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.main import build_runtime, create_app, settle
from tests.actors import Api, Team
from tests.factories import problem
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
TAKE_AN_ID = text("select pg_current_xact_id()")


class Follower:
    """Reads on from where it was, as an outside consumer would."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.after: str | None = None

    async def read(self, **query: Any) -> list[str]:
        """The subjects that are new."""
        params = {**query, **({"after": self.after} if self.after else {})}
        answer = await self.api.get("/events", params=params)
        assert answer.status_code == 200, answer.text
        self.after = answer.json()["next_after"]
        return [event["subject"] for event in answer.json()["items"]]

    async def catch_up(self) -> None:
        while await self.read(limit=200):
            pass


@pytest.fixture
async def follower(admin: Api) -> Follower:
    found = Follower(admin)
    await found.catch_up()
    return found


async def record(runtime: Runtime, subject: str) -> None:
    async with runtime.db.transaction() as session:
        audit.record(session, None, "test.done", subject=subject)


async def test_a_late_commit_is_not_missed(runtime: Runtime, follower: Follower) -> None:
    """T1 takes its id first and commits last: whoever has read T2's event still gets T1's."""
    async with runtime.db.transaction() as first:
        audit.record(first, None, "test.done", subject="first")
        await first.flush()
        await record(runtime, "second")
        # The second is committed; were it shown now, the first would lie behind the reader.
        assert await follower.read() == []
    assert await follower.read() == ["first", "second"]
    assert await follower.read() == []


async def test_a_transaction_that_records_only_at_its_end_is_not_missed(
    runtime: Runtime, follower: Follower, sql: Sql
) -> None:
    """T1 has its transaction id before T2 and its event id after T2's."""
    async with runtime.db.transaction() as first:
        await first.execute(TAKE_AN_ID)
        await record(runtime, "second")
        assert await follower.read() == []
        audit.record(first, None, "test.done", subject="first")
    assert await follower.read() == ["first", "second"]
    ids = await (
        await sql.execute("select subject from events order by id desc limit 2")
    ).fetchall()
    assert [subject for (subject,) in ids] == ["first", "second"]


async def test_what_is_rolled_back_leaves_no_hole_that_blocks(
    runtime: Runtime, follower: Follower
) -> None:
    async with runtime.db.transaction() as session:
        audit.record(session, None, "test.done", subject="never")
        await session.flush()
        await record(runtime, "after")
        assert await follower.read() == []
        await session.rollback()
    assert await follower.read() == ["after"]


async def test_many_writers_at_once_are_read_once_each_and_in_one_order(
    runtime: Runtime, admin: Api, follower: Follower
) -> None:
    wanted = {f"event {number}" for number in range(60)}
    writing = asyncio.gather(*(record(runtime, subject) for subject in sorted(wanted)))
    read: list[str] = []

    async def all_read() -> bool:
        read.extend(await follower.read(limit=7))
        return len(read) >= len(wanted)

    await eventually(all_read, what="every event to be read")
    await writing
    assert sorted(read) == sorted(wanted)
    afresh = Follower(admin)
    again: list[str] = []
    while more := await afresh.read(limit=11):
        again += more
    assert [subject for subject in again if subject in wanted] == read


async def test_the_cursor_of_an_event_is_a_place_to_read_on_from(
    runtime: Runtime, admin: Api, follower: Follower
) -> None:
    for subject in ("a", "b", "c"):
        await record(runtime, subject)
    page = (await admin.get("/events", params={"after": follower.after})).json()
    assert [event["subject"] for event in page["items"]] == ["a", "b", "c"]
    rest = (await admin.get("/events", params={"after": page["items"][0]["cursor"]})).json()
    assert [event["subject"] for event in rest["items"]] == ["b", "c"]
    first = await admin.get("/events", params={"after": follower.after, "limit": 2})
    assert first.json()["next_after"] == first.json()["next_cursor"]
    link = first.headers["link"].split(">")[0][1:]
    headers = {"Authorization": f"Bearer {admin.token}"}
    last = (await admin.http.get(link, headers=headers)).json()
    assert [event["subject"] for event in last["items"]] == ["c"]
    assert last["next_cursor"] is None


async def waiting_for(runtime: Runtime) -> bool:
    return bool(runtime.hub._waiters.get(audit.TOPIC))


async def begin_to_wait(runtime: Runtime, follower: Follower, **query: Any) -> Any:
    task = asyncio.create_task(follower.read(wait=30, **query))

    async def waits() -> bool:
        idle = runtime.db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        return task.done() or (idle and await waiting_for(runtime))

    await eventually(waits, what="the follower to wait without a connection")
    assert not task.done()
    return task


async def test_a_follower_waits_without_a_connection_and_wakes_at_an_event(
    runtime: Runtime, follower: Follower
) -> None:
    task = await begin_to_wait(runtime, follower)
    await record(runtime, "news")
    assert await task == ["news"]


async def test_a_follower_in_another_process_wakes_too(
    settings: Settings, admin: Api, follower: Follower
) -> None:
    assert settings.database_url is not None
    elsewhere = build_runtime(settings, settings.database_url.get_secret_value())
    elsewhere.hub.start()
    task = asyncio.create_task(follower.read(wait=30))
    await record(elsewhere, "news")
    assert await task == ["news"]
    await elsewhere.hub.stop()
    await elsewhere.db.close()


async def test_a_waiting_follower_sees_what_an_older_transaction_held_back(
    runtime: Runtime, follower: Follower
) -> None:
    """The older one records nothing, so nobody tells when it ends."""
    async with runtime.db.transaction() as older:
        await older.execute(TAKE_AN_ID)
        task = asyncio.create_task(follower.read(wait=30))
        await record(runtime, "news")

        async def looked() -> bool:
            return await waiting_for(runtime)

        await eventually(looked, what="the follower to wait")
        assert not task.done()
    assert await task == ["news"]


async def test_a_follower_is_not_woken_by_what_it_did_not_ask_for(
    runtime: Runtime, follower: Follower
) -> None:
    task = await begin_to_wait(runtime, follower, action="test.wanted")
    await record(runtime, "noise")
    async with runtime.db.transaction() as session:
        audit.record(session, None, "test.wanted", subject="news")
    assert await task == ["news"]


async def test_a_follower_whose_token_is_revoked_meanwhile_reads_nothing(
    runtime: Runtime, admin: Api, team: Team
) -> None:
    alice = await team.person("alice", "reader")
    mine = Follower(alice)
    await mine.catch_up()
    task = asyncio.create_task(alice.get("/events", params={"wait": 30, "after": mine.after or ""}))

    async def waits() -> bool:
        return task.done() or await waiting_for(runtime)

    await eventually(waits, what="the follower to wait")
    token = (await admin.get("/tokens?identity=alice")).json()["items"][0]["id"]
    assert (await admin.delete(f"/tokens/{token}")).status_code == 204
    problem(await task, 401, "not-authenticated")


async def test_an_answer_that_has_something_does_not_wait(
    runtime: Runtime, follower: Follower
) -> None:
    await record(runtime, "news")
    assert await follower.read(wait=30) == ["news"]
    assert await follower.read(wait=0) == []


@pytest.fixture
async def ending(settings: Settings, admin: Api) -> AsyncIterator[tuple[Runtime, Follower]]:
    """A process that can be told to end, and a follower of it."""
    assert settings.database_url is not None
    runtime = build_runtime(settings, settings.database_url.get_secret_value())
    app = create_app(runtime)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield runtime, Follower(Api(client, admin.token, "admin"))
    await settle(app)
    await runtime.hub.stop()
    await runtime.db.close()


async def test_a_process_that_ends_lets_nobody_wait(ending: tuple[Runtime, Follower]) -> None:
    runtime, follower = ending
    await follower.catch_up()
    task = await begin_to_wait(runtime, follower)
    runtime.hub.close()
    assert await task == []
    assert await follower.read(wait=30) == []
