"""Attempts to approve what one has a part in, by detours; those that go straight are in
test_duties.py."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from tests.actors import Api, Team
from tests.factories import make_model, make_ready, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    look,
    open_promotion,
    registered,
    say,
    to_staging,
)
from tests.promotions.test_reviews import set_policy

Sql = psycopg.AsyncConnection[tuple[object, ...]]
DATA = b"weights of somebody else"
DECLARED = {"path": "w", "size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}


async def edits_the_recipe(bob: Api) -> Any:
    return await bob.patch(f"{VERSIONS}/2", {"params": {"lr": 0.5}})


async def adds_bytes_of_others(bob: Api) -> Any:
    """Bytes that the first version holds: nothing is sent, and the draft has them."""
    asked = await bob.post(f"{VERSIONS}/2/uploads", {"files": [DECLARED]})
    assert [each["status"] for each in asked.json()["uploads"]] == ["present"]
    return asked


async def replaces_a_file(bob: Api) -> Any:
    return await bob.put(f"{VERSIONS}/2/files/old", content=b"other bytes")


async def removes_a_file(bob: Api) -> Any:
    return await bob.delete(f"{VERSIONS}/2/files/old")


@pytest.mark.parametrize(
    "writes", [edits_the_recipe, adds_bytes_of_others, replaces_a_file, removes_a_file]
)
async def test_whoever_changed_a_draft_in_any_way_does_not_approve_it(
    people: People, writes: Callable[[Api], Awaitable[Any]]
) -> None:
    await make_model(people.admin)
    await people.dan.post(VERSIONS, {})
    await people.dan.put(f"{VERSIONS}/1/files/w", content=DATA)
    await people.dan.post(VERSIONS, {})
    await people.dan.put(f"{VERSIONS}/2/files/old", content=b"bytes")
    answer = await writes(people.bob)
    assert answer.is_success, answer.text
    assert (await people.dan.post(f"{VERSIONS}/2/finalize")).status_code == 200
    shown = (await people.carol.get(f"{VERSIONS}/2")).json()
    assert shown["authors"] == ["dan", "bob"]
    await to_staging(people.dan, 2)
    promotion = await open_promotion(people.dan, 2, "production")
    problem(await say(people.bob, promotion, "approve"), 403, "separation-of-duties")
    await approve(people.alice, promotion)


async def test_who_only_made_the_empty_draft_does_not_approve_what_others_put_in(
    people: People,
) -> None:
    await make_model(people.admin)
    await people.bob.post(VERSIONS, {})
    await people.dan.put(f"{VERSIONS}/1/files/w", content=DATA)
    await people.dan.patch(f"{VERSIONS}/1", {"params": {"lr": 0.5}})
    assert (await people.dan.post(f"{VERSIONS}/1/finalize")).status_code == 200
    await to_staging(people.dan, 1)
    promotion = await open_promotion(people.dan, 1, "production")
    problem(await say(people.bob, promotion, "approve"), 403, "separation-of-duties")


async def test_a_token_that_the_authors_service_account_issued_for_the_reviewer_cannot_approve(
    people: People, team: Team
) -> None:
    """Zoe, an admin, lets her machine issue the token, which she did not issue a token for."""
    zoe = await team.person("zoe", "admin")
    machine = await team.service("machine", zoe, "admin")
    await make_model(people.admin)
    await make_ready(zoe)
    await to_staging(zoe, 1)
    promotion = await open_promotion(people.dan, 1, "production")
    wanted = {"name": "x", "identity": "bob", "scopes": ["read", "write", "review"]}
    issued = await machine.post("/tokens", wanted)
    assert issued.status_code == 201, issued.text
    as_bob = Api(people.bob.http, issued.json()["secret"], "bob")
    body = problem(await say(as_bob, promotion, "approve"), 403, "separation-of-duties")
    assert "token was issued by zoe" in body["detail"]
    await approve(people.bob, promotion)


async def test_who_approves_twice_with_two_tokens_counts_once(
    people: People, team: Team, sql: Sql
) -> None:
    await set_policy(sql, approvals=[{"count": 2, "roles": ["reviewer"]}])
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    for bob in (people.bob, await team.token("bob"), people.bob):
        await approve(bob, promotion)
    shown = await look(people.bob, promotion)
    assert (shown["status"], shown["approvals"]["given"]) == ("open", 1)
    assert [each["counts"] for each in shown["reviews"]] == [False, False, True]
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")


async def test_who_left_the_group_does_not_count_for_it(people: People, sql: Sql) -> None:
    rule = {"count": 1, "groups": ["risk"]}
    await set_policy(sql, approvals=[rule])
    await people.admin.post("/groups", {"name": "risk"})
    member = "/groups/risk/members/bob"
    assert (await people.admin.put(member)).is_success
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    assert (await look(people.bob, promotion))["status"] == "approved"

    assert (await people.admin.delete(member)).status_code == 204
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    await say(people.bob, promotion, "approve")  # once more, from outside of it
    shown = await look(people.bob, promotion)
    assert (shown["status"], shown["approvals"]["given"]) == ("open", 0)
    assert shown["reviews"][-1]["note"] == "no approval rule of this stage means bob"
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")


async def test_only_an_admin_puts_people_into_the_group_that_approves(people: People) -> None:
    await people.admin.post("/groups", {"name": "risk"})
    for actor in (people.alice, people.bob, people.mia, people.ci):
        refused = await actor.put(f"/groups/risk/members/{actor.name}")
        problem(refused, 403, "not-allowed")
        problem(await actor.post("/groups", {"name": "mine"}), 403, "not-allowed")


async def test_nobody_takes_the_name_that_a_rule_means(people: People, sql: Sql) -> None:
    """A rule names `Ursula`, who is not there yet: only an admin makes an identity of that name."""
    await set_policy(sql, approvals=[{"count": 1, "identities": ["Ursula"]}])
    made = await people.mia.post("/identities", {"name": "ursula", "kind": "user"})
    problem(made, 403, "not-allowed")
    renamed = await people.alice.patch("/identities/alice", {"name": "ursula"})
    assert renamed.status_code in (403, 422), renamed.text
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await say(people.bob, promotion, "approve")
    shown = await look(people.bob, promotion)
    assert (shown["status"], shown["approvals"]["given"]) == ("open", 0)


async def test_a_service_account_that_was_handed_on_is_still_tied_to_who_used_it(
    people: People,
) -> None:
    """Mia's machine trains; then it is Bob's. Neither of them approves."""
    await make_model(people.admin)
    await make_ready(people.ci)
    changed = await people.admin.patch("/identities/ci", {"owner": "bob"})
    assert changed.status_code == 200, changed.text
    await to_staging(people.dan, 1)
    promotion = await open_promotion(people.dan, 1, "production")
    for reviewer in (people.mia, people.bob):
        problem(await say(reviewer, promotion, "approve"), 403, "separation-of-duties")
    await approve(people.alice, promotion)
