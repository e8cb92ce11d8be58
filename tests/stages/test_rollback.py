"""Returning a stage to an earlier holder."""

import asyncio
from typing import Any

import psycopg
import pytest

from app.stages.rules import Candidate, NobodyToReturn, choose
from tests.actors import Api
from tests.factories import events, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    approve,
    ask,
    look,
    open_promotion,
    registered,
    stage_of,
    to_production,
    to_staging,
)
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[object, ...]]
PATH = "/models/churn/rollback"


async def roll_back(api: Api, **fields: Any) -> Any:
    return await api.post(PATH, {"stage": "production", "reason": "It is broken.", **fields})


async def in_production_one_after_another(people: People, count: int) -> None:
    await registered(people, count)
    for number in range(1, count + 1):
        await to_production(people.alice, people.bob, number)


async def stages(people: People) -> dict[str, list[int]]:
    return dict((await people.carol.get("/models/churn")).json()["stages"])


async def test_the_version_before_returns_and_the_other_is_archived(people: People) -> None:
    await in_production_one_after_another(people, 2)
    done = await roll_back(people.mia)
    assert done.status_code == 200, done.text
    body = done.json()
    assert (body["stage"], body["number"], body["rolled_back"]) == ("production", 1, 2)
    assert (body["by"], body["reason"]) == ("mia", "It is broken.")
    assert await stages(people) == {"archived": [2], "production": [1]}
    items = (await people.carol.get("/models/churn/transitions")).json()["items"][:2]
    assert {(t["number"], t["kind"], t["from"], t["to"]) for t in items} == {
        (1, "rollback", "archived", "production"),
        (2, "rollback", "production", "archived"),
    }
    assert {t["rollback"] for t in items} == {body["id"]}
    assert {t["promotion"] for t in items} == {None}
    held = (await people.carol.get("/models/churn/stages/production")).json()
    assert (held["number"], held["rollback"], held["promotion"]) == (1, body["id"], None)
    then = await people.carol.get("/models/churn/stages/production", params={"at": held["since"]})
    assert then.json()["number"] == 1
    told = [e["action"] for e in await events(people.admin, model="churn")][-3:]
    assert told == ["stage.rolled_back", "version.moved", "version.moved"]


async def test_a_rollback_of_a_rollback_goes_one_more_step_back(people: People) -> None:
    await in_production_one_after_another(people, 3)
    assert (await roll_back(people.mia)).json()["number"] == 2
    assert (await roll_back(people.mia)).json()["number"] == 1
    body = problem(await roll_back(people.mia), 409, "cannot-roll-back")
    assert "not rolled back" in body["detail"]
    assert body["alternatives"] == [2, 3]
    assert await stages(people) == {"archived": [2, 3], "production": [1]}
    assert (await roll_back(people.mia, to=3)).json()["number"] == 3
    body = problem(await roll_back(people.mia), 409, "cannot-roll-back")
    assert sorted(body["alternatives"]) == [1, 2]


async def test_what_was_promoted_anew_was_not_rolled_back(people: People) -> None:
    await in_production_one_after_another(people, 2)
    await roll_back(people.mia)
    await to_production(people.alice, people.bob, 2)
    await registered_more(people)
    await to_production(people.alice, people.bob, 3)
    assert (await roll_back(people.mia)).json()["number"] == 2


async def registered_more(people: People) -> None:
    made = await people.alice.post(VERSIONS, {"finalize": True})
    assert made.status_code == 201


async def test_it_takes_a_maintainer(people: People) -> None:
    await in_production_one_after_another(people, 2)
    for api in (people.carol, people.dan, people.bob, people.ci):
        problem(await roll_back(api), 403, "not-allowed")
    assert await stages(people) == {"archived": [1], "production": [2]}


async def test_an_empty_stage_gets_its_last_holder_back(people: People) -> None:
    await in_production_one_after_another(people, 2)
    await ask(people.mia, 2, "archived", apply=True)
    done = (await roll_back(people.mia, expected_incumbent=None)).json()
    assert (done["number"], done["rolled_back"]) == (2, None)


