"""Who holds what, now and then, and how it came about."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.actors import Team
from tests.factories import make_model, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    ask,
    open_promotion,
    registered,
    to_production,
    to_staging,
)

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def test_every_stage_is_listed_with_its_holders(people: People) -> None:
    await registered(people, 4)
    await to_production(people.alice, people.bob, 1)
    await to_production(people.alice, people.bob, 2)
    await to_staging(people.alice, 3)
    found = await people.carol.get("/models/churn/stages")
    assert found.json()["model"] == "churn"
    shown = [
        (s["stage"], s["exclusive"], s["count"], [h["number"] for h in s["holders"]])
        for s in found.json()["stages"]
    ]
    assert shown == [
        ("staging", False, 1, [3]),
        ("production", True, 1, [2]),
        ("archived", False, 1, [1]),
    ]
    tag = found.headers["etag"]
    path = "/models/churn/stages"
    assert (await people.carol.get(path, headers={"If-None-Match": tag})).status_code == 304
    await to_staging(people.alice, 4)
    again = await people.carol.get(path, headers={"If-None-Match": tag})
    assert [h["number"] for h in again.json()["stages"][0]["holders"]] == [4, 3]


async def test_a_model_without_versions_has_its_stages(people: People) -> None:
    await make_model(people.admin)
    found = (await people.carol.get("/models/churn/stages")).json()
    assert [(s["stage"], s["holders"]) for s in found["stages"]] == [
        ("staging", []),
        ("production", []),
        ("archived", []),
    ]


async def test_who_held_production_at_any_instant(people: People) -> None:
    await registered(people, 2)
    before = datetime.now(UTC)
    first = await to_production(people.alice, people.bob, 1)
    second = await to_production(people.alice, people.bob, 2)
    emptied = (await ask(people.mia, 2, "archived", apply=True)).json()

    async def held(at: str | None) -> dict[str, object]:
        params = {"at": at} if at else {}
        found = await people.carol.get("/models/churn/stages/Production", params=params)
        assert found.status_code == 200, found.text
        body = dict(found.json())
        assert (body["stage"], body["model"], body["exclusive"]) == ("production", "churn", True)
        assert [h["number"] for h in body["holders"]] == (
            [] if body["number"] is None else [body["number"]]
        )
        return body

    assert (await held(before.isoformat().replace("+00:00", "Z")))["number"] is None
    entered, replaced, left = first["ended_at"], second["ended_at"], emptied["ended_at"]
    at_first = await held(entered)
    assert (at_first["number"], at_first["promotion"]) == (1, first["id"])
    assert (at_first["since"], at_first["until"], at_first["at"]) == (entered, replaced, entered)
    assert (await held(replaced))["number"] == 2
    moment_before = datetime.fromisoformat(replaced) - timedelta(microseconds=1)
    assert (await held(moment_before.isoformat()))["number"] == 1
    assert (await held(left))["number"] is None
    now = await held(None)
    assert (now["number"], now["count"], now["since"]) == (None, 0, None)


async def test_a_holder_is_shown_once_though_two_policies_speak_of_its_stage(
    people: People,
) -> None:
    await registered(people)
    own = {"stages": [{"name": "staging", "expires_after_hours": 48}]}
    assert (await people.mia.put("/models/churn/policy", json=own)).status_code == 200
    await to_staging(people.alice, 1)
    assert (await people.carol.get("/models/churn")).json()["stages"] == {"staging": [1]}
    (listed,) = (await people.carol.get("/models")).json()["items"]
    assert listed["stages"] == {"staging": [1]}


async def test_a_stage_with_several_holders_names_them_all(people: People) -> None:
    await registered(people, 2)
    await to_staging(people.alice, 1)
    one = (await people.carol.get("/models/churn/stages/staging")).json()
    assert (one["number"], one["count"]) == (1, 1)
    await to_staging(people.alice, 2)
    for params in ({}, {"at": datetime.now(UTC).isoformat()}):
        two = (await people.carol.get("/models/churn/stages/staging", params=params)).json()
        assert (two["number"], two["promotion"], two["count"]) == (None, None, 2)
        assert [h["number"] for h in two["holders"]] == [2, 1]


@pytest.mark.parametrize("at", ["yesterday", "2026-01-01T00:00:00", "", "2999-01-01T00:00:00Z"])
async def test_a_time_that_cannot_be_answered_is_a_422(people: People, at: str) -> None:
    await make_model(people.admin)
    answer = await people.carol.get("/models/churn/stages/production", params={"at": at})
    body = problem(answer, 422, "invalid-request")
    assert body["errors"][0]["pointer"] == "at"


async def test_a_stage_or_model_that_is_not_there(people: People, team: Team) -> None:
    await make_model(people.admin)
    body = problem(await people.carol.get("/models/churn/stages/canary"), 404, "not-found")
    assert "staging, production, archived" in body["detail"]
    problem(await people.carol.get("/models/churn/stages/%C3%A4"), 404, "not-found")
    stranger = await team.person("eve", "maintainer", models="other")
    for path in ("stages", "stages/production", "transitions", "aliases"):
        problem(await people.carol.get(f"/models/absent/{path}"), 404, "not-found")
        problem(await stranger.get(f"/models/churn/{path}"), 404, "not-found")


async def test_transitions_tell_the_whole_way_newest_first(people: People) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await to_production(people.alice, people.bob, 2)
    items = (await people.carol.get("/models/churn/transitions")).json()["items"]
    assert [(t["number"], t["kind"], t["from"], t["to"], t["actor"]) for t in items] == [
        (1, "succession", "production", "archived", "alice"),
        (2, "promotion", "staging", "production", "alice"),
        (2, "promotion", "none", "staging", "alice"),
        (1, "promotion", "staging", "production", "alice"),
        (1, "promotion", "none", "staging", "alice"),
    ]
    assert [t["id"] for t in items] == sorted((t["id"] for t in items), reverse=True)
    assert {t["reason"] for t in items} == {"It is better."}
    assert all(t["promotion"] and not t["rollback"] for t in items)

    async def ids(**query: object) -> list[int]:
        found = await people.carol.get("/models/churn/transitions", params=query)
        return [t["id"] for t in found.json()["items"]]

    assert await ids(version=1) == [t["id"] for t in items if t["number"] == 1]
    assert await ids(stage="Archived") == [items[0]["id"]]
    page = (await people.carol.get("/models/churn/transitions?limit=2")).json()
    rest = await ids(limit=200, cursor=page["next_cursor"])
    assert [t["id"] for t in page["items"]] + rest == [t["id"] for t in items]
    problem(await people.carol.get("/models/churn/transitions?cursor=zz"), 422, "invalid-request")


async def test_a_deleted_version_leaves_the_archive_but_not_the_past(people: People) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    second = await to_production(people.alice, people.bob, 2)
    deleted = await people.mia.delete(f"{VERSIONS}/1")
    assert deleted.status_code == 204, deleted.text
    now = (await people.carol.get("/models/churn/stages/archived")).json()
    assert now["count"] == 0
    then = await people.carol.get(
        "/models/churn/stages/archived", params={"at": second["ended_at"]}
    )
    assert then.json()["number"] == 1


# --- What PostgreSQL itself refuses ------------------------------------------------------------


async def test_postgresql_refuses_a_second_holder_of_production(people: People, sql: Sql) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await to_staging(people.alice, 2)
    with pytest.raises(psycopg.errors.ExclusionViolation, match="ex_tenures_one_holder"):
        await sql.execute(
            "insert into tenures (id, model_id, version_id, stage, exclusive, held, promotion_id) "
            "select gen_random_uuid(), t.model_id, v.id, 'production', true, "
            "tstzrange(now(), null), t.promotion_id from tenures t, versions v "
            "where t.stage = 'production' and v.number = 2"
        )


async def test_postgresql_refuses_a_version_in_two_stages(people: People, sql: Sql) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    with pytest.raises(psycopg.errors.Error, match=r"ex_tenures_one_stage|uq_tenures_open"):
        await sql.execute(
            "insert into tenures (id, model_id, version_id, stage, exclusive, held, promotion_id) "
            "select gen_random_uuid(), model_id, version_id, 'archived', false, "
            "tstzrange(now(), null), promotion_id from tenures"
        )


@pytest.mark.parametrize("status", ["open", "approved", "rejected"])
async def test_postgresql_refuses_a_tenure_of_a_promotion_that_was_not_applied(
    people: People, sql: Sql, status: str
) -> None:
    await registered(people)
    promotion = await open_promotion(people.alice, 1, "staging")
    ended = "now()" if status == "rejected" else "null"
    await sql.execute(f"update promotions set status = '{status}', ended_at = {ended}")
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="fk_tenures_applied_promotion"):
        await sql.execute(
            "insert into tenures (id, model_id, version_id, stage, exclusive, held, promotion_id) "
            "select gen_random_uuid(), model_id, version_id, 'staging', false, "
            "tstzrange(now(), null), id from promotions where id = %s",
            [promotion["id"]],
        )


async def test_postgresql_keeps_an_applied_promotion_applied(people: People, sql: Sql) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    with pytest.raises(psycopg.errors.RestrictViolation, match="has ended"):
        await sql.execute("update promotions set status = 'cancelled'")


@pytest.mark.parametrize("cause", ["null, null", "gen_random_uuid(), gen_random_uuid()"])
async def test_postgresql_refuses_a_tenure_without_its_one_cause(
    people: People, sql: Sql, cause: str
) -> None:
    await registered(people)
    with pytest.raises(psycopg.errors.CheckViolation, match="one_cause"):
        await sql.execute(
            "insert into tenures (id, model_id, version_id, stage, exclusive, held, promotion_id, "
            "rollback_id) select gen_random_uuid(), model_id, id, 'staging', false, "
            f"tstzrange(now(), null), {cause} from versions"
        )


@pytest.mark.parametrize("table", ["transitions", "reviews", "rollbacks", "alias_changes"])
async def test_postgresql_refuses_to_rewrite_the_past(people: People, sql: Sql, table: str) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await to_production(people.alice, people.bob, 2)
    rolled = await people.mia.post(
        "/models/churn/rollback", {"stage": "production", "reason": "It is broken."}
    )
    assert rolled.status_code == 200, rolled.text
    put = await people.alice.put("/models/churn/aliases/champion", json={"version": 1})
    assert put.status_code == 200, put.text
    column = {"reviews": "comment", "rollbacks": "reason", "transitions": "reason"}
    for statement in (
        f"update {table} set {column.get(table, 'actor')} = 'rewritten'",
        f"delete from {table}",
        f"truncate {table} cascade",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await sql.execute(statement)


async def test_a_clock_that_was_set_back_makes_no_tenure_overlap(people: People, sql: Sql) -> None:
    """As if production had been taken by a server whose clock was an hour ahead."""
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await sql.execute("set session_replication_role = replica")  # past the guards
    await sql.execute(
        "update tenures set held = tstzrange(now() + interval '1 hour', null) where upper_inf(held)"
    )
    await to_production(people.alice, people.bob, 2)
    stages = (await people.carol.get("/models/churn")).json()["stages"]
    assert stages == {"archived": [1], "production": [2]}
