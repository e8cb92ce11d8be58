"""What a review is bound to, and how verdicts add up."""

import json
from typing import Any

import psycopg
import pytest

from tests.actors import Team
from tests.factories import events, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    look,
    open_promotion,
    registered,
    say,
    stage_of,
    to_staging,
)

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def asked_for_production(people: People) -> dict[str, Any]:
    await registered(people)
    await to_staging(people.alice, 1)
    return await open_promotion(people.alice, 1, "production")


async def set_policy(sql: Sql, **production: Any) -> None:
    """A new revision of the default policy, past the API: production's rule with these fields."""
    stages = [
        {"name": "staging", "from": ["none", "archived"]},
        {
            "name": "production",
            "from": ["staging"],
            "exclusive": True,
            "incumbent": "archive",
            "approvals": [{"count": 1, "roles": ["reviewer"]}],
            **production,
        },
        {"name": "archived", "from": ["none", "staging", "production"]},
    ]
    await sql.execute(
        "insert into policy_revisions (body, created_by) values (%s, 'test')",
        [json.dumps({"stages": stages, "protected_aliases": ["champion"]})],
    )


async def test_an_approval_turns_stale_when_the_description_is_edited(people: People) -> None:
    promotion = await asked_for_production(people)
    await approve(people.bob, promotion)
    before = await people.bob.get(f"/promotions/{promotion['id']}")
    edited = await people.alice.patch(f"{VERSIONS}/1", {"description": "Quite another text."})
    assert edited.status_code == 200, edited.text
    (listed, _) = (await people.bob.get("/promotions")).json()["items"]
    assert (listed["status"], listed["reviews"][0]["stale"]) == ("open", True)

    after = await people.bob.get(f"/promotions/{promotion['id']}")
    assert after.headers["etag"] != before.headers["etag"]
    shown = after.json()
    assert (shown["status"], shown["approvals"]["given"]) == ("open", 0)
    (review,) = shown["reviews"]
    assert (review["counts"], review["stale"]) == (False, True)
    assert review["note"] == "the description was edited since"
    body = problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    assert body["unmet"] == [
        {
            "kind": "approval",
            "detail": "One more approval is missing, by a reviewer or higher.",
        }
    ]
    assert await stage_of(people.carol, 1) == "staging"

    await approve(people.bob, promotion)
    assert (await apply(people.alice, promotion)).status_code == 200
    actions = [e["action"] for e in await events(people.admin, model="churn")]
    assert "promotion.reopened" in actions


async def test_an_approval_counts_again_when_the_text_that_it_saw_is_back(people: People) -> None:
    promotion = await asked_for_production(people)
    await approve(people.bob, promotion)
    for text, status in (("Other.", "open"), ("What changed and why.", "approved")):
        await people.alice.patch(f"{VERSIONS}/1", {"description": text})
        assert (await look(people.bob, promotion))["status"] == status


async def test_tags_may_change_without_a_new_review(people: People) -> None:
    promotion = await asked_for_production(people)
    await approve(people.bob, promotion)
    await people.alice.patch(f"{VERSIONS}/1", {"tags": {"team": "fraud"}})
    assert (await look(people.bob, promotion))["status"] == "approved"


async def test_a_review_of_what_one_has_not_seen_is_refused_if_asked(people: People) -> None:
    promotion = await asked_for_production(people)
    seen = (await people.bob.get(f"/promotions/{promotion['id']}")).headers["etag"]
    await approve(people.bob, promotion)
    await people.alice.patch(f"{VERSIONS}/1", {"description": "Smuggled in."})
    late = await say(people.mia, promotion, "approve")
    assert late.status_code == 201
    path = f"/promotions/{promotion['id']}/reviews"
    stale = await people.mia.post(path, {"decision": "approve"}, headers={"If-Match": seen})
    problem(stale, 412, "stale-revision")


async def test_a_rejection_ends_it_where_one_approval_is_asked_for(people: People) -> None:
    promotion = await asked_for_production(people)
    said = await say(people.bob, promotion, "reject", comment="The split leaks.")
    assert (said.status_code, said.json()["counts"]) == (201, True)
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["ended_by"]) == ("rejected", "bob")
    assert shown["ended_because"] == "Rejected by bob."
    body = problem(await apply(people.alice, promotion), 409, "promotion-ended")
    assert body["ended_as"] == "rejected"
    problem(await say(people.mia, promotion, "approve"), 409, "promotion-ended")
    again = await open_promotion(people.alice, 1, "production")
    assert again["id"] != promotion["id"]


async def test_a_rejection_blocks_until_withdrawn_where_more_are_asked_for(
    people: People, sql: Sql
) -> None:
    await set_policy(sql, approvals=[{"count": 2, "roles": ["reviewer"]}])
    promotion = await asked_for_production(people)
    await approve(people.bob, promotion)
    await say(people.mia, promotion, "reject")
    assert (await look(people.alice, promotion))["status"] == "open"
    third = await people.admin.get("/me")
    assert third.status_code == 200
    await approve(people.admin, promotion)
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["approvals"]["missing"]) == ("open", 0)
    body = problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    assert [each["kind"] for each in body["unmet"]] == ["rejection"]
    assert "mia" in body["unmet"][0]["detail"]
    await people.alice.patch(f"{VERSIONS}/1", {"description": "Edited to lose the rejection."})
    shown = await look(people.alice, promotion)
    assert [r["counts"] for r in shown["reviews"]] == [False, True, False]
    await people.alice.patch(f"{VERSIONS}/1", {"description": "What changed and why."})
    assert (await say(people.mia, promotion, "withdraw")).status_code == 201
    assert (await look(people.alice, promotion))["status"] == "approved"


