"""How a promotion ends without being applied, or against the rules."""

from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from app.promotions.service import settle_all
from tests.factories import events, problem
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


async def run_out(sql: Sql, promotion: dict[str, Any]) -> None:
    """Its time has run out, an hour ago."""
    await sql.execute(
        "update promotions set expires_at = now() - interval '1 hour' where id = %s",
        [promotion["id"]],
    )


async def actions_on(people: People, promotion: dict[str, Any]) -> list[str]:
    return [
        event["action"]
        for event in await events(people.admin, model="churn")
        if event["subject"] == f"promotion:{promotion['id']}"
    ]


async def test_who_asked_cancels_and_so_does_a_maintainer(people: People) -> None:
    await registered(people)
    promotion = await open_promotion(people.dan, 1, "staging")
    path = f"/promotions/{promotion['id']}/cancel"
    body = problem(await people.alice.post(path), 403, "not-allowed")
    assert "dan" in body["detail"]
    assert "cancel" not in (await look(people.alice, promotion))["available_actions"]
    done = await people.dan.post(path, {"reason": "Version 2 is on its way."})
    assert done.status_code == 200, done.text
    assert (done.json()["status"], done.json()["ended_by"]) == ("cancelled", "dan")
    assert done.json()["ended_because"] == "Version 2 is on its way."
    problem(await people.dan.post(path), 409, "promotion-ended")
    again = await open_promotion(people.dan, 1, "staging")
    done = await people.mia.post(f"/promotions/{again['id']}/cancel")
    assert done.json()["status"] == "cancelled"


async def test_what_wants_the_same_exclusive_stage_is_superseded(people: People) -> None:
    await registered(people, 3)
    for number in (1, 2, 3):
        await to_staging(people.alice, number)
    promotions = [await open_promotion(people.alice, n, "production") for n in (1, 2, 3)]
    elsewhere = await open_promotion(people.alice, 3, "archived")
    for promotion in promotions:
        await approve(people.bob, promotion)
    assert (await apply(people.ci, promotions[1])).status_code == 200
    for promotion in (promotions[0], promotions[2]):
        shown = await look(people.alice, promotion)
        assert (shown["status"], shown["ended_by"]) == ("superseded", "ci")
        assert shown["ended_because"] == "Version 2 took the stage production."
        assert (await actions_on(people, promotion))[-1] == "promotion.superseded"
        body = problem(await apply(people.ci, promotion), 409, "promotion-ended")
        assert body["ended_as"] == "superseded"
    assert (await look(people.alice, elsewhere))["status"] == "approved"


async def test_a_stage_that_several_hold_supersedes_nothing(people: People) -> None:
    await registered(people, 2)
    waiting = await open_promotion(people.alice, 2, "staging")
    await to_staging(people.alice, 1)
    assert (await look(people.alice, waiting))["status"] == "approved"


async def test_what_left_its_source_stage_is_voided(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    archived = await ask(people.alice, 1, "archived", apply=True)
    assert archived.json()["status"] == "applied"
    shown = await look(people.alice, promotion)
    assert shown["status"] == "voided"
    assert shown["ended_because"] == "Version 1 left the stage staging."
    problem(await apply(people.alice, promotion), 409, "promotion-ended")


async def test_a_recall_voids_what_is_open(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    recalled = await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    assert recalled.status_code == 200
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["ended_by"]) == ("voided", "mia")
    assert "recalled" in shown["ended_because"]
    await people.mia.delete(f"{VERSIONS}/1/recall")
    problem(await apply(people.alice, promotion), 409, "promotion-ended")


async def test_a_deletion_voids_what_is_open_and_the_record_stays(people: People) -> None:
    await registered(people)
    promotion = await open_promotion(people.alice, 1, "staging")
    deleted = await people.mia.delete(f"{VERSIONS}/1")
    assert deleted.status_code == 204, deleted.text
    shown = await look(people.alice, promotion)
    assert shown["status"] == "voided"
    assert "deleted" in shown["ended_because"]
    problem(await apply(people.alice, promotion), 409, "promotion-ended")
    problem(await say(people.bob, promotion, "approve"), 409, "promotion-ended")


async def test_a_version_in_production_cannot_be_deleted(people: People) -> None:
    await registered(people)
    await to_production(people.alice, people.bob, 1)
    problem(await people.mia.delete(f"{VERSIONS}/1"), 409, "version-in-use")


async def test_a_target_stage_that_is_gone_voids(people: People, sql: Sql) -> None:
    await registered(people)
    promotion = await open_promotion(people.alice, 1, "staging")
    await sql.execute(
        "insert into policy_revisions (body, created_by) values "
        """('{"stages": [{"name": "archived", "from": ["none"]}]}', 'test')"""
    )
    shown = await look(people.alice, promotion)
    assert shown["status"] == "voided"
    assert "is not there any more" in shown["ended_because"]


async def test_a_way_that_the_policy_closed_since_is_not_taken(people: People, sql: Sql) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await set_policy(sql, **{"from": ["archived"]})
    await approve(people.bob, promotion)
    body = problem(await apply(people.ci, promotion), 409, "promotion-not-approved")
    assert "from `archived` only" in body["detail"]


async def test_time_runs_out(people: People, sql: Sql) -> None:
    await set_policy(sql, expires_after_hours=0.5)
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    assert promotion["expires_at"] is not None
    await approve(people.bob, promotion)
    await run_out(sql, promotion)
    for answer in (await apply(people.ci, promotion), await say(people.bob, promotion, "reject")):
        assert problem(answer, 409, "promotion-ended")["ended_as"] == "expired"
    listed = await people.alice.get("/promotions", params={"status": "expired"})
    assert [item["status"] for item in listed.json()["items"]] == ["expired"]
    assert (await people.alice.get("/promotions?status=approved")).json()["items"] == []
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["ended_by"]) == ("expired", "stageward")
    assert shown["ended_at"] is not None
    assert (await actions_on(people, promotion))[-1] == "promotion.expired"
    assert (await open_promotion(people.alice, 1, "production"))["id"] != promotion["id"]


