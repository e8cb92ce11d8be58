"""Tokens, over HTTP."""

import asyncio
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from tests.actors import EVERYTHING, Api, Team
from tests.factories import events, pointers, problem
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


def speaks(api: Api, secret: str) -> Api:
    return Api(api.http, secret, api.name)


async def test_a_secret_is_shown_once_and_stored_nowhere(admin: Api, team: Team, sql: Sql) -> None:
    alice = await team.person("alice")
    issued = await alice.post(
        "/tokens",
        {"name": "laptop", "scopes": ["write"], "models": ["churn"], "expires_in_days": 90},
    )
    assert issued.status_code == 201
    assert issued.headers["cache-control"] == "no-store"
    body = issued.json()
    secret = body.pop("secret")
    assert issued.headers["location"] == f"/api/v1/tokens/{body['id']}"
    assert (await alice.get(f"/tokens/{body['id']}")).json() == body
    assert (body["identity"], body["issued_by"], body["hint"]) == ("alice", "alice", secret[:8])
    assert body["expires_at"] > body["created_at"]
    assert "digest" not in body
    assert (await speaks(alice, secret).get("/me")).json()["token"]["scopes"] == ["write"]
    everything = await (
        await sql.execute(
            "select string_agg(t::text, ' ') || (select string_agg(e::text, ' ') from events e) "
            "from tokens t"
        )
    ).fetchone()
    assert everything is not None
    assert body["id"] in everything[0]
    assert secret not in everything[0]


async def test_issuing_and_revoking_are_events_without_the_secret(admin: Api, team: Team) -> None:
    alice = await team.person("alice")
    issued = (await alice.post("/tokens", {"name": "t", "scopes": ["read"]})).json()
    await alice.delete(f"/tokens/{issued['id']}")
    told = await events(admin, actor="alice")
    assert [(e["action"], e["subject"]) for e in told] == [
        ("token.issued", f"token:{issued['id']}"),
        ("token.revoked", f"token:{issued['id']}"),
    ]
    assert told[0]["details"] == {
        "name": "t",
        "identity": "alice",
        "scopes": ["read"],
        "models": None,
        "expires_at": None,
    }
    assert issued["secret"] not in str(told)


async def test_a_revoked_token_works_no_more_at_once(team: Team) -> None:
    alice = await team.person("alice")
    issued = (await alice.post("/tokens", {"name": "t", "scopes": ["read"]})).json()
    other = speaks(alice, issued["secret"])
    assert (await other.get("/me")).status_code == 200
    assert (await other.delete(f"/tokens/{issued['id']}")).status_code == 204
    problem(await other.get("/me"), 401, "not-authenticated")
    again = await alice.delete(f"/tokens/{issued['id']}")
    assert again.status_code == 204
    shown = (await alice.get(f"/tokens/{issued['id']}")).json()
    assert shown["revoked_by"] == "alice"
    assert shown["revoked_at"] is not None


async def test_a_token_issues_none_that_may_do_more_than_itself(team: Team) -> None:
    await team.person("alice", "maintainer")
    narrow = await team.token("alice", ["write"], models=["churn-*"], expires_in_days=1)
    wanted = {"name": "t", "scopes": ["write"], "models": ["churn-eu"], "expires_in_days": 0.5}
    assert (await narrow.post("/tokens", wanted)).status_code == 201
    for more in (
        {"scopes": ["review"]},
        {"scopes": ["write", "admin"]},
        {"models": ["*"]},
        {"models": ["churn-eu", "fraud"]},
        {"expires_in_days": 2},
    ):
        problem(await narrow.post("/tokens", {**wanted, **more}), 403, "not-allowed")


async def test_what_is_left_out_is_as_wide_as_the_token_in_use(team: Team) -> None:
    await team.person("alice")
    narrow = await team.token("alice", ["write"], models=["churn-*"], expires_in_days=1)
    end = (await narrow.get("/me")).json()["token"]["expires_at"]
    issued = (await narrow.post("/tokens", {"name": "t", "scopes": ["read"]})).json()
    assert issued["models"] == ["churn-*"]
    assert issued["expires_at"] == end


async def test_owners_and_admins_issue_for_others_and_nobody_else_does(
    admin: Api, team: Team
) -> None:
    alice, bob = await team.person("alice"), await team.person("bob", "maintainer")
    await team.service("bot", alice)
    narrowed_admin = await team.token("admin", models=["*"])

    async def issue(by: Api, whose: str) -> int:
        wanted = {"name": "t", "identity": whose, "scopes": ["read"], "models": ["a"]}
        return (await by.post("/tokens", wanted)).status_code

    assert await issue(alice, "bot") == 201
    assert await issue(alice, "alice") == 201
    assert await issue(admin, "bob") == 201
    assert await issue(bob, "bot") == 403
    assert await issue(bob, "alice") == 403
    assert await issue(narrowed_admin, "bob") == 403
    refused = await alice.post("/tokens", {"name": "t", "identity": "x", "scopes": ["read"]})
    assert pointers(problem(refused, 422, "invalid-request")) == {"/identity"}
    await admin.patch("/identities/bob", {"disabled": True})
    assert await issue(admin, "bob") == 409


