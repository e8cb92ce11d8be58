"""Waiting for a promotion to change. Nothing here measures time: an answer that comes too early or
never would be the wrong answer."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.core.signals import Hub
from app.main import build_runtime, create_app, settle
from tests.actors import Api
from tests.factories import problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    approve,
    look,
    open_promotion,
    registered,
    to_staging,
)
from tests.promotions.test_reviews import set_policy
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.fixture
async def promotion(people: People) -> dict[str, Any]:
    await registered(people)
    await to_staging(people.alice, 1)
    return await open_promotion(people.alice, 1, "production")


def poll(api: Api, promotion: dict[str, Any], etag: str | None = None) -> asyncio.Task[Any]:
    headers = {"If-None-Match": etag} if etag else {}
    path = f"/promotions/{promotion['id']}?wait=30"
    return asyncio.create_task(api.get(path, headers=headers))


async def told(*polls: asyncio.Task[Any]) -> list[Any]:
    """The answers, before those who wait would look by themselves (20 seconds) or give up (30)."""
    async with asyncio.timeout(15):
        return list(await asyncio.gather(*polls))


async def until_waiting(hub: Hub, promotion: dict[str, Any], number: int = 1) -> None:
    async def look() -> bool:
        return len(hub._waiters.get(f"promotion:{promotion['id']}", ())) == number

    await eventually(look, what="the polls to wait")


async def test_it_answers_when_the_promotion_changes(
    people: People, runtime: Runtime, promotion: dict[str, Any]
) -> None:
    seen = (await people.carol.get(f"/promotions/{promotion['id']}")).headers["etag"]
    waiting = [poll(people.carol, promotion, seen), poll(people.carol, promotion)]
    await until_waiting(runtime.hub, promotion, 2)
    await approve(people.bob, promotion)
    for answer in await told(*waiting):
        assert answer.status_code == 200
        assert answer.json()["status"] == "approved"
        assert answer.headers["etag"] != seen


async def test_what_one_has_not_seen_is_answered_at_once(
    people: People, promotion: dict[str, Any]
) -> None:
    seen = (await people.carol.get(f"/promotions/{promotion['id']}")).headers["etag"]
    await approve(people.bob, promotion)
    answer = (await told(poll(people.carol, promotion, seen)))[0]
    assert answer.json()["status"] == "approved"


async def test_nothing_new_is_a_304(people: People, promotion: dict[str, Any]) -> None:
    path = f"/promotions/{promotion['id']}"
    seen = (await people.carol.get(path)).headers["etag"]
    headers = {"If-None-Match": seen}
    for wait in ("0", "0.05"):
        answer = await people.carol.get(path, params={"wait": wait}, headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == seen
    assert (await people.carol.get(path, params={"wait": "0.05"})).status_code == 200
    for wait in ("31", "-1", "long"):
        answer = await people.carol.get(path, params={"wait": wait})
        problem(answer, 422, "invalid-request")


async def test_one_that_has_ended_is_answered_at_once(
    people: People, promotion: dict[str, Any]
) -> None:
    await people.alice.post(f"/promotions/{promotion['id']}/cancel")
    answer = (await told(poll(people.carol, promotion)))[0]
    assert answer.json()["status"] == "cancelled"


async def test_many_wait_without_a_connection_of_the_database(
    people: People, runtime: Runtime, promotion: dict[str, Any]
) -> None:
    """More polls than the pool has connections, and everybody else is still answered."""
    waiting = [poll(people.carol, promotion) for _ in range(runtime.settings.pool_size * 3)]
    await until_waiting(runtime.hub, promotion, len(waiting))
    assert (await look(people.carol, promotion))["status"] == "open"

    async def idle() -> bool:
        pool: Any = runtime.db.engine.pool
        return int(pool.checkedout()) == 0

    await eventually(idle, what="no connection to be held")
    await approve(people.bob, promotion)
    for answer in await told(*waiting):
        assert answer.json()["status"] == "approved"


async def test_it_wakes_for_an_edited_description(
    people: People, runtime: Runtime, promotion: dict[str, Any]
) -> None:
    await approve(people.bob, promotion)
    waiting = poll(people.carol, promotion)
    await until_waiting(runtime.hub, promotion)
    await people.alice.patch(f"{VERSIONS}/1", {"description": "Another text."})
    assert (await told(waiting))[0].json()["status"] == "open"


async def test_it_wakes_when_time_runs_out(people: People, runtime: Runtime, sql: Sql) -> None:
    await set_policy(sql, expires_after_hours=0.0005)
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    answer = await poll(people.carol, promotion)
    assert answer.json()["status"] == "expired"


async def test_a_process_that_ends_answers_at_once(
    people: People, runtime: Runtime, promotion: dict[str, Any]
) -> None:
    other = build_runtime(runtime.settings, runtime.db.url)
    app: FastAPI = create_app(other)
    transport = httpx.ASGITransport(app=app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            waiting = poll(Api(http, people.carol.token, "carol"), promotion)
            await until_waiting(other.hub, promotion)
            other.hub.close()
            assert (await told(waiting))[0].json()["status"] == "open"
    finally:
        await settle(app)
        await other.hub.stop()
        await other.db.close()


async def test_a_change_made_by_another_process_wakes_it(
    people: People, runtime: Runtime, promotion: dict[str, Any]
) -> None:
    other = build_runtime(runtime.settings, runtime.db.url)
    other.hub.start()
    app: FastAPI = create_app(other)
    transport = httpx.ASGITransport(app=app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            waiting = poll(Api(http, people.carol.token, "carol"), promotion)
            await until_waiting(other.hub, promotion)
            await approve(people.bob, promotion)
            assert (await told(waiting))[0].json()["status"] == "approved"
    finally:
        await settle(app)
        await other.hub.stop()
        await other.db.close()
