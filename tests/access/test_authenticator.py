"""Who speaks: what a 401 says, and how fast a change of rights counts."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from app.access import authenticator
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.main import build_runtime, create_app, settle
from app.tokens.rules import new_secret
from tests.actors import Api, Team
from tests.factories import problem
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


@pytest.fixture
async def elsewhere(settings: Settings, admin: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Another process of the same service: its own runtime, cache and connections."""
    assert settings.database_url is not None
    runtime = build_runtime(settings, settings.database_url.get_secret_value())
    runtime.hub.start()
    app = create_app(runtime)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await settle(app)
    await runtime.hub.stop()
    await runtime.db.close()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        "Bearer short",
        "Bearer swd_0000000000000000000000000000000000000000000000000",
        pytest.param(f"Bearer {new_secret()}", id="a secret that was never issued"),
        f"Bearer {'x' * 600}",
        "Bearer ä0123456789012345678901234567890123456789",
    ],
    ids=range(10),
)
async def test_without_a_valid_token_nobody_is_anybody(
    http: httpx.AsyncClient, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    answer = await http.get("/api/v1/me", headers=headers)  # type: ignore[arg-type]
    problem(answer, 401, "not-authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_scheme_is_read_in_any_case(admin: Api) -> None:
    headers = {"Authorization": f"bEaReR  {admin.token} "}
    assert (await admin.http.get("/api/v1/me", headers=headers)).status_code == 200


async def test_who_speaks_is_asked_before_the_body_is_read(http: httpx.AsyncClient) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    answer = await http.post("/api/v1/identities", content=never())
    problem(answer, 401, "not-authenticated")


async def test_an_expired_token_says_when_it_ended(team: Team, sql: Sql) -> None:
    alice = await team.person("alice")
    await sql.execute("update tokens set expires_at = '2026-01-02T03:04:05Z' where name = 'test'")
    body = problem(await alice.get("/me"), 401, "not-authenticated")
    assert "2026-01-02T03:04:05Z" in body["detail"]


async def test_a_change_of_rights_reaches_every_process_by_being_told(
    admin: Api, team: Team, elsewhere: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standing would be kept for an hour here, so only the telling can end it."""
    monkeypatch.setattr(authenticator, "STANDING_SECONDS", 3600)
    alice = await team.person("alice")
    there = Api(elsewhere, alice.token, "alice")

    async def answers(status: int, path: str) -> bool:
        return (await there.get(path)).status_code == status

    assert await answers(403, "/grants")
    await team.grant("alice", "admin")
    assert (await alice.get("/grants")).status_code == 200
    await eventually(lambda: answers(200, "/grants"), what="the grant to count elsewhere")
    await admin.delete("/grants?subject=alice&role=admin&models=*")
    problem(await alice.get("/grants"), 403, "not-allowed")
    await eventually(lambda: answers(403, "/grants"), what="its end to count elsewhere")
    await admin.patch("/identities/alice", {"disabled": True})
    await eventually(lambda: answers(401, "/me"), what="the disabling to count elsewhere")
    await admin.patch("/identities/alice", {"disabled": False})
    await eventually(lambda: answers(200, "/me"), what="the enabling to count elsewhere")
    await alice.delete(f"/tokens/{(await alice.get('/me')).json()['token']['id']}")
    problem(await alice.get("/me"), 401, "not-authenticated")
    await eventually(lambda: answers(401, "/me"), what="the revoking to count elsewhere")


async def test_without_being_told_a_standing_is_kept_for_a_second_at_most(
    team: Team, sql: Sql
) -> None:
    alice = await team.person("alice")
    assert (await alice.get("/me")).status_code == 200
    await sql.execute("update tokens set revoked_at = now() where name = 'test'")

    async def is_refused() -> bool:
        return (await alice.get("/me")).status_code == 401

    assert authenticator.STANDING_SECONDS <= 1
    await eventually(is_refused, what="the standing to be read again")


async def test_the_use_of_a_token_is_noted_every_ten_minutes(
    app: Any, team: Team, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticator, "STANDING_SECONDS", 0)
    alice = await team.person("alice")

    async def after_use(minutes_ago: int | None) -> float:
        """How many minutes ago the last use was, after one more."""
        await app.state.authenticator.settle()
        await sql.execute(
            "update tokens set last_used_at = now() - make_interval(mins => %s) "
            "where name = 'test'",
            [minutes_ago],
        )
        assert (await alice.get("/me")).status_code == 200
        await app.state.authenticator.settle()
        found = await sql.execute(
            "select extract(epoch from now() - last_used_at)::float / 60 from tokens "
            "where name = 'test'"
        )
        row = await found.fetchone()
        assert row is not None
        return float(row[0])

    assert await after_use(None) < 5
    assert await after_use(9) > 8
    assert await after_use(11) < 5


async def test_a_request_does_not_wait_for_the_note_of_its_token(
    app: Any, runtime: Runtime, team: Team, sql: Sql
) -> None:
    alice = await team.person("alice")
    async with sql.transaction():
        await sql.execute("select from tokens where name = 'test' for update")
        assert (await alice.get("/me")).status_code == 200
    await app.state.authenticator.settle()
    shown = (await alice.get("/tokens")).json()["items"]
    assert shown[0]["last_used_at"] is not None
