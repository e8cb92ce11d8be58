"""Attempts to use again what was decided once, or to decide it anew."""

from typing import Any

import psycopg
import pytest

from tests.factories import events, make_model, make_ready, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    ask,
    look,
    open_promotion,
    registered,
    say,
    stage_of,
    to_production,
    to_staging,
)
from tests.promotions.test_reviews import set_policy

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def for_production(people: People) -> dict[str, Any]:
    await registered(people)
    await to_staging(people.alice, 1)
    return await open_promotion(people.alice, 1, "production")


@pytest.mark.parametrize("how", ["applied", "cancelled", "rejected", "voided"])
async def test_nothing_opens_again_what_has_ended(people: People, sql: Sql, how: str) -> None:
    promotion = await for_production(people)
    path = f"/promotions/{promotion['id']}"
    if how == "rejected":
        await say(people.bob, promotion, "reject")
    else:
        await approve(people.bob, promotion)
    if how == "applied":
        assert (await apply(people.alice, promotion)).status_code == 200
    elif how == "cancelled":
        assert (await people.alice.post(f"{path}/cancel")).status_code == 200
    elif how == "voided":
        assert (await ask(people.alice, 1, "archived", apply=True)).status_code == 201
    ended = await look(people.admin, promotion)
    assert (ended["status"], ended["available_actions"]) == (how, [])

    for decision in ("approve", "reject", "comment", "withdraw"):
        body = problem(await say(people.bob, promotion, decision), 409, "promotion-ended")
        assert body["ended_as"] == how
    problem(await apply(people.alice, promotion), 409, "promotion-ended")
    problem(await people.alice.post(f"{path}/cancel"), 409, "promotion-ended")
    forced = await people.admin.post(f"{path}/override", {"reason": "I want it so."})
    problem(forced, 409, "promotion-ended")
    await people.alice.patch(f"{VERSIONS}/1", {"description": "Another text."})
    await set_policy(sql, approvals=[])
    assert await look(people.admin, promotion) == ended


async def test_an_approval_of_a_promotion_that_ended_does_not_count_for_the_next(
    people: People,
) -> None:
    first = await for_production(people)
    await approve(people.bob, first)
    assert (await people.alice.post(f"/promotions/{first['id']}/cancel")).status_code == 200
    second = await open_promotion(people.alice, 1, "production")
    assert (second["status"], second["reviews"]) == ("open", [])
    problem(await apply(people.alice, second), 409, "promotion-not-approved")


async def test_an_approval_for_one_stage_does_not_count_for_another(
    people: People, sql: Sql
) -> None:
    await registered(people)
    to_archive = await open_promotion(people.alice, 1, "archived")
    await approve(people.bob, to_archive)
    await to_staging(people.alice, 1)
    await make_ready(people.alice)
    to_stage = await open_promotion(people.alice, 2, "staging")
    await approve(people.bob, to_stage)
    promotion = await open_promotion(people.alice, 1, "production")
    assert (promotion["status"], promotion["approvals"]["given"]) == ("open", 0)


async def test_the_key_of_another_users_approval_approves_nothing(people: People) -> None:
    """Alice, the author, sends word for word what Bob sent."""
    promotion = await for_production(people)
    body = {"decision": "approve", "comment": "Fine."}
    path, key = f"/promotions/{promotion['id']}/reviews", {"Idempotency-Key": "a-review"}
    assert (await people.bob.post(path, body, headers=key)).status_code == 201
    refused = await people.alice.post(path, body, headers=key)
    problem(refused, 403, "separation-of-duties")
    assert "idempotent-replay" not in refused.headers
    problem(await people.dan.post(path, body, headers=key), 403, "not-allowed")
    assert [r["reviewer"] for r in (await look(people.bob, promotion))["reviews"]] == ["bob"]


async def test_a_repeated_approval_does_not_revive_one_that_was_withdrawn(people: People) -> None:
    promotion = await for_production(people)
    path, key = f"/promotions/{promotion['id']}/reviews", {"Idempotency-Key": "a-review"}
    body = {"decision": "approve"}
    assert (await people.bob.post(path, body, headers=key)).status_code == 201
    await say(people.bob, promotion, "withdraw")
    again = await people.bob.post(path, body, headers=key)
    assert (again.status_code, again.headers["idempotent-replay"]) == (201, "true")
    shown = await look(people.bob, promotion)
    assert (shown["status"], len(shown["reviews"])) == ("open", 2)
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")


