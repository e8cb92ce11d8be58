"""Tokens that end soon: who is told, and when."""

from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from app.tokens import service
from tests.actors import Api, Team
from tests.factories import events, problem

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


async def aged(sql: Sql, team: Team, name: str, *, lives: float, left: float) -> Api:
    """A token of a life of so many days, of which so many are left."""
    api = await team.token(name, expires_in_days=lives)
    await sql.execute(
        "update tokens set created_at = now() + %s * interval '1 day', "
        "expires_at = now() + %s * interval '1 day' where id = %s",
        [left - lives, left, await id_of(api)],
    )
    return api


async def id_of(api: Api) -> str:
    return str((await api.get("/me")).json()["token"]["id"])


@pytest.mark.parametrize(
    ("lives", "left", "told"),
    [(90, 6.9, True), (15, 1, True), (90, 7.1, False), (14, 1, False), (1, 0.1, False)],
)
async def test_every_answer_to_a_token_in_its_last_week_says_so(
    sql: Sql, team: Team, runtime: Runtime, lives: float, left: float, told: bool
) -> None:
    await team.person("alice")
    api = await aged(sql, team, "alice", lives=lives, left=left)
    runtime.hub.announce({"rights"})  # nothing kept of how it stood before
    me = await api.get("/me")
    assert me.json()["token"]["expires_soon"] is told
    shown = (await api.get(f"/tokens/{me.json()['token']['id']}")).json()
    assert (shown["expires_soon"], shown["status"]) == (told, "active")
    absent = await api.get("/models/absent")
    problem(absent, 404, "not-found")
    for answer in (me, absent):
        expected = shown["expires_at"][:19] + "Z" if told else None
        assert answer.headers.get("token-expires-soon") == expected
    found = (await api.get("/tokens", params={"expiring": True})).json()["items"]
    assert [item["id"] for item in found] == ([shown["id"]] if told else [])
    others = (await api.get("/tokens", params={"expiring": False})).json()["items"]
    assert (shown["id"] in [item["id"] for item in others]) is not told


async def test_the_record_says_once_that_a_token_ends_soon(
    admin: Api, sql: Sql, team: Team, runtime: Runtime
) -> None:
    alice = await team.person("alice")
    await team.service("bot", alice)
    await team.person("gone")
    ending = await aged(sql, team, "bot", lives=90, left=6)
    await aged(sql, team, "bot", lives=90, left=8)
    await aged(sql, team, "bot", lives=10, left=6)
    await aged(sql, team, "gone", lives=90, left=6)
    revoked = await aged(sql, team, "bot", lives=90, left=5)
    await admin.delete(f"/tokens/{await id_of(revoked)}")
    replaced = await aged(sql, team, "bot", lives=90, left=5)
    assert (
        await admin.post(f"/tokens/{await id_of(replaced)}/rotate", {"grace_minutes": 60})
    ).status_code == 201
    await admin.patch("/identities/gone", {"disabled": True})
    for _ in range(2):
        await service.warn(runtime)
    told = await events(admin, action="token.expiring")
    assert [event["subject"] for event in told] == [f"token:{await id_of(ending)}"]
    (event,) = told
    assert event["actor"] == "stageward"
    assert (event["details"]["identity"], event["details"]["owner"]) == ("bot", "alice")


async def test_whoever_is_enabled_again_is_told_late_but_told(
    admin: Api, sql: Sql, team: Team, runtime: Runtime
) -> None:
    await team.person("alice")
    await aged(sql, team, "alice", lives=90, left=6)
    for disabled, told in ((True, 0), (False, 1)):
        await admin.patch("/identities/alice", {"disabled": disabled})
        await service.warn(runtime)
        assert len(await events(admin, action="token.expiring")) == told


async def test_tokens_are_listed_by_how_they_stand(admin: Api, sql: Sql, team: Team) -> None:
    alice = await team.person("alice")
    revoked = await team.token("alice")
    expired = await aged(sql, team, "alice", lives=2, left=-1)
    ids = {"active": await id_of(alice), "revoked": await id_of(revoked)}
    await admin.delete(f"/tokens/{ids['revoked']}")
    assert (await expired.get("/me")).status_code == 401
    listed = (await alice.get("/tokens")).json()["items"]
    (ids["expired"],) = {item["id"] for item in listed} - set(ids.values())
    for status, token_id in ids.items():
        found = (await alice.get("/tokens", params={"status": status})).json()["items"]
        assert [(item["id"], item["status"]) for item in found] == [(token_id, status)]
    soon = (await alice.get("/tokens", params={"expires_before": "2100-01-01T00:00:00Z"})).json()
    assert [item["id"] for item in soon["items"]] == [ids["expired"]]
    for bad in ({"status": "lost"}, {"expires_before": "2100-01-01"}, {"origin": "found"}):
        problem(await alice.get("/tokens", params=bad), 422, "invalid-request")


async def test_the_etag_follows_how_a_token_stands(sql: Sql, admin: Api, team: Team) -> None:
    await team.person("alice")
    api = await team.token("alice", expires_in_days=90)
    path, seen = f"/tokens/{await id_of(api)}", set()
    for left in (50, 5, -1):
        await sql.execute(
            "update tokens set expires_at = now() + %s * interval '1 day', created_at = "
            "now() - interval '40 days' where id = %s",
            [left, path.rpartition("/")[2]],
        )
        seen.add((await admin.get(path)).headers["etag"])
    assert len(seen) == 3
