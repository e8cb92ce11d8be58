"""Who begins sign-ins without end is stopped; whom a web page leads here is not locked out."""

import dataclasses
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.issuers.service import Issuers
from app.main import create_app
from tests.actors import API, Api
from tests.factories import problem
from tests.signin.person import Person
from tests.waiting import until

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
LIMIT = 3


@pytest.fixture
async def alice(runtime: Runtime, oidc: Settings, admin: Api) -> AsyncIterator[Person]:
    """Somebody at another process of the service, which lets an address fail three times."""
    own = oidc.model_copy(update={"failed_logins_per_minute": LIMIT})
    issuers = Issuers()
    app = create_app(dataclasses.replace(runtime, settings=own, issuers=issuers))
    inside = httpx.ASGITransport(app=app)
    async with (
        httpx.AsyncClient(transport=inside, base_url="http://test") as http,
        Person(http, "alice") as person,
    ):
        yield person
    await issuers.close()


async def stored(sql: Sql) -> int:
    (row,) = await (await sql.execute("select count(*) from sign_ins")).fetchall()
    return int(row[0])


async def test_an_address_does_not_begin_sign_ins_without_end(
    alice: Person, admin: Api, sql: Sql
) -> None:
    until(lambda: time.time() % 60 < 55, what="the next minute, which begins at nothing")
    answers = [await alice.begin() for _ in range(LIMIT + 3)]
    assert [a.status_code for a in answers] == [302] * LIMIT + [429] * 3
    problem(answers[-1], 429, "too-many-requests")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert await stored(sql) == LIMIT
    headers = {"Authorization": f"Bearer {admin.token}"}
    assert (await alice.http.get(f"{API}/me", headers=headers)).status_code == 200


@pytest.mark.parametrize("wanted", ["image", "empty", "iframe"])
async def test_what_a_page_loads_on_its_own_begins_nothing(
    alice: Person, sql: Sql, wanted: str
) -> None:
    asked = alice.asking()
    for _ in range(LIMIT + 1):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": wanted}
        answer = await alice.http.get(f"{API}/auth/authorize", params=asked, headers=headers)
        problem(answer, 400, "bad-sign-in")
    assert await stored(sql) == 0
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    answer = await alice.http.get(f"{API}/auth/authorize", params=asked, headers=headers)
    assert answer.status_code == 302


async def test_a_page_does_not_lock_its_visitors_out(alice: Person, admin: Api) -> None:
    for number in range(LIMIT + 1):
        made_up = str(number) * 43
        answer = await alice.http.get(f"{API}/auth/callback?state={made_up}")
        problem(answer, 400, "bad-sign-in")
        problem(await alice.exchange(made_up), 400, "bad-sign-in")
    assert (await alice.begin()).status_code == 302
    headers = {"Authorization": f"Bearer {admin.token}"}
    assert (await alice.http.get(f"{API}/me", headers=headers)).status_code == 200