async def test_a_repeated_request_does_not_apply_a_second_time(people: People) -> None:
    """The version was taken out of production since; the old answer does not bring it back."""
    promotion = await for_production(people)
    await approve(people.bob, promotion)
    key = {"Idempotency-Key": "an-apply"}
    assert (await apply(people.alice, promotion, headers=key)).status_code == 200
    assert (await ask(people.mia, 1, "archived", apply=True)).status_code == 201
    again = await apply(people.alice, promotion, headers=key)
    assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
    assert await stage_of(people.carol, 1) == "archived"


async def test_production_is_not_emptied_by_deleting_what_holds_it(people: People) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    before = len(await events(people.admin))
    for actor, status in ((people.dan, 403), (people.mia, 409), (people.admin, 409)):
        assert (await actor.delete(f"{VERSIONS}/1")).status_code == status
        assert (await actor.delete("/models/churn")).status_code == status
    purge = await people.mia.delete("/models/churn", params={"purge": "true"})
    assert purge.status_code == 403
    recall = await people.dan.post(f"{VERSIONS}/1/recall", {"reason": "It is in my way."})
    problem(recall, 403, "not-allowed")
    for actor in (people.alice, people.dan, people.ci):
        problem(await ask(actor, 1, "archived", apply=True), 403, "stage-would-be-emptied")
        problem(await ask(actor, 1, "staging", apply=True), 409, "transition-not-allowed")
        problem(await ask(actor, 1, "none", apply=True), 409, "transition-not-allowed")
        back = await actor.post(
            "/models/churn/rollback", {"stage": "production", "reason": "I want it so."}
        )
        problem(back, 403, "not-allowed")
    assert await stage_of(people.carol, 1) == "production"
    assert len(await events(people.admin)) == before


async def test_a_recalled_holder_goes_on_to_hold_and_says_so(people: People) -> None:
    """A recall empties nothing by itself, and cannot be used to do so."""
    await registered(people)
    await to_production(people.alice, people.bob, 1)
    recalled = await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    assert recalled.status_code == 200
    shown = (await people.carol.get(f"{VERSIONS}/production")).json()
    assert (shown["number"], shown["recalled"]["reason"]) == (1, "Bad data.")


async def test_a_rejection_is_not_edited_away(people: People, sql: Sql) -> None:
    """Two approvals are asked for, so a rejection blocks; Alice edits the description after it."""
    await set_policy(sql, approvals=[{"count": 2, "roles": ["reviewer"]}])
    promotion = await for_production(people)
    await say(people.bob, promotion, "reject", comment="It leaks.")
    await people.alice.patch(f"{VERSIONS}/1", {"description": "It does not leak."})
    await approve(people.mia, promotion)
    await approve(people.admin, promotion)
    body = problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    assert [each["kind"] for each in body["unmet"]] == ["rejection"]
    assert "bob rejected it" in body["detail"]


async def test_a_contributor_does_not_cancel_what_others_asked_for(people: People) -> None:
    promotion = await for_production(people)
    for actor in (people.dan, people.bob, people.ci):
        problem(await actor.post(f"/promotions/{promotion['id']}/cancel"), 403, "not-allowed")
    for actor in (people.alice, people.bob, people.mia, people.ci):
        forced = await actor.post(f"/promotions/{promotion['id']}/override", {"reason": "I must."})
        problem(forced, 403, "not-allowed")
    assert (await look(people.bob, promotion))["status"] == "open"


async def test_fields_that_only_the_service_writes_are_refused(people: People) -> None:
    await make_model(people.admin)
    for name, value in {
        "stage": "production", "authors": ["dan"], "manifest_sha256": "ab" * 32,
        "created_by": "dan", "stored": True, "recalled": None, "aliases": ["champion"],
    }.items():  # fmt: skip
        made = await people.alice.post(VERSIONS, {name: value})
        problem(made, 422, "invalid-request")
    await make_ready(people.alice)
    for name, value in {
        "status": "approved", "requested_by": "dan", "from": "staging", "override": {},
        "policy_revision": 1, "manifest_sha256": "ab" * 32,
    }.items():  # fmt: skip
        problem(await ask(people.alice, 1, "staging", **{name: value}), 422, "invalid-request")
    promotion = await open_promotion(people.alice, 1, "staging")
    for name, value in {
        "reviewer": "bob",
        "policy_revision": 1,
        "at": "2026-01-01T00:00:00Z",
    }.items():
        said = await say(people.mia, promotion, "approve", **{name: value})
        problem(said, 422, "invalid-request")
