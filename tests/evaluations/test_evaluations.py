"""Evaluations: reported on ready versions, kept for ever, and listed."""

import asyncio

import psycopg
import pytest

from tests.actors import Team
from tests.evaluations.measuring import (
    DIGEST,
    EVALUATIONS,
    WHOLE,
    body,
    listed,
    report,
    reported,
)
from tests.factories import events, make_draft, make_model, make_ready, pointers, problem
from tests.promotions.acting import VERSIONS, People, registered, to_production, to_staging

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def count(sql: Sql) -> int:
    row = await (await sql.execute("select count(*) from evaluations")).fetchone()
    return int(str(row and row[0]))


async def test_a_report_is_shown_as_it_was_made(people: People) -> None:
    await registered(people)
    version = (await people.carol.get(f"{VERSIONS}/1")).json()
    made = await report(people.ci, WHOLE)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown == {
        "id": shown["id"],
        "model": "churn",
        "version": 1,
        "dataset": {"name": "holdout", "version": "2026-10", "sha256": DIGEST},
        "metrics": {
            "auc": {"value": 0.934, "stderr": 0.004, "n": 12000},
            "log_loss": {"value": 0.21, "stderr": None, "n": None},
        },
        "source": "https://ci.example.com/runs/8121",
        "notes": "Without **minors**.\n\nTwice.",
        "manifest_sha256": version["manifest_sha256"],
        "reported_by": "ci",
        "at": shown["at"],
    }
    address = f"/api/v1{EVALUATIONS}/{shown['id']}"
    assert made.headers["location"] == address
    found = await people.carol.get(f"{EVALUATIONS}/{shown['id']}")
    assert (found.status_code, found.json()) == (200, shown)
    assert found.headers["etag"] == made.headers["etag"]
    known = {"If-None-Match": found.headers["etag"]}
    same = await people.carol.get(f"{EVALUATIONS}/{shown['id']}", headers=known)
    assert (same.status_code, same.content) == (304, b"")
    assert await listed(people.carol) == [shown]


async def test_what_is_left_out_is_null(people: People) -> None:
    await registered(people)
    shown = await reported(people.dan, body(auc=1))
    assert shown["dataset"] == {"name": "holdout", "version": None, "sha256": None}
    assert shown["metrics"] == {"auc": {"value": 1.0, "stderr": None, "n": None}}
    assert (shown["source"], shown["notes"]) == (None, "")
    nulls = {"value": 0.5, "stderr": None, "n": None}
    assert (await reported(people.dan, body(auc=nulls)))["metrics"] == {"auc": nulls}


async def test_what_is_kept_names_only_what_was_said(people: People, sql: Sql) -> None:
    await registered(people)
    await reported(people.dan, body(a=1, b={"value": 2.5, "n": 3}, c={"value": 1, "stderr": 0}))
    row = await (await sql.execute("select metrics, token_id from evaluations")).fetchone()
    assert row is not None
    assert row[0] == {
        "a": {"value": 1.0},
        "b": {"value": 2.5, "n": 3},
        "c": {"value": 1.0, "stderr": 0.0},
    }
    assert row[1] is not None


async def test_a_report_is_an_event_with_what_was_measured(people: People) -> None:
    await registered(people)
    shown = await reported(people.ci, WHOLE)
    (told,) = await events(people.carol, model="churn", action="version.evaluated")
    assert (told["actor"], told["subject"], told["version"]) == ("ci", "version:churn/1", 1)
    assert told["details"] == {
        "evaluation": shown["id"],
        "dataset": shown["dataset"],
        "metrics": {
            "auc": {"value": 0.934, "stderr": 0.004, "n": 12000},
            "log_loss": {"value": 0.21},
        },
        "source": WHOLE["source"],
    }


async def test_a_report_changes_nothing_of_the_version(people: People) -> None:
    await registered(people)
    before = await people.carol.get(f"{VERSIONS}/1")
    await reported(people.ci, WHOLE)
    after = await people.carol.get(f"{VERSIONS}/1")
    assert after.json() == before.json()
    assert after.headers["etag"] == before.headers["etag"]


