"""The address that is written on events, and what it takes to name oneself."""

from typing import Any

import httpx
import psycopg
import pytest

from tests.actors import Api
from tests.limits.conftest import Process

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
SAID = {"X-Forwarded-For": "203.0.113.9, 192.0.2.7", "X-Forwarded-Proto": "https"}


async def address_of_an_event(client: httpx.AsyncClient, admin: Api, sql: Sql) -> Any:
    headers = {"Authorization": f"Bearer {admin.token}", **SAID}
    body = {"name": "alice", "kind": "user"}
    made = await client.post("/api/v1/identities", json=body, headers=headers)
    assert made.status_code == 201, made.text
    found = await sql.execute("select address from events where subject = 'identity:alice'")
    row = await found.fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1"])
async def test_nobody_is_believed_who_was_not_named(
    process: Process, admin: Api, sql: Sql, peer: str
) -> None:
    client = await process(peer)
    assert await address_of_an_event(client, admin, sql) == peer


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.0.0.1", "192.0.2.7"),
        ("::ffff:10.0.0.1", "192.0.2.7"),
        ("fd00::1", "192.0.2.7"),
        ("10.1.0.1", "10.1.0.1"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
async def test_a_proxy_that_was_named_is_believed(
    process: Process, admin: Api, sql: Sql, peer: str, address: str
) -> None:
    client = await process(peer, trusted_proxies="10.0.0.0/16, fd00::/8")
    assert await address_of_an_event(client, admin, sql) == address


async def test_failures_count_for_the_client_and_not_for_the_proxy(
    process: Process, sql: Sql
) -> None:
    client = await process("10.0.0.1", trusted_proxies="10.0.0.1", failed_logins_per_minute=1)

    async def guess(said: str) -> int:
        headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": said}
        return (await client.get("/api/v1/me", headers=headers)).status_code

    assert [await guess("192.0.2.7") for _ in range(3)] == [401, 429, 429]
    assert await guess("192.0.2.8") == 401
    assert await guess("192.0.2.99, 192.0.2.7") == 429


async def test_the_scheme_is_the_clients(process: Process, admin: Api) -> None:
    client = await process("10.0.0.1", trusted_proxies="10.0.0.1")
    for said, scheme in (("https", "https"), ("http, https", "https"), ("gopher", "http")):
        moved = await client.get("/docs/", headers={"X-Forwarded-Proto": said})
        assert moved.status_code == 307
        assert moved.headers["location"].startswith(f"{scheme}://")
    stranger = await process("10.0.0.2", trusted_proxies="10.0.0.1")
    moved = await stranger.get("/docs/", headers={"X-Forwarded-Proto": "https"})
    assert moved.headers["location"].startswith("http://")
