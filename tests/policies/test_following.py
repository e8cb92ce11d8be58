"""What a change of policy does to promotions that are open."""

import psycopg
import pytest

from tests.factories import events, problem
from tests.policies.acting import PRODUCTION, put_default, put_own
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    ask,
    look,
    open_promotion,
    registered,
    to_staging,
)

Sql = psycopg.AsyncConnection[tuple[object, ...]]
TWO = [{"count": 2, "roles": ["reviewer"]}]


async def test_an_open_promotion_moves_to_the_new_rule_and_reviews_turn_stale(
    people: People,
) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    own = await put_own(people.mia, stages=[{"name": "production", "approvals": TWO}])
    (listed,) = (await people.bob.get("/promotions?status=open")).json()["items"]
    assert (listed["policy_revision"], listed["opened_under_revision"]) == (own["revision"], 1)
    (review,) = listed["reviews"]
    assert (review["stale"], review["counts"]) == (True, False)
    assert review["note"] == "the policy for this stage changed since"
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    await approve(people.bob, promotion)
    await approve(people.mia, promotion)
    assert (await apply(people.alice, promotion)).json()["status"] == "applied"


async def test_another_stages_rule_leaves_it_alone(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    await put_own(people.mia, stages=[{"name": "staging", "expires_after_hours": 2}])
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["policy_revision"]) == ("approved", 1)
    assert (await apply(people.alice, promotion)).json()["policy_flags"] == []


async def test_the_same_rule_in_another_order_leaves_it_alone(people: People) -> None:
    gates = [
        {"type": "fields", "require": ["description"]},
        {"type": "fields", "require": ["code"]},
    ]
    mia = {"count": 1, "identities": ["mia", "alice"]}
    anybody = {"count": 1, "roles": ["reviewer"]}
    said = {"from": ["staging", "none"], "approvals": [anybody, mia], "gates": gates}
    again = {"from": ["none", "staging"], "gates": gates[::-1],
             "approvals": [{"count": 1, "identities": ["alice", "mia"]}, {"count": 1}]}  # fmt: skip
    stages = [{"name": "staging", "from": ["none"]}, {"name": "production", **said}]
    await registered(people)
    await put_own(people.admin, stages=stages, replaces_default=True)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    await put_own(
        people.admin, stages=[stages[0], {"name": "production", **again}], replaces_default=True
    )
    shown = await look(people.bob, promotion)
    assert shown["policy_revision"] == promotion["policy_revision"]
    assert shown["reviews"][0]["stale"] is False
    assert shown["gates"] == promotion["gates"][::-1]


async def test_a_new_default_reaches_every_model_also_in_lists(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    default = await put_default(people.admin, {**PRODUCTION, "approvals": TWO})
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    assert (await look(people.alice, promotion))["policy_revision"] == default["revision"]
    assert [e["details"]["policy_revision"] for e in await events(
        people.admin, action="promotion.policy_changed")] == [
        {"from": 1, "to": default["revision"]}]  # fmt: skip


async def test_a_promotion_ends_with_its_stage(people: People) -> None:
    await registered(people)
    await put_own(
        people.mia,
        stages=[{"name": "canary", "from": ["none"], "approvals": [{"count": 1}]}],
    )
    promotion = await open_promotion(people.alice, 1, "canary")
    assert (await people.mia.delete("/models/churn/policy")).status_code == 204
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["ended_by"]) == ("voided", "stageward")
    assert shown["ended_because"] == "The stage canary is not there any more."


async def test_what_is_applied_under_a_loosened_policy_says_so_for_ever(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await put_default(people.admin, {**PRODUCTION, "approvals": []})
    applied = await apply(people.alice, promotion)
    assert applied.json()["policy_flags"] == ["loosened"], applied.text
    await put_default(people.admin)
    assert (await look(people.alice, promotion))["policy_flags"] == ["loosened"]
    (told,) = [
        e for e in await events(people.admin, action="promotion.applied") if
        e["subject"] == f"promotion:{promotion['id']}"]  # fmt: skip
    assert told["details"]["policy_flags"] == ["loosened"]


async def test_a_freeze_stops_applying_but_not_an_override_or_a_rollback(
    people: People, sql: Sql
) -> None:
    await registered(people, 2)
    for number in (1, 2):
        await to_staging(people.alice, number)
    first, second = [await open_promotion(people.alice, n, "production") for n in (1, 2)]
    await approve(people.bob, first)
    assert (await apply(people.alice, first)).status_code == 200
    window = {"from": "2020-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z", "reason": "Ice."}
    await put_own(people.mia, freeze=[window])
    second = await open_promotion(people.alice, 2, "production")
    await approve(people.bob, second)
    body = problem(await apply(people.alice, second), 409, "stage-frozen")
    assert "Ice." in body["detail"]
    over = await people.admin.post(
        f"/promotions/{second['id']}/override", {"reason": "Production is down since 09:10."}
    )
    assert over.json()["override"]["unmet"] == [{"kind": "freeze", "detail": "Ice."}], over.text
    assert (await people.carol.get(f"{VERSIONS}/2")).json()["overridden"] is True
    assert (await people.carol.get(f"{VERSIONS}/1")).json()["overridden"] is False
    back = await people.mia.post(
        "/models/churn/rollback", {"stage": "production", "reason": "It is worse."}
    )
    assert back.json()["number"] == 1, back.text
    asked = await ask(people.alice, 2, "staging", apply=True)
    assert asked.json()["status"] == "approved"
    assert (await people.carol.get(f"{VERSIONS}/2")).json()["overridden"] is True
    with pytest.raises(psycopg.errors.RestrictViolation):
        await sql.execute("update versions set overridden = false where number = 2")


async def test_an_alias_that_a_baseline_names_is_protected(people: People) -> None:
    await registered(people)
    gate = {
        "type": "baseline",
        "metric": "auc",
        "dataset": "holdout",
        "higher_is_better": True,
        "against": "@best",
    }
    own = await put_own(people.mia, stages=[{"name": "production", "gates": [gate]}])
    assert own["protected_aliases"] == ["best"]
    put = await people.alice.put("/models/churn/aliases/best", json={"version": 1})
    problem(put, 403, "not-allowed")
    assert (
        await people.mia.put("/models/churn/aliases/best", json={"version": 1})
    ).status_code == 200


async def test_the_job_brings_a_new_default_to_promotions_that_nobody_looks_at(
    people: People, sql: Sql
) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    await open_promotion(people.alice, 1, "production")
    await put_default(people.admin, {**PRODUCTION, "approvals": TWO})
    found = await sql.execute(
        "select count(*) from procrastinate_jobs where task_name = 'promotions.rerule'"
    )
    assert await found.fetchone() == (1,)