async def test_what_ran_out_unseen_does_not_stand_in_the_way(people: People, sql: Sql) -> None:
    await set_policy(sql, expires_after_hours=0.5)
    await registered(people)
    await to_staging(people.alice, 1)
    first = await open_promotion(people.alice, 1, "production")
    await run_out(sql, first)
    await open_promotion(people.alice, 1, "production")
    assert (await look(people.alice, first))["status"] == "expired"


async def test_every_minute_what_ran_out_is_written_down(
    people: People, sql: Sql, runtime: Runtime
) -> None:
    await set_policy(sql, expires_after_hours=0.5)
    await registered(people)
    await to_staging(people.alice, 1)
    first = await open_promotion(people.alice, 1, "production")
    await run_out(sql, first)
    await settle_all(runtime)
    found = await sql.execute("select status from promotions where id = %s", [first["id"]])
    assert await found.fetchone() == ("expired",)
    assert (await actions_on(people, first))[-1] == "promotion.expired"


async def test_every_minute_lists_follow_a_lost_role(people: People, runtime: Runtime) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    await people.admin.patch("/identities/bob", {"disabled": True})
    await settle_all(runtime)
    listed = (await people.alice.get("/promotions", params={"to": "production"})).json()["items"]
    assert [item["status"] for item in listed] == ["open"]


async def test_an_admin_breaks_glass_and_it_is_flagged_for_ever(people: People, sql: Sql) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    path = f"/promotions/{promotion['id']}/override"
    wanted = {"reason": "Production is down and nobody can be reached."}
    problem(await people.mia.post(path, wanted), 403, "not-allowed")
    for reason in ("", "   ", "because", "short    "):
        problem(await people.admin.post(path, {"reason": reason}), 422, "invalid-request")
    problem(await people.admin.post(path), 422, "invalid-request")
    assert "override" in (await look(people.admin, promotion))["available_actions"]

    done = await people.admin.post(path, wanted)
    assert done.status_code == 200, done.text
    override = done.json()["override"]
    assert (override["reason"], override["by"]) == (wanted["reason"], "admin")
    assert [each["kind"] for each in override["unmet"]] == ["approval"]
    assert done.json()["status"] == "applied"
    assert await stage_of(people.carol, 1) == "production"
    assert (await look(people.carol, promotion))["override"] == override
    (latest, *_) = (await people.carol.get("/models/churn/transitions")).json()["items"]
    assert (latest["kind"], latest["reason"]) == ("override", wanted["reason"])
    held = (await people.carol.get("/models/churn/stages/production")).json()
    assert held["holders"][0]["overridden"] is True
    assert (await actions_on(people, promotion))[-2:] == [
        "promotion.overridden",
        "promotion.applied",
    ]
    found = await sql.execute("select overridden from tenures where promotion_id = %s",
                              [promotion["id"]])  # fmt: skip
    assert await found.fetchone() == (True,)
    problem(await people.admin.post(path, wanted), 409, "promotion-ended")


async def test_not_even_an_admin_overrides_a_recall(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    answer = await people.admin.post(
        f"/promotions/{promotion['id']}/override", {"reason": "I want it nevertheless."}
    )
    assert problem(answer, 409, "promotion-ended")["ended_as"] == "voided"


async def test_an_admin_overrides_a_rejection_that_blocks(people: People, sql: Sql) -> None:
    await set_policy(sql, approvals=[{"count": 2, "roles": ["reviewer"]}])
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await say(people.bob, promotion, "reject")
    done = await people.admin.post(
        f"/promotions/{promotion['id']}/override", {"reason": "Bob is on holiday for a month."}
    )
    assert [each["kind"] for each in done.json()["override"]["unmet"]] == ["approval", "rejection"]


@pytest.mark.parametrize(
    "body",
    [{}, {"to": "staging"}, {"reason": "Why."}, {"to": "staging", "reason": " "},
     {"to": "", "reason": "Why."}, {"to": 1, "reason": "Why."},
     {"to": "staging", "reason": "Why.", "apply": "yes"},
     {"to": "staging", "reason": "Why.", "force": True}],
)  # fmt: skip
async def test_a_malformed_request_is_a_422(people: People, body: dict[str, Any]) -> None:
    await registered(people)
    problem(await people.alice.post(f"{VERSIONS}/1/promotions", body), 422, "invalid-request")
