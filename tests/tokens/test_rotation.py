"""Replacing a token by a new one, over HTTP."""

import asyncio
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest

from tests.actors import Api, Team
from tests.factories import events, make_model, make_ready, pointers, problem

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


async def token_of(api: Api) -> dict[str, Any]:
    return dict((await api.get("/me")).json()["token"])


async def rotate(by: Api, token_id: str, **wanted: object) -> httpx.Response:
    return await by.post(f"/tokens/{token_id}/rotate", wanted)


def days_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 86_400


async def age(sql: Sql, token_id: str, days: float) -> None:
    """Have a token be so many days old."""
    await sql.execute(
        "update tokens set created_at = created_at - %(d)s * interval '1 day', "
        "expires_at = expires_at - %(d)s * interval '1 day' where id = %(id)s",
        {"d": days, "id": token_id},
    )


async def test_a_token_gives_way_to_one_that_may_do_the_same(admin: Api, team: Team) -> None:
    alice = await team.person("alice")
    bot = await team.service("bot", alice)
    wanted = {"name": "train", "identity": "bot", "scopes": ["write"], "models": ["churn"]}
    old = (await alice.post("/tokens", {**wanted, "expires_in_days": 90})).json()
    script = Api(bot.http, old["secret"], "bot")
    answer = await rotate(script, old["id"])
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    new = answer.json()
    assert answer.headers["location"] == f"/api/v1/tokens/{new['id']}"
    for field in ("name", "identity", "scopes", "models", "expires_at", "origin"):
        assert new[field] == old[field], field
    assert new["secret"] != old["secret"]
    assert new["issued_by"] == "bot"
    problem(await script.get("/me"), 401, "not-authenticated")
    fresh = Api(bot.http, new["secret"], "bot")
    assert (await token_of(fresh))["id"] == new["id"]
    replaced = (await alice.get(f"/tokens/{old['id']}")).json()
    assert (replaced["status"], replaced["revoked_by"]) == ("revoked", "bot")
    assert replaced["rotated_to"] == new["id"]


async def test_the_old_one_works_on_for_the_grace(team: Team) -> None:
    alice = await team.person("alice")
    old = await token_of(alice)
    answer = await rotate(alice, old["id"], grace_minutes=60)
    new = answer.json()
    still = (await alice.get(f"/tokens/{old['id']}")).json()
    assert (still["status"], still["rotated_to"]) == ("active", new["id"])
    assert days_between(new["created_at"], still["expires_at"]) * 1440 == pytest.approx(60, abs=1)
    # Whoever still uses it is told.
    told = await alice.get("/me")
    assert told.json()["token"]["expires_soon"] is True
    assert told.headers["token-expires-soon"] == still["expires_at"][:19] + "Z"
    assert (await Api(alice.http, new["secret"], "alice").get("/me")).status_code == 200


async def test_a_grace_does_not_lengthen_a_life(team: Team) -> None:
    await team.person("alice")
    brief = await team.token("alice", expires_in_days=0.01)
    end = (await token_of(brief))["expires_at"]
    await rotate(brief, (await token_of(brief))["id"], grace_minutes=10_080)
    assert (await token_of(brief))["expires_at"] == end


async def test_a_token_does_not_lengthen_its_own_life(sql: Sql, team: Team) -> None:
    await team.person("alice")
    mine = await team.token("alice", expires_in_days=90)
    of = await token_of(mine)
    await age(sql, of["id"], 80)
    problem(await rotate(mine, of["id"], expires_in_days=11), 403, "not-allowed")
    end = (await token_of(mine))["expires_at"]
    kept = (await rotate(mine, of["id"])).json()
    assert kept["expires_at"] == end
    # Nor by a chain of them.
    again = Api(mine.http, kept["secret"], "alice")
    problem(await rotate(again, kept["id"], expires_in_days=90), 403, "not-allowed")