async def test_the_latest_verdict_counts_and_one_person_counts_once(
    people: People, sql: Sql
) -> None:
    await set_policy(sql, approvals=[{"count": 2, "roles": ["reviewer"]}])
    promotion = await asked_for_production(people)
    await approve(people.bob, promotion)
    await approve(people.bob, promotion)
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["approvals"]["given"]) == ("open", 1)
    assert [r["counts"] for r in shown["reviews"]] == [False, True]
    await approve(people.mia, promotion)
    assert (await look(people.alice, promotion))["status"] == "approved"
    await say(people.bob, promotion, "comment", comment="One more thought.")
    assert (await look(people.alice, promotion))["status"] == "approved"
    await say(people.bob, promotion, "withdraw")
    assert (await look(people.alice, promotion))["status"] == "open"
    problem(await say(people.bob, promotion, "withdraw"), 409, "verdict-not-given")


async def test_who_never_spoke_has_nothing_to_withdraw(people: People) -> None:
    promotion = await asked_for_production(people)
    await say(people.bob, promotion, "comment")
    problem(await say(people.bob, promotion, "withdraw"), 409, "verdict-not-given")
    assert "withdraw" not in (await look(people.bob, promotion))["available_actions"]


async def test_a_quorum_of_several_rules(people: People, team: Team, sql: Sql) -> None:
    """Two of the group and one maintainer: one person may fill both, but counts once in each."""
    made = await people.admin.post("/groups", {"name": "risk"})
    assert made.status_code == 201, made.text
    for name in ("bob", "mia"):
        added = await people.admin.put(f"/groups/risk/members/{name}")
        assert added.status_code in (200, 201, 204), added.text
    rules = [{"count": 2, "groups": ["risk"]}, {"count": 1, "roles": ["maintainer"]}]
    await set_policy(sql, approvals=rules)
    promotion = await asked_for_production(people)
    outsider = await team.person("olga", "reviewer")
    review = await approve(outsider, promotion)
    assert review["counts"] is False
    assert "no approval rule" in review["note"]
    await approve(people.mia, promotion)
    shown = await look(people.alice, promotion)
    assert [r["missing"] for r in shown["approvals"]["rules"]] == [1, 0]
    await approve(people.bob, promotion)
    assert (await look(people.alice, promotion))["status"] == "approved"
    left = await people.admin.delete("/groups/risk/members/bob")
    assert left.status_code == 204
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")


async def test_a_service_account_that_a_rule_names_approves(
    people: People, team: Team, sql: Sql
) -> None:
    await set_policy(sql, approvals=[{"count": 1, "identities": ["robot"]}])
    promotion = await asked_for_production(people)
    robot = await team.service("robot", people.mia, "reviewer")
    assert (await approve(robot, promotion))["counts"] is True
    assert (await look(robot, promotion))["status"] == "approved"


async def test_the_authors_own_service_account_does_not_approve_though_named(
    people: People, team: Team, sql: Sql
) -> None:
    await set_policy(sql, approvals=[{"count": 1, "identities": ["robot"]}])
    promotion = await asked_for_production(people)
    robot = await team.service("robot", people.alice, "reviewer")
    body = problem(await say(robot, promotion, "approve"), 403, "separation-of-duties")
    assert "its owner alice asked for it" in body["detail"]


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        ({"allow_self_approval": True}, 403),
        ({"allow_author_approval": True}, 403),
        ({"allow_self_approval": True, "allow_author_approval": True}, 201),
    ],
)
async def test_a_team_of_one_needs_both_allowances(
    people: People, sql: Sql, allowed: dict[str, bool], status: int
) -> None:
    await set_policy(sql, **allowed)
    promotion = await asked_for_production(people)
    assert (await say(people.alice, promotion, "approve")).status_code == status


async def test_a_new_policy_for_the_stage_makes_reviews_stale(people: People, sql: Sql) -> None:
    promotion = await asked_for_production(people)
    await approve(people.bob, promotion)
    await set_policy(sql)
    assert (await look(people.bob, promotion))["status"] == "approved"
    assert (await look(people.bob, promotion))["policy_revision"] == 1
    await set_policy(sql, expires_after_hours=48)
    shown = await look(people.bob, promotion)
    assert shown["status"] == "open"
    assert (shown["policy_revision"] > 1, shown["opened_under_revision"]) == (True, 1)
    assert shown["reviews"][0]["note"] == "the policy for this stage changed since"
    assert shown["expires_at"] is not None
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    await approve(people.bob, promotion)
    assert (await apply(people.alice, promotion)).status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"decision": "maybe"}, {"decision": "approve", "comment": "x" * 10_001},
             {"decision": "approve", "counts": True}, {"decision": None}]
)  # fmt: skip
async def test_a_malformed_review_is_a_422(people: People, body: dict[str, Any]) -> None:
    promotion = await asked_for_production(people)
    answer = await people.bob.post(f"/promotions/{promotion['id']}/reviews", body)
    problem(answer, 422, "invalid-request")