async def test_what_was_recalled_or_deleted_does_not_return(people: People) -> None:
    await in_production_one_after_another(people, 4)
    await people.mia.post(f"{VERSIONS}/3/recall", {"reason": "Bad data."})
    assert (await people.mia.delete(f"{VERSIONS}/2")).status_code == 204
    for to in (None, 3, 2):
        fields = {} if to is None else {"to": to}
        body = problem(await roll_back(people.mia, **fields), 409, "cannot-roll-back")
        assert body["alternatives"] == [1]
        assert "recalled or deleted" in body["detail"]
    assert (await roll_back(people.mia, to=1)).json()["number"] == 1


async def test_only_who_held_it_by_an_approved_promotion_is_named(people: People) -> None:
    await in_production_one_after_another(people, 1)
    await registered_more(people)
    await registered_more(people)
    for to in (2, 9, "nope"):
        body = problem(await roll_back(people.mia, to=to), 409, "cannot-roll-back")
        assert "has not held it" in body["detail"]
    await to_staging(people.alice, 2)
    forced = await open_promotion(people.alice, 2, "production")
    override = {"reason": "The reviewers are away."}
    await people.admin.post(f"/promotions/{forced['id']}/override", override)
    await to_production(people.alice, people.bob, 3)
    body = problem(await roll_back(people.mia, to=2), 409, "cannot-roll-back")
    assert "approved promotion" in body["detail"]
    assert body["alternatives"] == [1]


async def test_the_holder_itself_cannot_return(people: People) -> None:
    await in_production_one_after_another(people, 1)
    body = problem(await roll_back(people.mia), 409, "cannot-roll-back")
    assert body["alternatives"] == []
    problem(await roll_back(people.mia, to=1), 409, "cannot-roll-back")


async def test_a_version_is_named_by_its_name_too(people: People) -> None:
    await registered(people)
    made = await people.alice.post(VERSIONS, {"finalize": True, "name": "autumn"})
    assert made.status_code == 201
    await to_production(people.alice, people.bob, 2)
    await to_production(people.alice, people.bob, 1)
    done = (await roll_back(people.mia, to="Autumn")).json()
    assert (done["number"], done["name"]) == (2, "autumn")


async def test_it_compares_the_incumbent(people: People) -> None:
    await in_production_one_after_another(people, 3)
    body = problem(await roll_back(people.mia, expected_incumbent=2), 409, "incumbent-changed")
    assert body["incumbent"] == 3
    problem(await roll_back(people.mia, expected_incumbent=None), 409, "incumbent-changed")
    assert (await roll_back(people.mia, expected_incumbent=3)).json()["number"] == 2
    problem(await roll_back(people.mia, expected_incumbent=3), 409, "incumbent-changed")


async def test_two_operators_at_once_go_back_one_step(people: People) -> None:
    await in_production_one_after_another(people, 3)
    answers = await asyncio.gather(*(roll_back(people.mia, expected_incumbent=3) for _ in range(5)))
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409, 409]
    assert (await stages(people))["production"] == [2]


async def test_two_at_once_who_compare_nothing_go_back_one_step_too(
    people: People, sql: Sql
) -> None:
    """Both have looked at the stage before either gets the model."""
    await in_production_one_after_another(people, 3)
    async with sql.transaction():
        await sql.execute("select from model_counters for update")
        both = [asyncio.create_task(roll_back(people.mia)) for _ in range(2)]

        async def both_wait() -> bool:
            found = await sql.execute("select count(distinct pid) from pg_locks where not granted")
            return (await found.fetchone()) == (2,)

        await eventually(both_wait, what="both to wait for the model")
    answers = await asyncio.gather(*both)
    assert sorted(a.status_code for a in answers) == [200, 409]
    for answer in answers:
        if answer.status_code == 409:
            assert problem(answer, 409, "incumbent-changed")["incumbent"] == 2
    assert (await stages(people))["production"] == [2]


