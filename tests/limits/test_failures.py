"""Whoever guesses tokens is stopped, on every process; whoever has one goes on."""

from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql as words

from app.core.runtime import Runtime
from app.limits.service import sweep
from app.tokens.rules import new_secret
from tests.actors import Api
from tests.factories import problem
from tests.limits.conftest import Process, client_of

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
LIMIT = 3


async def guess(client: httpx.AsyncClient, secret: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret or new_secret()}"}
    return await client.get("/api/v1/me", headers=headers)


async def counted(sql: Sql) -> list[tuple[Any, ...]]:
    rows = await sql.execute("select address, count from failed_logins order by address")
    return await rows.fetchall()


def refused(answer: httpx.Response) -> None:
    problem(answer, 429, "too-many-requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_an_address_that_guesses_tokens_is_refused(process: Process, sql: Sql) -> None:
    client = await process(failed_logins_per_minute=LIMIT)
    for _ in range(LIMIT):
        problem(await guess(client), 401, "not-authenticated")
    refused(await guess(client))
    before = await counted(sql)
    refused(await guess(client))
    assert await counted(sql) == before == [("192.0.2.7", LIMIT + 1)]


async def test_failures_count_on_every_process(process: Process) -> None:
    one = await process(failed_logins_per_minute=LIMIT)
    other = await process(failed_logins_per_minute=LIMIT)
    for _ in range(LIMIT):
        problem(await guess(one), 401, "not-authenticated")
    refused(await guess(other))


async def test_an_address_does_not_answer_for_another(process: Process, sql: Sql) -> None:
    client = await process("2001:db8::1", failed_logins_per_minute=LIMIT)
    app = client._transport.app  # type: ignore[attr-defined]
    async with client_of(app, "2001:db8::2") as near, client_of(app, "2001:db8:0:1::1") as far:
        for _ in range(LIMIT):
            problem(await guess(client), 401, "not-authenticated")
        refused(await guess(near))
        problem(await guess(far), 401, "not-authenticated")
    assert await counted(sql) == [("2001:db8:0:1::/64", 1), ("2001:db8::/64", LIMIT + 1)]


async def test_who_was_known_before_goes_on_beside_a_guesser(process: Process, admin: Api) -> None:
    client = await process(failed_logins_per_minute=LIMIT)
    assert (await guess(client, admin.token)).status_code == 200
    for _ in range(LIMIT + 1):
        await guess(client)
    assert (await guess(client, admin.token)).status_code == 200
    refused(await guess(client))


async def test_even_a_right_guess_is_refused_once_there_were_too_many(
    process: Process, admin: Api
) -> None:
    client = await process(failed_logins_per_minute=LIMIT)
    for _ in range(LIMIT + 1):
        await guess(client)
    refused(await guess(client, admin.token))


async def test_a_token_that_was_revoked_speaks_for_nobody(
    process: Process, admin: Api, sql: Sql
) -> None:
    client = await process(failed_logins_per_minute=LIMIT)
    issued = await admin.post("/tokens", {"name": "short", "scopes": ["read"]})
    secret, token_id = issued.json()["secret"], issued.json()["id"]
    assert (await guess(client, secret)).status_code == 200
    await admin.delete(f"/tokens/{token_id}")
    client._transport.app.state.authenticator._kept.clear()  # type: ignore[attr-defined]
    for _ in range(LIMIT):
        problem(await guess(client, secret), 401, "not-authenticated")
    refused(await guess(client, secret))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YWRtaW46YWRtaW4="])
async def test_to_bring_no_token_is_not_to_fail(
    process: Process, sql: Sql, header: str | None
) -> None:
    client = await process(failed_logins_per_minute=LIMIT)
    headers = {} if header is None else {"Authorization": header}
    for _ in range(LIMIT + 2):
        answer = await client.get("/api/v1/me", headers=headers)
        problem(answer, 401, "not-authenticated")
    assert await counted(sql) == []


async def test_what_cannot_be_a_token_counts_too(process: Process) -> None:
    client = await process(failed_logins_per_minute=LIMIT)
    for _ in range(LIMIT):
        problem(await guess(client, "short"), 401, "not-authenticated")
    refused(await guess(client, "short"))


async def test_the_next_minute_begins_at_nothing(process: Process, sql: Sql) -> None:
    client = await process(failed_logins_per_minute=LIMIT)
    await sql.execute(
        "insert into failed_logins select '192.0.2.7', date_trunc('minute', now()) - s * "
        "interval '1 minute', %s from generate_series(1, 2) s",
        [LIMIT],
    )
    problem(await guess(client), 401, "not-authenticated")


async def test_no_limit_is_none(process: Process, sql: Sql) -> None:
    client = await process(failed_logins_per_minute=0)
    for _ in range(LIMIT * 3):
        problem(await guess(client), 401, "not-authenticated")
    assert await counted(sql) == []


async def test_health_is_told_to_whoever_is_refused(process: Process) -> None:
    client = await process(failed_logins_per_minute=1)
    await guess(client)
    refused(await guess(client))
    for path in ("/livez", "/readyz", "/version", "/openapi.json"):
        assert (await client.get(path)).status_code == 200


async def test_where_nothing_can_be_counted_the_answer_is_the_same(
    process: Process, sql: Sql
) -> None:
    client = await process(failed_logins_per_minute=1)
    await sql.execute("alter table failed_logins rename to failed_logins_away")
    try:
        for _ in range(3):
            problem(await guess(client), 401, "not-authenticated")
    finally:
        await sql.execute("alter table failed_logins_away rename to failed_logins")


async def test_counts_of_minutes_that_are_over_are_removed(runtime: Runtime, sql: Sql) -> None:
    for table in ("failed_logins", "request_counts"):
        subject = "'192.0.2.7'" if table == "failed_logins" else "gen_random_uuid()"
        await sql.execute(
            words.SQL(
                "insert into {} select {}, date_trunc('minute', now()) - s * interval "
                "'20 minutes', 1 from generate_series(0, 2) s"
            ).format(words.Identifier(table), words.SQL(subject))  # type: ignore[arg-type]
        )
    await sweep(runtime)
    for table in ("failed_logins", "request_counts"):
        found = await sql.execute(
            words.SQL("select minute from {}").format(words.Identifier(table))
        )
        assert len(await found.fetchall()) == 1