async def test_one_that_lives_longer_renews_it_for_as_long_again(sql: Sql, team: Team) -> None:
    alice = await team.person("alice")
    bot = await team.service("bot", alice)
    old = await team.token("bot", ["write"], expires_in_days=90)
    of = await token_of(old)
    await age(sql, of["id"], 80)
    new = (await rotate(alice, of["id"])).json()
    assert days_between(new["created_at"], new["expires_at"]) == pytest.approx(90, abs=0.01)
    longer = (await rotate(alice, new["id"], expires_in_days=200)).json()
    assert days_between(longer["created_at"], longer["expires_at"]) == pytest.approx(200, abs=0.01)
    limited = await team.token("alice", expires_in_days=5)
    capped = (await rotate(limited, longer["id"])).json()
    assert capped["expires_at"] == (await token_of(limited))["expires_at"]
    assert bot.name == capped["identity"]


async def test_only_the_holder_the_owner_or_an_admin_rotates_it(admin: Api, team: Team) -> None:
    alice, bob = await team.person("alice"), await team.person("bob", "maintainer")
    bot = await team.service("bot", alice)
    of = await token_of(bot)
    problem(await rotate(bob, of["id"]), 404, "not-found")
    narrow = await team.token("alice", ["write"], models=["churn"])
    problem(await rotate(narrow, of["id"]), 403, "not-allowed")
    first = (await rotate(alice, of["id"])).json()
    assert first["issued_by"] == "alice"
    second = (await rotate(admin, first["id"])).json()
    assert second["issued_by"] == "admin"
    narrowed_admin = await team.token("admin", models=["*"])
    problem(await rotate(narrowed_admin, second["id"]), 404, "not-found")


async def test_a_narrow_token_rotates_itself(team: Team) -> None:
    await team.person("alice")
    narrow = await team.token("alice", ["read"], models=["churn"])
    new = (await rotate(narrow, (await token_of(narrow))["id"])).json()
    assert (new["scopes"], new["models"]) == (["read"], ["churn"])


async def test_what_works_no_more_or_was_replaced_is_not_rotated(
    admin: Api, sql: Sql, team: Team
) -> None:
    await team.person("alice")
    revoked, expired, replaced = [
        (await token_of(await team.token("alice", expires_in_days=1)))["id"] for _ in range(3)
    ]
    await admin.delete(f"/tokens/{revoked}")
    await age(sql, expired, 2)
    new = (await rotate(admin, replaced, grace_minutes=5)).json()
    for token_id in (revoked, expired):
        refused = problem(await rotate(admin, token_id), 409, "token-not-rotatable")
        assert "POST /tokens" in refused["detail"]
    refused = problem(await rotate(admin, replaced), 409, "token-not-rotatable")
    assert new["id"] in refused["detail"]
    await admin.patch("/identities/alice", {"disabled": True})
    problem(await rotate(admin, new["id"]), 409, "conflict")


@pytest.mark.parametrize(
    ("origin", "remedy"), [("exchanged", "/auth/exchange"), ("signed_in", "sign in again")]
)
async def test_what_was_exchanged_or_signed_in_is_not_rotated(
    admin: Api, sql: Sql, team: Team, origin: str, remedy: str
) -> None:
    alice = await team.person("alice")
    of = await token_of(alice)
    await sql.execute("update tokens set origin = %s where id = %s", [origin, of["id"]])
    for by in (alice, admin):
        refused = problem(await rotate(by, of["id"]), 409, "token-not-rotatable")
        assert remedy in refused["detail"]
    found = (await admin.get("/tokens", params={"origin": origin})).json()["items"]
    assert [(item["id"], item["origin"]) for item in found] == [(of["id"], origin)]


async def test_of_two_rotations_at_once_one_wins(admin: Api, team: Team) -> None:
    alice = await team.person("alice")
    of = await token_of(alice)
    answers = await asyncio.gather(
        *(rotate(by, of["id"], grace_minutes=5) for by in (alice, admin, alice, admin))
    )
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    assert len((await admin.get("/tokens?identity=alice")).json()["items"]) == 2


async def test_two_tokens_that_rotate_each_other_do_not_stand_in_each_others_way(
    team: Team,
) -> None:
    await team.person("alice")
    for _ in range(5):
        a, b = await team.token("alice"), await team.token("alice")
        ids = [(await token_of(each))["id"] for each in (a, b)]
        answers = await asyncio.gather(rotate(a, ids[1]), rotate(b, ids[0]))
        # The slower one's own token is gone by then.
        assert sorted(each.status_code for each in answers) == [201, 401]