@pytest.mark.parametrize("state", ["draft", "failed"])
async def test_only_a_ready_version_is_evaluated(people: People, sql: Sql, state: str) -> None:
    await make_model(people.admin)
    await make_draft(people.alice)
    await sql.execute("update versions set status = %s", [state])
    told = problem(await report(people.ci, WHOLE), 409, "version-not-ready")
    assert state in told["detail"]
    assert "Finalise" in told["detail"]
    assert await listed(people.carol) == []
    assert await events(people.admin, action="version.evaluated") == []


async def test_a_recalled_version_can_still_be_measured_and_says_so(people: People) -> None:
    await registered(people)
    assert "version-recalled" not in (await report(people.ci, WHOLE)).headers
    await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    made = await report(people.ci, WHOLE)
    assert (made.status_code, made.headers["version-recalled"]) == (201, "true")
    found = await people.carol.get(EVALUATIONS)
    assert found.headers["version-recalled"] == "true"
    assert len(found.json()["items"]) == 2


async def test_any_reference_is_resolved_and_its_number_told(people: People) -> None:
    await make_model(people.admin)
    for name in ("first", "second", "third"):
        await make_ready(people.alice, name=name, description="What changed.")
    await to_production(people.alice, people.bob, 1)
    await to_staging(people.alice, 2)
    await people.dan.put("/models/churn/aliases/champion", json={"version": 1})
    for ref, number in (
        ("production", 1),
        ("Staging", 2),
        ("@champion", 1),
        ("latest", 3),
        ("SECOND", 2),
        ("3", 3),
    ):
        made = await report(people.ci, body(), ref)
        assert (made.status_code, made.json()["version"]) == (201, number), ref
        assert made.headers["version-number"] == str(number)
        address = made.headers["location"].removeprefix("/api/v1")
        assert address == f"{VERSIONS}/{number}/evaluations/{made.json()['id']}"
        assert (await people.carol.get(address)).json() == made.json()
        found = await people.carol.get(f"{VERSIONS}/{ref}/evaluations?limit=1")
        assert found.json()["items"] == [made.json()]
        assert found.headers["version-number"] == str(number)
    await to_staging(people.alice, 3)
    problem(await report(people.ci, body(), "staging"), 409, "ambiguous-reference")
    problem(await report(people.ci, body(), "9"), 404, "not-found")
    problem(await report(people.ci, body(), "@nobody"), 404, "not-found")


async def test_every_report_is_kept_and_listed_newest_first(people: People) -> None:
    await registered(people, 2)
    made = [await reported(people.ci, body(auc=0.9)) for _ in range(5)]
    await reported(people.ci, body(), 2)
    assert len({each["id"] for each in made}) == 5
    first = await people.carol.get(EVALUATIONS, params={"limit": 2})
    assert first.json()["items"] == [made[4], made[3]]
    assert f"cursor={first.json()['next_cursor']}" in first.headers["link"]
    newer = await reported(people.ci, body(auc=0.8))
    second = await people.carol.get(
        EVALUATIONS, params={"limit": 2, "cursor": first.json()["next_cursor"]}
    )
    assert second.json()["items"] == [made[2], made[1]]
    last = await listed(people.carol, cursor=second.json()["next_cursor"])
    assert last == [made[0]]
    assert await listed(people.carol, limit=1) == [newer]
    bad = await people.carol.get(EVALUATIONS, params={"cursor": "nonsense"})
    assert pointers(problem(bad, 422, "invalid-request")) == {"cursor"}


async def test_the_list_is_narrowed_to_a_data_set(people: People) -> None:
    await registered(people)
    by_name = await reported(people.ci, body("holdout"))
    by_both = await reported(people.ci, body("holdout", DIGEST))
    by_digest = await reported(people.ci, body("Holdout", DIGEST))
    assert await listed(people.carol, dataset="holdout") == [by_both, by_name]
    assert await listed(people.carol, sha256=DIGEST) == [by_digest, by_both]
    assert await listed(people.carol, dataset="holdout", sha256=DIGEST) == [by_both]
    assert await listed(people.carol, sha256="cd" * 32) == []
    assert await listed(people.carol, dataset="") == []
    for name, value in (("sha256", "ABC"), ("dataset", "x" * 1001), ("metric", "auc")):
        found = await people.carol.get(EVALUATIONS, params={name: value})
        assert pointers(problem(found, 422, "invalid-request")) == {name}
    nul = await people.carol.get(f"{EVALUATIONS}?dataset=%00")
    problem(nul, 422, "invalid-request")


