"""Registering: few statements, shared by those who ask together, and nobody's trouble another's."""

import asyncio
from collections import Counter
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import RECIPE, events, make_draft, make_model, make_ready, problem
from tests.versions.test_races import waiting_for_locks
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[object, ...]]
PATH = "/models/churn/versions"


@pytest.mark.parametrize(
    "body", [{}, RECIPE, {**RECIPE, "name": "first", "metrics": {"auc": 1, "tiny": 1e-9}}]
)
@pytest.mark.parametrize("finalize", [False, True])
async def test_the_answer_is_what_a_look_at_the_version_answers(
    admin: Api, team: Team, body: dict[str, Any], finalize: bool
) -> None:
    await make_model(admin)
    alice = await team.person("alice", "contributor")
    made = await alice.post(PATH, {**body, "finalize": finalize})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/api/v1{PATH}/1"
    seen = await alice.get(f"{PATH}/1")
    assert made.json() == seen.json()
    assert list(made.json()) == list(seen.json())
    assert made.headers["etag"] == seen.headers["etag"]
    assert made.headers["content-type"] == seen.headers["content-type"]


async def test_a_version_is_registered_by_one_statement(admin: Api, runtime: Runtime) -> None:
    await make_model(admin)
    for body in (RECIPE, {**RECIPE, "name": "own"}, {**RECIPE, "finalize": True}):
        with statements(runtime) as sent:
            await make_draft(admin, **body)
        assert len(sent) == 1, sent


async def test_a_version_with_a_convention_takes_three_more(admin: Api, runtime: Runtime) -> None:
    await make_model(admin, name_template="{model}-{number}")
    with statements(runtime) as sent:
        await make_draft(admin, finalize=True)
    # one that finds the convention; the model, its next number, the version; twice a look at it
    assert len(sent) <= 6, sent


async def test_a_draft_and_a_ready_version_tell_of_themselves(admin: Api, team: Team) -> None:
    await make_model(admin)
    alice = await team.person("alice", "contributor")
    made = await alice.post(PATH, {"finalize": True}, headers={"X-Request-ID": "the-request"})
    told = await events(admin, model="churn", actor="alice")
    assert [each["action"] for each in told] == ["version.created", "version.ready"]
    assert {each["request_id"] for each in told} == {"the-request"}
    assert {each["subject"] for each in told} == {"version:churn/1"}
    assert told[0]["details"] == {"name": None, "status": "draft"}
    assert told[1]["details"] == {
        "manifest_sha256": made.json()["manifest_sha256"],
        "recipe_sha256": made.json()["recipe_sha256"],
        "files_count": 0,
        "size": 0,
    }
    assert (await admin.get("/models/churn")).json()["latest_version"] == 1


async def test_who_asks_together_shares_statements_and_numbers_have_no_gaps(
    admin: Api, runtime: Runtime
) -> None:
    models = [f"m{number}" for number in range(5)]
    for model in models:
        await make_model(admin, model)
    with statements(runtime) as sent:
        made = await asyncio.gather(
            *(
                admin.post(f"/models/{model}/versions", {"params": {"i": i}, "finalize": i % 2 > 0})
                for i in range(12)
                for model in models
            )
        )
    assert {answer.status_code for answer in made} == {201}
    assert len(sent) < len(made) / 2
    numbers = Counter((each.json()["model"], each.json()["number"]) for each in made)
    assert numbers == Counter((model, n) for model in models for n in range(1, 13))
    told = await events(admin, action="version.created")
    assert Counter((each["model"], each["version"]) for each in told) == numbers
    for model in models:
        shown = (await admin.get(f"/models/{model}/versions/latest")).json()
        assert (await admin.get(f"/models/{model}")).json()["latest_version"] == shown["number"]


async def test_a_name_that_two_give_at_once_is_one_ones(admin: Api) -> None:
    await make_model(admin)
    made = await asyncio.gather(
        *(admin.post(PATH, {"name": name}) for name in ("best", "BEST", "Best", "other"))
    )
    assert sorted(answer.status_code for answer in made) == [201, 201, 409, 409]
    listed = (await admin.get(PATH)).json()["items"]
    assert [each["number"] for each in listed] == [2, 1]


async def test_a_model_that_somebody_holds_keeps_nobody_from_another(
    admin: Api, sql: Sql, superuser_url: str
) -> None:
    for model in ("held", "free"):
        await make_model(admin, model)
    async with await psycopg.AsyncConnection.connect(superuser_url) as holder:
        await holder.execute(
            "select from model_counters c join models m on m.id = c.model_id "
            "where m.name = 'held' for update of c"
        )
        waiting = [
            asyncio.create_task(admin.post("/models/held/versions", {"seed": seed}))
            for seed in range(3)
        ]
        await eventually(lambda: _anybody_waits(sql), what="somebody to wait for the model")
        for number in range(1, 4):
            assert (await make_draft(admin, "free"))["number"] == number
        assert not any(each.done() for each in waiting)
        await holder.rollback()
    made = await asyncio.gather(*waiting)
    assert sorted(each.json()["number"] for each in made) == [1, 2, 3]


async def _anybody_waits(sql: Sql) -> bool:
    return await waiting_for_locks(sql) >= 1


async def test_what_postgresql_refuses_of_one_is_no_failure_of_the_others(
    admin: Api, superuser_url: str
) -> None:
    await make_model(admin)
    async with await psycopg.AsyncConnection.connect(superuser_url, autocommit=True) as owner:
        await owner.execute(
            "create function refuse_cursed() returns trigger language plpgsql as "
            "$$ begin raise exception 'cursed'; end $$"
        )
        await owner.execute(
            "create trigger refuse_cursed before insert on versions for each row "
            "when (new.description = 'cursed') execute function refuse_cursed()"
        )
        try:
            texts = ["fine", "cursed", "fine", "fine", "cursed", "fine"]
            made = await asyncio.gather(
                *(admin.post(PATH, {"description": text}) for text in texts)
            )
        finally:
            await owner.execute("drop trigger refuse_cursed on versions")
            await owner.execute("drop function refuse_cursed()")
    assert [each.status_code for each in made] == [
        500 if text == "cursed" else 201 for text in texts
    ]
    listed = (await admin.get(PATH)).json()["items"]
    assert [each["number"] for each in listed] == [4, 3, 2, 1]


async def test_what_the_statement_cannot_do_is_told_as_ever(admin: Api, team: Team) -> None:
    problem(await admin.post("/models/nowhere/versions", {}), 404, "not-found")
    await make_model(admin)
    await make_ready(admin)
    reader = await team.person("rita", "reader")
    problem(await reader.post(PATH, {}), 403, "not-allowed")
    problem(await admin.post(PATH, {"params": 7}), 422, "invalid-request")
    problem(await admin.post(PATH, {"unknown": 7}), 422, "invalid-request")
    problem(await admin.post(PATH, {"name": "Staging"}), 409, "version-name-taken")
    with_parent = await make_draft(admin, parents=[{"model": "churn", "version": 1}])
    assert with_parent["parents"] == [{"model": "churn", "version": 1}]
