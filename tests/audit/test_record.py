"""What is recorded, who sees it, and what PostgreSQL refuses."""

import hashlib
from typing import Any

import psycopg
import pytest

from app.audit import service as audit
from app.audit.service import difference
from app.core.canonical import canonical
from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.factories import events, make_model, pointers, problem

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


async def test_an_event_says_who_did_what_when_and_from_where(admin: Api) -> None:
    made = await admin.post(
        "/identities", {"name": "alice", "kind": "user"}, headers={"X-Request-ID": "req-1"}
    )
    event = (await events(admin))[-1]
    token = (await admin.get("/me")).json()["token"]["id"]
    assert (
        event.items()
        >= {
            "action": "identity.created",
            "actor": "admin",
            "token_id": token,
            "subject": "identity:alice",
            "request_id": "req-1",
            "address": "127.0.0.1",
            "model": None,
            "version": None,
            "details": {"kind": "user", "email": None, "owner": None},
        }.items()
    )
    assert event["at"] >= made.json()["created_at"]


async def test_a_refused_change_leaves_no_event(admin: Api, team: Team) -> None:
    alice = await team.person("alice", "reader")
    before = await events(admin)
    await admin.post("/identities", {"name": "alice", "kind": "user"})
    await alice.post("/identities", {"name": "bob", "kind": "user"})
    await admin.patch("/identities/admin", {"disabled": True})
    await admin.delete("/grants?subject=admin&role=admin&models=*")
    assert await events(admin) == before


@pytest.mark.parametrize(
    "statement",
    [
        "update events set actor = 'somebody else'",
        "update events set payload = '{}'",
        "delete from events",
        "truncate events",
    ],
)
async def test_postgres_itself_refuses_to_change_the_record(
    admin: Api, sql: Sql, statement: str
) -> None:
    before = await events(admin)
    assert before
    with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
        await sql.execute(statement)
    assert await events(admin) == before


async def test_the_digest_of_a_payload_recomputes_from_its_salt(
    admin: Api, team: Team, sql: Sql
) -> None:
    await team.person("alice", "reader", models="churn")
    await make_model(admin, "churn", description="Grüße", tags={"b": "2", "a": "1"})
    rows = await (await sql.execute("select salt, payload, payload_sha256 from events")).fetchall()
    assert len(rows) > 3
    for salt, payload, digest in rows:
        assert hashlib.sha256(salt + canonical(payload)).digest() == digest
    assert len({salt for salt, _, _ in rows}) == len(rows)


async def test_you_see_the_events_of_your_models_and_your_own(admin: Api, team: Team) -> None:
    alice = await team.person("alice", "contributor", models="churn*")
    bob = await team.person("bob")
    await make_model(alice, "churn-eu")
    await make_model(admin, "fraud")
    issued = (await bob.post("/tokens", {"name": "t", "scopes": ["read"]})).json()

    async def seen(by: Api) -> list[tuple[str, str]]:
        return [(e["actor"], e["subject"]) for e in await events(by)]

    assert await seen(alice) == [("alice", "model:churn-eu")]
    assert await seen(bob) == [("bob", f"token:{issued['id']}")]
    assert {subject for _, subject in await seen(admin)} >= {
        "model:churn-eu",
        "model:fraud",
        "identity:bob",
        f"token:{issued['id']}",
    }
    reader = await team.token("admin", ["read"])
    assert ("stageward", "identity:admin") not in await seen(reader)
    assert ("admin", "model:fraud") in await seen(reader)
    narrowed = await team.token("admin", models=["churn-*"])
    assert ("admin", "model:fraud") not in await seen(narrowed)
    assert ("alice", "model:churn-eu") in await seen(narrowed)


async def test_the_record_is_narrowed_by_model_actor_and_action(admin: Api, team: Team) -> None:
    alice = await team.person("alice", "contributor")
    await make_model(alice, "churn")
    await make_model(admin, "fraud")

    async def subjects(**query: str) -> list[str]:
        return [e["subject"] for e in await events(admin, **query)]

    assert await subjects(model="churn") == ["model:churn"]
    assert await subjects(actor="alice") == ["model:churn"]
    assert await subjects(action="model.created") == ["model:churn", "model:fraud"]
    assert await subjects(action="model.created", actor="admin") == ["model:fraud"]
    assert await subjects(model="none") == []


async def test_the_newest_come_first_if_asked(admin: Api) -> None:
    for number in range(5):
        await make_model(admin, f"m{number}")
    newest = (await admin.get("/events?order=desc&limit=2")).json()
    assert [e["model"] for e in newest["items"]] == ["m4", "m3"]
    older = await admin.get(
        "/events", params={"order": "desc", "limit": 2, "cursor": newest["next_cursor"]}
    )
    assert [e["model"] for e in older.json()["items"]] == ["m2", "m1"]
    assert await events(admin, order="desc") == (await events(admin))[::-1]
    # What comes later than a page of the newest is what is not there yet.
    await make_model(admin, "m5")
    later = (await admin.get("/events", params={"after": newest["next_after"]})).json()
    assert [e["model"] for e in later["items"]] == ["m5"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"after": "nonsense"}, "after"),
        ({"after": "WyIxIiwieCIsInkiXQ"}, "after"),
        ({"after": "WyIxIiwiMSJd"}, "after"),
        ({"after": "WyIxIiwiLTEiLCIwIl0"}, "after"),
        ({"cursor": "WyIxIl0"}, "cursor"),
        ({"wait": "31"}, "wait"),
        ({"wait": "-1"}, "wait"),
        ({"wait": "nan"}, "wait"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"order": "random"}, "order"),
    ],
)
async def test_a_bad_query_points_at_the_parameter(
    admin: Api, query: dict[str, str], pointer: str
) -> None:
    refused = await admin.get("/events", params=query)
    assert pointers(problem(refused, 422, "invalid-request")) == {pointer}


async def test_what_no_request_did_has_no_request(runtime: Runtime, admin: Api) -> None:
    async with runtime.db.transaction() as session:
        audit.record(session, None, "upload.swept", subject="upload:1", details={"files": 2})
    event = (await events(admin))[-1]
    assert (event["actor"], event["request_id"], event["address"], event["token_id"]) == (
        "stageward",
        None,
        None,
        None,
    )


def test_a_difference_names_only_what_differs() -> None:
    before, after = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": None, "d": 4}
    assert difference(before, after) == {
        "b": {"from": 2, "to": None},
        "d": {"from": None, "to": 4},
    }