async def test_who_may_report_and_who_may_read(people: People, team: Team) -> None:
    await registered(people)
    shown = await reported(people.dan, body())
    told = problem(await report(people.carol, body()), 403, "not-allowed")
    assert "contributor" in told["detail"]
    only_reads = await team.token("dan", ["read"])
    problem(await report(only_reads, body()), 403, "not-allowed")
    assert await listed(only_reads) == [shown]
    only_reviews = await team.token("bob", ["review"])
    problem(await report(only_reviews, body()), 403, "not-allowed")


async def test_what_is_hidden_or_gone_is_not_found(people: People, team: Team) -> None:
    await registered(people, 2)
    shown = await reported(people.dan, body())
    one = f"{EVALUATIONS}/{shown['id']}"
    stranger = await team.person("eve", "contributor", models="other-*")
    for answer in (
        await report(stranger, body()),
        await stranger.get(EVALUATIONS),
        await stranger.get(one),
        await people.carol.get(f"{VERSIONS}/2/evaluations/{shown['id']}"),
        await people.carol.get(f"{EVALUATIONS}/0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a86"),
        await people.carol.get("/models/nope/versions/1/evaluations"),
        await people.dan.post("/models/nope/versions/1/evaluations", body()),
    ):
        problem(answer, 404, "not-found")
    problem(await people.carol.get(f"{EVALUATIONS}/7"), 422, "invalid-request")
    assert (await people.mia.delete(f"{VERSIONS}/1")).status_code == 204
    for answer in (
        await report(people.dan, body()),
        await people.carol.get(EVALUATIONS),
        await people.carol.get(one),
    ):
        problem(answer, 404, "not-found")
    assert (await people.mia.delete("/models/churn")).status_code == 204
    problem(await report(people.dan, body(), 2), 404, "not-found")


async def test_the_same_key_reports_once(people: People) -> None:
    await registered(people)
    headers = {"Idempotency-Key": "run-8121"}
    first = await people.ci.post(EVALUATIONS, WHOLE, headers=headers)
    again = await people.ci.post(EVALUATIONS, WHOLE, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replay"] == "true"
    assert len(await listed(people.carol)) == 1


async def test_reports_at_once_are_all_kept_in_the_order_of_their_events(
    people: People, sql: Sql
) -> None:
    await registered(people)
    made = await asyncio.gather(*(reported(people.ci, body(auc=i)) for i in range(12)))
    assert await count(sql) == 12
    told = await events(people.carol, action="version.evaluated")
    newest_first = await listed(people.carol)
    assert [e["details"]["evaluation"] for e in reversed(told)] == [e["id"] for e in newest_first]
    assert {e["id"] for e in made} == {e["id"] for e in newest_first}
    times = [e["at"] for e in newest_first]
    assert times == sorted(times, reverse=True)


async def test_nobody_changes_a_report_even_from_psql(people: People, sql: Sql) -> None:
    await registered(people)
    await reported(people.ci, body())
    for statement in ("update evaluations set metrics = '{}'", "delete from evaluations"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await sql.execute(statement)


async def test_the_newest_is_the_last_to_be_written_whatever_the_clocks_say(
    people: People, sql: Sql
) -> None:
    await registered(people)
    await sql.execute(
        "insert into evaluations (id, model_id, version_id, dataset_name, metrics, "
        "reported_by_id, reported_by) select 'ffffffff-0000-7000-8000-000000000000', model_id, "
        """id, 'ahead', '{"auc": {"value": 1}}', created_by_id, created_by from versions"""
    )
    newest = await reported(people.ci, body())
    assert [e["dataset"]["name"] for e in await listed(people.carol)] == ["holdout", "ahead"]
    assert await listed(people.carol, limit=1) == [newest]
