"""`Idempotency-Key`: an accepted request happens once, however often it is sent."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from app.core import db
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.idempotency import service
from app.main import build_runtime, create_app, settle
from tests.actors import Api, Team
from tests.factories import events, make_model, pointers, problem

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
ALICE = {"name": "alice", "kind": "user"}


async def post(api: Api, path: str, body: Any, key: str = "key-1") -> httpx.Response:
    return await api.post(path, body, headers={"Idempotency-Key": key})


def is_replay(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotent-replay") == "true"


async def kept(sql: Sql) -> int:
    row = await (await sql.execute("select count(*) from idempotency_keys")).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_repeated_request_gets_the_first_answer_and_does_nothing(admin: Api) -> None:
    first = await post(admin, "/identities", ALICE)
    second = await post(admin, "/identities", ALICE)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    for header in ("location", "etag", "content-type"):
        assert second.headers[header] == first.headers[header]
    assert (is_replay(first), is_replay(second)) == (False, True)
    told = [e for e in await events(admin) if e["subject"] == "identity:alice"]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("/identities", ALICE), ("/models", {"name": "churn"}), ("/models/m/versions", {})],
)
async def test_twenty_at_once_have_one_effect_and_one_answer(
    admin: Api, path: str, body: dict[str, Any]
) -> None:
    await make_model(admin, "m")
    before = len(await events(admin))
    answers = await asyncio.gather(*(post(admin, path, body) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum(map(is_replay, answers)) == 19
    assert len(await events(admin)) == before + 1


async def test_twins_that_are_refused_are_all_refused_by_the_work_itself(admin: Api) -> None:
    taken = {"name": "admin", "kind": "user"}
    answers = await asyncio.gather(*(post(admin, "/identities", taken) for _ in range(5)))
    for answer in answers:
        problem(answer, 409, "name-taken")


async def test_the_same_key_with_another_body_is_a_422(admin: Api) -> None:
    await post(admin, "/identities", ALICE)
    other = await post(admin, "/identities", {"name": "bob", "kind": "user"})
    assert pointers(problem(other, 422, "invalid-request")) == {"Idempotency-Key"}
    problem(await admin.get("/identities/bob"), 404, "not-found")


async def test_the_same_key_on_another_path_is_another_request(admin: Api) -> None:
    first = await post(admin, "/groups", {"name": "same"})
    second = await post(admin, "/models", {"name": "same"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert not is_replay(second)


async def test_keys_belong_to_the_identity(admin: Api, team: Team) -> None:
    alice, bob = await team.person("alice"), await team.person("bob")
    wanted = {"name": "t", "scopes": ["read"]}
    first, second = await post(alice, "/tokens", wanted), await post(bob, "/tokens", wanted)
    assert first.json()["identity"] == "alice"
    assert second.json()["identity"] == "bob"
    assert not is_replay(second)
    other_token = await team.token("alice")
    assert is_replay(await post(other_token, "/tokens", wanted))


async def test_a_replay_leaves_the_secret_out_and_it_is_not_kept(admin: Api, sql: Sql) -> None:
    wanted = {"name": "ünïcode", "scopes": ["read"]}
    first = (await post(admin, "/tokens", wanted)).json()
    second = await post(admin, "/tokens", wanted)
    secret = first.pop("secret")
    assert second.status_code == 201
    assert is_replay(second)
    assert second.json() == first
    row = await (
        await sql.execute("select convert_from(body, 'utf8') from idempotency_keys")
    ).fetchone()
    assert row is not None
    assert secret not in row[0]
    assert len((await admin.get("/tokens")).json()["items"]) == 2


async def test_a_refusal_is_not_kept(admin: Api, team: Team, sql: Sql) -> None:
    mia = await team.person("mia", "maintainer")
    wanted = {"name": "x", "kind": "user"}
    problem(await post(mia, "/identities", wanted), 403, "not-allowed")
    problem(await post(admin, "/identities", {**wanted, "kind": "robot"}), 422, "invalid-request")
    problem(await post(admin, "/identities", {**wanted, "name": "mia"}), 409, "name-taken")
    assert await kept(sql) == 0
    await team.grant("mia", "admin")
    assert (await post(mia, "/identities", wanted)).status_code == 201
    assert await kept(sql) == 1


async def test_rights_are_checked_again_before_a_replay(admin: Api, team: Team) -> None:
    """Each had the right when the answer was kept, and has it no more."""
    second = await team.person("second", "admin")
    alice = await team.person("alice", "contributor")
    bot = {"name": "t", "identity": "bot", "scopes": ["read"]}
    await team.service("bot", alice)
    assert (await post(second, "/identities", {"name": "x", "kind": "user"})).status_code == 201
    assert (await post(alice, "/models", {"name": "churn"})).status_code == 201
    assert (await post(alice, "/models/churn/versions", {})).status_code == 201
    assert (await post(alice, "/tokens", bot)).status_code == 201

    await admin.delete("/grants?subject=second&role=admin&models=*")
    refused = await post(second, "/identities", {"name": "x", "kind": "user"})
    problem(refused, 403, "not-allowed")

    await admin.patch("/identities/bot", {"owner": "second"})
    problem(await post(alice, "/tokens", bot), 403, "not-allowed")

    await team.grant("alice", "reader")
    await admin.delete("/grants?subject=alice&role=contributor&models=*")
    problem(await post(alice, "/models", {"name": "churn"}), 403, "not-allowed")
    problem(await post(alice, "/models/churn/versions", {}), 403, "not-allowed")

    await admin.delete("/grants?subject=alice&role=reader&models=*")
    problem(await post(alice, "/models/churn/versions", {}), 404, "not-found")

    await admin.patch("/identities/alice", {"disabled": True})
    problem(await post(alice, "/models", {"name": "churn"}), 401, "not-authenticated")


async def test_a_narrower_token_gets_no_replay_of_what_it_may_not_do(
    admin: Api, team: Team
) -> None:
    alice = await team.person("alice", "contributor")
    assert (await post(alice, "/models", {"name": "churn"})).status_code == 201
    reader = await team.token("alice", ["read"])
    problem(await post(reader, "/models", {"name": "churn"}), 403, "not-allowed")


async def test_a_key_works_anew_after_a_day(admin: Api, sql: Sql) -> None:
    await post(admin, "/tokens", {"name": "t", "scopes": ["read"]})
    await sql.execute("update idempotency_keys set created_at = now() - interval '23 hours 59 min'")
    assert is_replay(await post(admin, "/tokens", {"name": "t", "scopes": ["read"]}))
    await sql.execute("update idempotency_keys set created_at = now() - interval '24 hours'")
    anew = await post(admin, "/tokens", {"name": "t", "scopes": ["read"]})
    assert not is_replay(anew)
    assert "secret" in anew.json()
    assert is_replay(await post(admin, "/tokens", {"name": "t", "scopes": ["read"]}))
    assert await kept(sql) == 1


async def test_old_keys_are_swept(
    admin: Api, sql: Sql, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SWEPT_AT_ONCE", 2)
    for number in range(6):
        await post(admin, "/groups", {"name": f"g{number}"}, key=f"k{number}")
    await sql.execute(
        "update idempotency_keys set created_at = now() - interval '25 hours' where key <> 'k3'"
    )
    await service.sweep(runtime)
    assert await kept(sql) == 1
    assert is_replay(await post(admin, "/groups", {"name": "g3"}, key="k3"))


async def test_a_request_without_a_body_may_have_a_key(admin: Api) -> None:
    await make_model(admin, "churn")
    await admin.delete("/models/churn")
    first = await post(admin, "/models/churn/restore", None)
    second = await post(admin, "/models/churn/restore", None)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == first.json()
    assert (is_replay(first), is_replay(second)) == (False, True)


@pytest.mark.parametrize("key", ["", "a" * 256, "a\tb", "schlüssel"])
async def test_a_key_that_cannot_be_kept_is_a_422(admin: Api, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    refused = await admin.http.post(
        "/api/v1/groups",
        json={"name": "g"},
        headers={"Authorization": f"Bearer {admin.token}".encode(), **headers},  # type: ignore[arg-type]
    )
    assert pointers(problem(refused, 422, "invalid-request")) == {"Idempotency-Key"}
    problem(await admin.get("/groups/g"), 404, "not-found")


async def test_a_key_on_what_is_idempotent_anyway_changes_nothing(admin: Api) -> None:
    headers = {"Idempotency-Key": "key-1"}
    one = {"subject": "admin", "role": "reader", "models": "a"}
    other = {**one, "models": "b"}
    assert (await admin.put("/grants", json=one, headers=headers)).status_code == 201
    assert (await admin.put("/grants", json=other, headers=headers)).status_code == 201


@pytest.fixture
async def impatient(
    admin: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    """The admin at a process that waits for locks for 50 ms only."""
    monkeypatch.setattr(db, "LIMITS", db.LIMITS.replace("lock_timeout=10s", "lock_timeout=50ms"))
    assert settings.database_url is not None
    runtime = build_runtime(settings, settings.database_url.get_secret_value())
    app = create_app(runtime)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(client, admin.token, "admin")
    await settle(app)
    await runtime.db.close()


async def test_a_twin_that_waits_too_long_is_told_to_come_again(
    admin: Api, impatient: Api, sql: Sql
) -> None:
    """The work of the first is under way, in a transaction that holds the key."""
    await admin.get("/me")
    identity = await (await sql.execute("select id from identities")).fetchone()
    assert identity is not None
    lock = f"idempotency {identity[0]} /api/v1/groups key-1"
    async with sql.transaction():
        await sql.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
        refused = await post(impatient, "/groups", {"name": "g"})
    problem(refused, 409, "twin-under-way")
    assert int(refused.headers["retry-after"]) > 0
    assert (await post(impatient, "/groups", {"name": "g"})).status_code == 201
