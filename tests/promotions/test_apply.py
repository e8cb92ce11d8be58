"""Applying: under which conditions, at once, and against one another."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.factories import events, make_draft, make_ready, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    ask,
    look,
    open_promotion,
    registered,
    stage_of,
    to_production,
    to_staging,
)
from tests.promotions.test_reviews import set_policy
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def approved(people: People, number: int = 1) -> dict[str, Any]:
    await to_staging(people.alice, number)
    promotion = await open_promotion(people.alice, number, "production")
    await approve(people.bob, promotion)
    return promotion


async def count(sql: Sql, table: str, promotion: dict[str, Any]) -> int:
    found = await sql.execute(
        f"select count(*) from {table} where promotion_id = %s",
        [promotion["id"]],
    )
    row = await found.fetchone()
    assert row is not None
    return int(str(row[0]))


async def test_ten_at_once_make_one_transition(people: People, sql: Sql) -> None:
    await registered(people)
    promotion = await approved(people)
    answers = await asyncio.gather(*(apply(people.ci, promotion) for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    for answer in answers:
        if answer.status_code == 409:
            assert problem(answer, 409, "promotion-ended")["ended_as"] == "applied"
    assert await count(sql, "transitions", promotion) == 1
    assert await count(sql, "tenures", promotion) == 1
    told = [e for e in await events(people.admin, action="promotion.applied") if
            e["subject"] == f"promotion:{promotion['id']}"]  # fmt: skip
    assert len(told) == 1


async def test_ten_at_once_with_if_match_make_one_transition(people: People, sql: Sql) -> None:
    await registered(people)
    promotion = await approved(people)
    tag = (await people.ci.get(f"/promotions/{promotion['id']}")).headers["etag"]
    answers = await asyncio.gather(
        *(apply(people.ci, promotion, headers={"If-Match": tag}) for _ in range(10))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 9}
    assert await count(sql, "transitions", promotion) == 1


async def test_apply_against_cancel_has_one_outcome(people: People, sql: Sql) -> None:
    await registered(people)
    promotion = await approved(people)
    path = f"/promotions/{promotion['id']}"
    answers = await asyncio.gather(
        *(people.alice.post(f"{path}/{verb}") for verb in ("apply", "cancel") * 5)
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    shown = await look(people.alice, promotion)
    stage = await stage_of(people.carol, 1)
    assert (shown["status"], stage) in (("applied", "production"), ("cancelled", "staging"))
    assert await count(sql, "tenures", promotion) == (shown["status"] == "applied")


async def test_two_versions_to_one_stage_at_once_leave_one_holder(people: People) -> None:
    await registered(people, 2)
    both = [await approved(people, number) for number in (1, 2)]
    answers = await asyncio.gather(*(apply(people.ci, promotion) for promotion in both))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    stages = (await people.carol.get("/models/churn")).json()["stages"]
    assert len(stages["production"]) == 1
    assert sorted([(await look(people.alice, p))["status"] for p in both]) == [
        "applied",
        "superseded",
    ]


async def test_apply_against_recall_never_promotes_what_was_recalled(people: People) -> None:
    await registered(people)
    promotion = await approved(people)
    applied, recalled = await asyncio.gather(
        apply(people.ci, promotion),
        people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."}),
    )
    assert recalled.status_code == 200, recalled.text
    expected = {200: ("applied", "production"), 409: ("voided", "staging")}
    shown = await look(people.alice, promotion)
    assert (shown["status"], await stage_of(people.carol, 1)) == expected[applied.status_code]


async def test_apply_against_an_edited_description(people: People) -> None:
    await registered(people)
    promotion = await approved(people)
    applied, edited = await asyncio.gather(
        apply(people.ci, promotion),
        people.alice.patch(f"{VERSIONS}/1", {"description": "Smuggled in."}),
    )
    assert edited.status_code == 200
    if applied.status_code == 409:
        problem(applied, 409, "promotion-not-approved")
        assert await stage_of(people.carol, 1) == "staging"
    else:
        actions = [e["action"] for e in await events(people.admin, model="churn")]
        assert actions.index("version.edited") > len(actions) - 1 - actions[::-1].index(
            "promotion.applied"
        )


async def test_a_promotion_that_changed_is_not_applied_under_an_old_etag(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    seen = (await people.ci.get(f"/promotions/{promotion['id']}")).headers["etag"]
    await approve(people.bob, promotion)
    problem(await apply(people.ci, promotion, headers={"If-Match": seen}), 412, "stale-revision")
    seen = (await people.ci.get(f"/promotions/{promotion['id']}")).headers["etag"]
    done = await apply(people.ci, promotion, headers={"If-Match": seen})
    assert done.status_code == 200
    assert done.headers["etag"] != seen


async def test_it_compares_the_incumbent_and_swaps(people: People) -> None:
    await registered(people, 2)
    first = await approved(people, 1)
    path = f"/promotions/{first['id']}/apply"
    body = problem(await people.ci.post(path, {"expected_incumbent": 7}), 409, "incumbent-changed")
    assert body["incumbent"] is None
    assert (await people.ci.post(path, {"expected_incumbent": None})).status_code == 200
    second = await approved(people, 2)
    path = f"/promotions/{second['id']}/apply"
    body = problem(
        await people.ci.post(path, {"expected_incumbent": None}), 409, "incumbent-changed"
    )
    assert body["incumbent"] == 1
    assert (await people.ci.post(path, {"expected_incumbent": 1})).status_code == 200


async def test_what_is_not_approved_is_a_409_that_lists_what_is_missing(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    body = problem(await apply(people.admin, promotion), 409, "promotion-not-approved")
    assert body["promotion"] == promotion["id"]
    assert [each["kind"] for each in body["unmet"]] == ["approval"]
    assert "One more approval is missing" in body["detail"]
    assert (await look(people.alice, promotion))["status"] == "open"


async def test_only_ready_versions_that_were_not_recalled_are_promoted(people: People) -> None:
    await registered(people)
    await make_draft(people.alice)
    problem(await ask(people.alice, 2, "staging"), 409, "version-not-ready")
    problem(await ask(people.alice, 9, "staging"), 404, "not-found")
    problem(await ask(people.alice, "latest", "staging"), 404, "not-found")
    await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    body = problem(await ask(people.alice, 1, "staging", apply=True), 409, "version-recalled")
    assert "Bad data." in body["detail"]
    assert (await people.mia.delete(f"{VERSIONS}/1/recall")).status_code in (200, 204)
    await to_staging(people.alice, 1)


async def test_there_is_no_way_but_the_policys(people: People) -> None:
    await registered(people)
    body = problem(await ask(people.alice, 1, "production"), 409, "transition-not-allowed")
    assert "`none`" in body["detail"]
    assert "from `staging` only" in body["detail"]
    problem(await ask(people.alice, 1, "none"), 409, "conflict")
    body = problem(await ask(people.alice, 1, "canary"), 422, "invalid-request")
    assert body["errors"][0]["pointer"] == "/to"
    assert "staging, production, archived" in body["errors"][0]["detail"]
    await to_staging(people.alice, 1)
    problem(await ask(people.alice, 1, "none"), 409, "transition-not-allowed")
    body = problem(await ask(people.alice, 1, "staging"), 409, "conflict")
    assert "already" in body["detail"]


async def test_a_second_open_one_names_the_first(people: People) -> None:
    await registered(people)
    first = await open_promotion(people.alice, 1, "staging")
    body = problem(await ask(people.dan, 1, "staging"), 409, "promotion-already-open")
    assert body["promotion"] == first["id"]
    assert first["id"] in body["detail"]
    other = await ask(people.dan, 1, "archived")
    assert other.status_code == 201


async def test_of_ten_that_ask_at_once_one_is_opened(people: People) -> None:
    await registered(people)
    answers = await asyncio.gather(*(ask(people.alice, 1, "staging") for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 9}
    (first,) = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer.status_code == 409:
            assert problem(answer, 409, "promotion-already-open")["promotion"] == first


async def test_emptying_production_takes_a_maintainer(people: People) -> None:
    await registered(people)
    await to_production(people.alice, people.bob, 1)
    for actor in (people.alice, people.dan):
        for at_once in (True, False):
            body = problem(
                await ask(actor, 1, "archived", apply=at_once), 403, "stage-would-be-emptied"
            )
            assert "maintainer" in body["detail"]
    promotion = await open_promotion(people.mia, 1, "archived")
    shown = await look(people.dan, promotion)
    assert (shown["status"], shown["available_actions"]) == ("approved", [])
    problem(await apply(people.dan, promotion), 403, "stage-would-be-emptied")
    assert await stage_of(people.carol, 1) == "production"
    assert (await apply(people.mia, promotion)).status_code == 200
    assert (await people.carol.get("/models/churn")).json()["stages"] == {"archived": [1]}


async def test_who_lost_the_role_since_asking_does_not_empty_production(
    people: People,
) -> None:
    await registered(people)
    await to_production(people.alice, people.bob, 1)
    promotion = await open_promotion(people.mia, 1, "archived")
    grant = {"subject": "mia", "role": "contributor", "models": "*"}
    assert (await people.admin.put("/grants", json=grant)).status_code in (200, 201)
    grant["role"] = "maintainer"
    await people.admin.request("DELETE", "/grants", json=grant)
    problem(await apply(people.mia, promotion), 403, "stage-would-be-emptied")


async def test_nothing_is_applied_under_a_freeze_but_an_override(people: People, sql: Sql) -> None:
    await registered(people, 2)
    promotion = await approved(people)
    now = datetime.now(UTC)
    window = {
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": (now + timedelta(hours=1)).isoformat(),
        "reason": "Holiday season.",
    }
    await sql.execute(
        "insert into policy_revisions (body, created_by) select jsonb_set(body, '{freeze}', %s), "
        "'test' from policy_revisions where revision = 1",
        [json.dumps([window])],
    )
    body = problem(await apply(people.ci, promotion), 409, "stage-frozen")
    assert "Holiday season." in body["detail"]
    asked = await ask(people.alice, 2, "staging", apply=True)
    assert (asked.status_code, asked.json()["status"]) == (201, "approved")
    done = await people.admin.post(
        f"/promotions/{promotion['id']}/override", {"reason": "The old model is down."}
    )
    assert done.status_code == 200, done.text
    assert done.json()["override"]["unmet"] == [{"kind": "freeze", "detail": "Holiday season."}]


async def test_a_version_stays_in_its_source_as_long_as_the_policy_asks(
    people: People, sql: Sql
) -> None:
    await set_policy(sql, min_hours_in_source=1.5)
    await registered(people)
    promotion = await approved(people)
    body = problem(await apply(people.ci, promotion), 409, "promotion-not-approved")
    assert [each["kind"] for each in body["unmet"]] == ["gate"]
    assert "1.5 hours" in body["detail"]
    shown = await look(people.ci, promotion)
    assert [(g["type"], g["passed"]) for g in shown["gates"]] == [("min_hours_in_source", False)]
    await sql.execute("set session_replication_role = replica")  # past the guards
    await sql.execute(
        "update tenures set held = tstzrange(lower(held) - interval '2 hours', null) "
        "where upper_inf(held)"
    )
    assert (await apply(people.ci, promotion)).status_code == 200


async def test_a_gate_that_nobody_can_decide_does_not_pass(people: People, sql: Sql) -> None:
    await set_policy(sql, gates=[{"type": "astrology", "sign": "leo"}])
    await registered(people)
    promotion = await approved(people)
    body = problem(await apply(people.ci, promotion), 409, "promotion-not-approved")
    assert "astrology" in body["detail"]
    shown = await look(people.ci, promotion)
    assert shown["gates"][0]["sign"] == "leo"


async def test_a_stage_whose_incumbent_refuses_is_not_entered(people: People, sql: Sql) -> None:
    await set_policy(sql, incumbent="refuse")
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    promotion = await approved(people, 2)
    body = problem(await apply(people.ci, promotion), 409, "promotion-not-approved")
    assert "Version 1 holds it." in body["detail"]
    emptied = await ask(people.mia, 1, "archived", apply=True)
    assert emptied.json()["status"] == "applied"
    shown = await look(people.ci, promotion)
    assert (shown["status"], shown["incumbent"]) == ("approved", None)
    assert (await apply(people.ci, promotion)).status_code == 200


async def test_in_a_model_deleted_meanwhile_nothing_moves(people: People, sql: Sql) -> None:
    """The requests reach the model's lock only after the deletion."""
    await registered(people)
    promotion = await open_promotion(people.alice, 1, "staging")
    async with sql.transaction():
        await sql.execute("select from model_counters for update")
        waiting = [
            asyncio.create_task(apply(people.alice, promotion)),
            asyncio.create_task(ask(people.dan, 1, "archived", apply=True)),
            asyncio.create_task(
                people.dan.put("/models/churn/aliases/champion", json={"version": 1})
            ),
            asyncio.create_task(
                people.mia.post("/models/churn/rollback", {"stage": "production", "reason": "Why."})
            ),
        ]

        async def all_wait() -> bool:
            found = await sql.execute("select count(distinct pid) from pg_locks where not granted")
            return (await found.fetchone()) == (len(waiting),)

        await eventually(all_wait, what="all to wait for the model")
        await sql.execute("update models set deleted_at = now()")
    for answer in await asyncio.gather(*waiting):
        problem(answer, 404, "not-found")
    found = await sql.execute("select count(*) from tenures")
    assert await found.fetchone() == (0,)


async def test_the_second_of_two_is_compared_with_the_first(people: People) -> None:
    """A version registered later does not undo a promotion that was applied meanwhile."""
    await registered(people)
    await to_production(people.alice, people.bob, 1)
    await make_ready(people.alice)
    promotion = await approved(people, 2)
    assert (await look(people.bob, promotion))["incumbent"] == 1
