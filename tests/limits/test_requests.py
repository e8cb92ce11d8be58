"""A token may be used so often within a minute, on all processes together."""

from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from app.limits import service
from app.limits.service import Requests
from tests.actors import Api, Team
from tests.factories import problem
from tests.limits.conftest import Process
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
LIMIT = 5


def counts_of(client: httpx.AsyncClient) -> Requests:
    app: FastAPI = client._transport.app  # type: ignore[attr-defined]
    found: Requests = app.state.limits.requests
    return found


async def ask(client: httpx.AsyncClient, api: Api) -> int:
    answer = await client.get("/api/v1/me", headers={"Authorization": f"Bearer {api.token}"})
    if answer.status_code == 429:
        problem(answer, 429, "too-many-requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    return answer.status_code


async def test_a_token_beyond_its_limit_is_refused_and_another_is_not(
    process: Process, admin: Api, team: Team
) -> None:
    client = await process(requests_per_minute=LIMIT)
    alice = await team.person("alice")
    assert [await ask(client, alice) for _ in range(LIMIT + 2)] == [200] * LIMIT + [429] * 2
    assert await ask(client, admin) == 200


async def test_all_processes_count_together(process: Process, team: Team) -> None:
    one, other = [await process(requests_per_minute=LIMIT) for _ in range(2)]
    alice = await team.person("alice")
    assert [await ask(one, alice) for _ in range(LIMIT - 1)] == [200] * (LIMIT - 1)
    await counts_of(one).tell()
    assert await ask(other, alice) == 200
    await counts_of(other).tell()
    assert await ask(other, alice) == 429
    assert await ask(one, alice) == 200  # which is what a second may let through
    await counts_of(one).tell()
    assert await ask(one, alice) == 429


async def test_counts_are_told_by_themselves_and_in_one_statement(
    process: Process, team: Team, admin: Api, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "FLUSH_SECONDS", 0.1)
    client = await process(requests_per_minute=1000)
    alice = await team.person("alice")
    await sql.execute("delete from request_counts")
    told = counts_of(client)
    for _ in range(20):
        assert {await ask(client, alice), await ask(client, admin)} == {200}

    async def counts() -> list[int]:
        found = await sql.execute("select count from request_counts order by count")
        return [row[0] for row in await found.fetchall()]

    async def is_told() -> bool:
        return not told._counted and told._flushing is None

    await eventually(is_told, what="the counts to be told")
    assert 20 in await counts()


async def test_the_next_minute_begins_at_nothing(process: Process, team: Team, sql: Sql) -> None:
    client = await process(requests_per_minute=LIMIT)
    alice = await team.person("alice")
    await sql.execute(
        "insert into request_counts select id, date_trunc('minute', now()) - interval '1 minute', "
        "1000 from tokens"
    )
    assert [await ask(client, alice) for _ in range(LIMIT + 1)] == [200] * LIMIT + [429]
    await counts_of(client).tell()
    assert await ask(client, alice) == 429
    counts_of(client)._ends -= 60  # the minute is over
    assert await ask(client, alice) == 200


async def test_what_another_process_counted_is_learnt(
    process: Process, team: Team, sql: Sql
) -> None:
    client = await process(requests_per_minute=LIMIT)
    alice = await team.person("alice")
    await sql.execute(
        "insert into request_counts select id, date_trunc('minute', now()), 1000 from tokens "
        "on conflict (token_id, minute) do update set count = 1000"
    )
    assert await ask(client, alice) == 200
    await counts_of(client).tell()
    assert await ask(client, alice) == 429


async def test_no_limit_counts_nothing(process: Process, team: Team) -> None:
    client = await process(requests_per_minute=0)
    alice = await team.person("alice")
    assert {await ask(client, alice) for _ in range(LIMIT * 2)} == {200}
    assert counts_of(client)._counted == {}


async def test_where_nothing_can_be_counted_nobody_is_refused(
    process: Process, team: Team, sql: Sql
) -> None:
    client = await process(requests_per_minute=LIMIT)
    alice = await team.person("alice")
    await sql.execute("alter table request_counts rename to request_counts_away")
    try:
        for _ in range(3):
            for _ in range(LIMIT):
                assert await ask(client, alice) == 200
            await counts_of(client).tell()
    finally:
        await sql.execute("alter table request_counts_away rename to request_counts")


async def test_what_was_refused_is_measured(process: Process, admin: Api) -> None:
    client = await process(requests_per_minute=LIMIT, failed_logins_per_minute=1)
    for _ in range(LIMIT + 1):
        await ask(client, admin)
    for _ in range(3):
        await client.get("/api/v1/me", headers={"Authorization": "Bearer wrong"})
    told = (
        await admin.http.get("/metrics", headers={"Authorization": f"Bearer {admin.token}"})
    ).text
    assert 'stageward_refused_total{limit="token"}' in told
    assert 'stageward_refused_total{limit="failed_logins"}' in told


async def test_a_request_that_waits_counts_once(process: Process, team: Team) -> None:
    client = await process(requests_per_minute=LIMIT)
    alice = await team.person("alice")
    headers = {"Authorization": f"Bearer {alice.token}"}
    waits = [
        (await client.get("/api/v1/events?wait=0.3&model=none", headers=headers)).status_code
        for _ in range(LIMIT + 1)
    ]
    assert waits == [200] * LIMIT + [429]