async def test_a_replay_leaves_the_secret_out(admin: Api, team: Team) -> None:
    alice = await team.person("alice")
    path, headers = f"/tokens/{(await token_of(alice))['id']}/rotate", {"Idempotency-Key": "once"}
    first = await alice.post(path, {"grace_minutes": 5}, headers=headers)
    again = await alice.post(path, {"grace_minutes": 5}, headers=headers)
    assert again.headers["idempotent-replay"] == "true"
    body = first.json()
    del body["secret"]
    assert again.json() == body
    assert len((await admin.get("/tokens?identity=alice")).json()["items"]) == 2


async def test_a_rotation_is_two_events_without_the_secret(admin: Api, team: Team) -> None:
    alice = await team.person("alice")
    old = await token_of(alice)
    new = (await rotate(alice, old["id"])).json()
    issued, rotated = await events(admin, actor="alice")
    assert (issued["action"], issued["subject"]) == ("token.issued", f"token:{new['id']}")
    assert issued["details"]["rotated_from"] == old["id"]
    assert (rotated["action"], rotated["subject"]) == ("token.rotated", f"token:{old['id']}")
    assert rotated["details"]["rotated_to"] == new["id"]
    assert rotated["details"]["identity"] == "alice"
    assert new["secret"] not in str([issued, rotated])


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"grace_minutes": -1}, "/grace_minutes"),
        ({"grace_minutes": 10_081}, "/grace_minutes"),
        ({"grace_minutes": 1.5}, "/grace_minutes"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"scopes": ["admin"]}, "/scopes"),
    ],
)
async def test_a_bad_wish_points_at_the_field(
    admin: Api, wanted: dict[str, object], pointer: str
) -> None:
    of = await token_of(admin)
    refused = await rotate(admin, of["id"], **wanted)
    assert pointers(problem(refused, 422, "invalid-request")) == {pointer}


async def test_rotating_somebodys_token_does_not_make_it_ones_own_second_voice(
    admin: Api, team: Team, sql: Sql
) -> None:
    """The admin asks for a promotion, rotates a reviewer's token, and approves through it."""
    bob = await team.person("bob", "reviewer")
    own = (await token_of(bob))["id"]
    await sql.execute("update tokens set issuers = '{}' where id = %s", [own])
    await make_model(admin)
    await make_ready(admin)
    versions = "/models/churn/versions/1/promotions"
    await admin.post(versions, {"to": "staging", "reason": "Try it.", "apply": True})
    asked = (await admin.post(versions, {"to": "production", "reason": "Better."})).json()
    stolen = (await rotate(admin, own, grace_minutes=60)).json()
    voice = Api(bob.http, stolen["secret"], "bob")
    reviews = f"/promotions/{asked['id']}/reviews"
    problem(await voice.post(reviews, {"decision": "approve"}), 403, "separation-of-duties")
    # Nor by having that one rotate itself.
    laundered = Api(bob.http, (await rotate(voice, stolen["id"])).json()["secret"], "bob")
    problem(await laundered.post(reviews, {"decision": "approve"}), 403, "separation-of-duties")
    approved = await bob.post(reviews, {"decision": "approve"})
    assert approved.status_code == 201


async def test_all_hands_stay_on_a_token_that_is_rotated(admin: Api, sql: Sql, team: Team) -> None:
    alice = await team.person("alice")
    await team.service("bot", alice)
    bob = await team.person("bob")
    await team.grant("bob", "admin")
    of_bot = {"name": "t", "identity": "bot", "scopes": ["read"]}
    old = (await alice.post("/tokens", of_bot)).json()
    new = (await rotate(bob, old["id"])).json()
    found = await sql.execute(
        "select i.name from tokens t, identities i where i.id = any(t.issuers) and t.id = %s",
        [new["id"]],
    )
    assert {name for (name,) in await found.fetchall()} == {"admin", "alice", "bob"}
    assert new["issuers"] == ["admin", "alice", "bob"]
    assert (await alice.get(f"/tokens/{new['id']}")).json()["issuers"] == new["issuers"]