async def test_a_token_remembers_all_who_had_a_hand_in_it(admin: Api, team: Team, sql: Sql) -> None:
    alice = await team.person("alice")
    bot = await team.service("bot", alice)  # by the admin
    by_alice = speaks(
        bot,
        (await alice.post("/tokens", {"name": "a", "identity": "bot", "scopes": ["write"]})).json()[
            "secret"
        ],
    )
    own = (await by_alice.post("/tokens", {"name": "b", "scopes": ["write"]})).json()

    async def issuers(token_id: str) -> set[Any]:
        found = await sql.execute(
            "select i.name from tokens t, identities i where i.id = any(t.issuers) and t.id = %s",
            [token_id],
        )
        return {name for (name,) in await found.fetchall()}

    # Alice's own token was issued by the admin, who so has a hand in all that comes of it.
    assert await issuers(own["id"]) == {"alice", "admin"}
    assert own["issued_by"] == "bot"
    mine = (await admin.post("/tokens", {"name": "c", "scopes": ["read"]})).json()
    assert await issuers(mine["id"]) == set()


async def test_you_see_your_own_tokens_and_those_of_your_service_accounts(
    admin: Api, team: Team
) -> None:
    alice, bob = await team.person("alice"), await team.person("bob")
    bot = await team.service("bot", alice)

    async def seen(by: Api, **query: object) -> list[str]:
        found = await by.get("/tokens", params=query)
        assert "secret" not in found.text
        return [item["identity"] for item in found.json()["items"]]

    assert await seen(alice) == ["alice", "bot"]
    assert await seen(alice, identity="bot") == ["bot"]
    assert await seen(alice, identity="bob") == []
    assert await seen(bot) == ["bot"]
    assert await seen(bob) == ["bob"]
    assert await seen(admin) == ["admin", "alice", "bob", "bot"]
    assert await seen(admin, identity="bob") == ["bob"]
    narrowed = await team.token("admin", ["read"])
    assert set(await seen(narrowed)) == {"admin"}


async def test_a_token_of_somebody_elses_is_hidden(admin: Api, team: Team) -> None:
    alice, bob = await team.person("alice"), await team.person("bob", "maintainer")
    of_alice = (await alice.get("/tokens")).json()["items"][0]["id"]
    problem(await bob.get(f"/tokens/{of_alice}"), 404, "not-found")
    problem(await bob.delete(f"/tokens/{of_alice}"), 404, "not-found")
    assert (await admin.delete(f"/tokens/{of_alice}")).status_code == 204
    problem(await alice.get("/me"), 401, "not-authenticated")


async def test_a_narrow_token_revokes_itself_and_no_wider_one(team: Team) -> None:
    alice = await team.person("alice")
    wide = (await alice.get("/me")).json()["token"]["id"]
    narrow = await team.token("alice", ["read"], models=["churn"])
    same = await team.token("alice", ["read"], models=["churn"])
    problem(await narrow.delete(f"/tokens/{wide}"), 403, "not-allowed")
    assert (await alice.get("/me")).status_code == 200
    for by, which in ((narrow, same), (narrow, narrow)):
        itself = (await which.get("/me")).json()["token"]["id"]
        assert (await by.delete(f"/tokens/{itself}")).status_code == 204


async def test_tokens_have_etags(team: Team) -> None:
    alice = await team.person("alice")
    issued = await alice.post("/tokens", {"name": "t", "scopes": ["read"]})
    path, tag = f"/tokens/{issued.json()['id']}", issued.headers["etag"]
    assert (await alice.get(path, headers={"If-None-Match": tag})).status_code == 304
    stale = await alice.delete(path, headers={"If-Match": '"r9.9"'})
    problem(stale, 412, "stale-revision")
    assert (await alice.delete(path, headers={"If-Match": tag})).status_code == 204
    assert (await alice.get(path, headers={"If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\x07"}, "/name"),
        ({"name": "a" * 129}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["root"]}, "/scopes/0"),
        ({"scopes": None}, "/scopes"),
        ({"models": []}, "/models"),
        ({"models": ["a/b"]}, "/models/0"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"expires_in_days": -1}, "/expires_in_days"),
        ({"expires_in_days": 4000}, "/expires_in_days"),
        ({"expires_in_days": "90"}, "/expires_in_days"),
        ({"secret": "mine"}, "/secret"),
    ],
)
async def test_a_bad_wish_points_at_the_field(
    admin: Api, change: dict[str, object], pointer: str
) -> None:
    refused = await admin.post("/tokens", {"name": "t", "scopes": ["read"], **change})
    assert pointers(problem(refused, 422, "invalid-request")) == {pointer}


async def test_a_token_that_is_being_revoked_issues_none(
    admin: Api, team: Team, sql: Sql, runtime: Runtime
) -> None:
    alice = await team.person("alice")
    used = (await alice.get("/me")).json()["token"]["id"]
    async with sql.transaction():
        await sql.execute("update tokens set revoked_at = now() where id = %s", [used])
        # Its standing is still cached as good, and its row is held by the one who revokes.
        issuing = asyncio.create_task(alice.post("/tokens", {"name": "t", "scopes": ["read"]}))
        waiting = (
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' "
            "and query like '%%FOR SHARE%%'"
        )
        async with await psycopg.AsyncConnection.connect(
            sql.info.dsn, password=sql.info.password or None, autocommit=True
        ) as onlooker:

            async def held_up() -> bool:
                assert not issuing.done()
                return await (await onlooker.execute(waiting)).fetchone() is not None

            await eventually(held_up, what="the token's row to be waited for")
    problem(await issuing, 401, "not-authenticated")
    assert len((await admin.get("/tokens?identity=alice")).json()["items"]) == 1


async def test_a_scope_is_kept_once(admin: Api) -> None:
    issued = await admin.post("/tokens", {"name": "t", "scopes": ["write", "read", "write"]})
    assert issued.json()["scopes"] == ["read", "write"]
    everything = await admin.post("/tokens", {"name": "t", "scopes": EVERYTHING})
    assert everything.json()["scopes"] == sorted(EVERYTHING)