async def test_a_rollback_against_an_apply_has_one_outcome(people: People) -> None:
    await in_production_one_after_another(people, 2)
    await registered_more(people)
    await to_staging(people.alice, 3)
    promotion = await open_promotion(people.alice, 3, "production")
    await approve(people.bob, promotion)
    rolled, applied = await asyncio.gather(
        roll_back(people.mia, expected_incumbent=2),
        people.ci.post(f"/promotions/{promotion['id']}/apply"),
    )
    assert sorted([rolled.status_code, applied.status_code]) == [200, 409]
    expected = ([1], "superseded") if rolled.status_code == 200 else ([3], "applied")
    shown = await look(people.alice, promotion)
    assert ((await stages(people))["production"], shown["status"]) == expected


async def test_a_rollback_supersedes_and_voids_what_is_open(people: People) -> None:
    await in_production_one_after_another(people, 2)
    await registered_more(people)
    await to_staging(people.alice, 3)
    wants = await open_promotion(people.alice, 3, "production")
    returns = await open_promotion(people.alice, 1, "staging")
    leaves = await open_promotion(people.mia, 2, "archived")
    await roll_back(people.mia)
    assert [(await look(people.mia, p))["status"] for p in (wants, returns, leaves)] == [
        "superseded",
        "voided",
        "voided",
    ]


async def test_what_cannot_be_rolled_back(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    problem(await roll_back(people.mia, stage="staging"), 409, "stage-not-exclusive")
    problem(await roll_back(people.mia, stage="canary"), 404, "not-found")
    problem(await roll_back(people.mia), 409, "cannot-roll-back")
    assert await stage_of(people.carol, 1) == "staging"


@pytest.mark.parametrize(
    "fields",
    [{"reason": ""}, {"reason": "  "}, {"to": 0}, {"to": True}, {"to": 1.5}, {"to": []},
     {"expected_incumbent": "3"}, {"force": True}, {"stage": 1}],
)  # fmt: skip
async def test_a_malformed_rollback_is_a_422(people: People, fields: dict[str, Any]) -> None:
    await registered(people)
    problem(await roll_back(people.mia, **fields), 422, "invalid-request")


# --- The rule ----------------------------------------------------------------------------------


def candidate(number: int, **fields: bool) -> Candidate:
    defaults = {"usable": True, "rolled_back": False, "was_approved": True}
    return Candidate(number, f"v-{number}", **{**defaults, **fields})


@pytest.mark.parametrize(
    ("candidates", "to", "chosen"),
    [
        ([candidate(2), candidate(1)], None, 2),
        ([candidate(2, rolled_back=True), candidate(1)], None, 1),
        ([candidate(2, rolled_back=True), candidate(1)], 2, 2),
        ([candidate(2), candidate(1)], 1, 1),
        ([candidate(2), candidate(1)], "V-1", 1),
        ([candidate(2, was_approved=False), candidate(1)], None, 2),
    ],
)
def test_who_returns(candidates: list[Candidate], to: int | str | None, chosen: int) -> None:
    assert choose(candidates, to).number == chosen


@pytest.mark.parametrize(
    ("candidates", "to", "alternatives"),
    [
        ([], None, []),
        ([candidate(1, rolled_back=True)], None, [1]),
        ([candidate(2, usable=False), candidate(1)], None, [1]),
        ([candidate(2, usable=False), candidate(1)], 2, [1]),
        ([candidate(2, was_approved=False), candidate(1)], 2, [1]),
        ([candidate(1)], 7, [1]),
        ([candidate(1)], "1", [1]),
    ],
)
def test_nobody_returns(
    candidates: list[Candidate], to: int | str | None, alternatives: list[int]
) -> None:
    with pytest.raises(NobodyToReturn) as refusal:
        choose(candidates, to)
    assert refusal.value.alternatives == alternatives
