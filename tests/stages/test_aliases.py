"""Aliases: what they point at, and what they pointed at before."""

import asyncio
import json
from typing import Any

import psycopg
import pytest

from tests.actors import Api
from tests.factories import events, make_draft, make_model, make_ready, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    registered,
    to_production,
    to_staging,
)

Sql = psycopg.AsyncConnection[tuple[object, ...]]
ALIASES = "/models/churn/aliases"


async def point(api: Api, alias: str, version: Any, **headers: str) -> Any:
    path = f"{ALIASES}/{alias}"
    return await api.put(path, json={"version": version}, headers=headers)


async def protect(sql: Sql, *aliases: str) -> None:
    await sql.execute(
        "insert into policy_revisions (body, created_by) select "
        "jsonb_set(body, '{protected_aliases}', %s), 'test' from policy_revisions "
        "where revision = 1",
        [json.dumps(aliases)],
    )


async def test_an_alias_points_at_a_version_and_is_resolved(people: People) -> None:
    await registered(people, 2)
    made = await point(people.dan, "champion", 1)
    assert made.status_code == 200, made.text
    body = made.json()
    assert (body["alias"], body["number"], body["set_by"]) == ("champion", 1, "dan")
    assert body["is_stage"] is False
    found = await people.carol.get(f"{ALIASES}/champion")
    assert found.json() == body
    assert found.headers["etag"] == made.headers["etag"]
    assert (await people.carol.get(f"{VERSIONS}/@champion")).json()["number"] == 1
    await point(people.dan, "champion", 2)
    assert (await people.carol.get(f"{VERSIONS}/@champion")).json()["number"] == 2
    assert (await people.carol.get(f"{VERSIONS}/2")).json()["aliases"] == ["champion"]
    assert (await people.carol.get("/models/churn")).json()["aliases"] == {"champion": 2}
    problem(await people.carol.get(f"{ALIASES}/Champion"), 404, "not-found")
    problem(await people.carol.get(f"{VERSIONS}/@Champion"), 404, "not-found")


async def test_a_version_is_named_by_number_or_name(people: People) -> None:
    await make_model(people.admin)
    await make_ready(people.alice, name="autumn")
    version: Any
    for version in (1, "1", "autumn", "AUTUMN"):
        assert (await point(people.dan, "champion", version)).json()["name"] == "autumn"
    for version in (2, "nope", "latest", "@champion", "production", 0, None, True, ""):
        body = problem(await point(people.dan, "champion", version), 422, "invalid-request")
        assert body["errors"][0]["pointer"] == "/version"


async def test_the_history_is_kept_also_of_one_that_was_removed(people: People) -> None:
    await registered(people, 2)
    await point(people.dan, "champion", 1)
    await point(people.alice, "champion", 2)
    await point(people.alice, "champion", 2)
    assert (await people.dan.delete(f"{ALIASES}/champion")).status_code == 204
    problem(await people.dan.delete(f"{ALIASES}/champion"), 404, "not-found")
    problem(await people.carol.get(f"{ALIASES}/champion"), 404, "not-found")
    items = (await people.carol.get(f"{ALIASES}/champion/history")).json()["items"]
    assert [(c["from"], c["to"], c["by"]) for c in items] == [
        (2, None, "dan"),
        (1, 2, "alice"),
        (None, 1, "dan"),
    ]
    page = (await people.carol.get(f"{ALIASES}/champion/history?limit=2")).json()
    rest = await people.carol.get(f"{ALIASES}/champion/history?cursor={page['next_cursor']}")
    assert page["items"] + rest.json()["items"] == items
    assert (await people.carol.get(f"{ALIASES}/other/history")).json()["items"] == []
    told = [
        (e["action"], e["version"], e["details"])
        for e in await events(people.admin, model="churn")
        if e["subject"] == "alias:churn/champion"
    ]
    assert told == [
        ("alias.set", 1, {"from": None, "to": 1}),
        ("alias.set", 2, {"from": 1, "to": 2}),
        ("alias.removed", 2, {"from": 2, "to": None}),
    ]


async def test_aliases_are_listed_by_name(people: People) -> None:
    await registered(people)
    for name in ("shadow", "baseline", "champion"):
        await point(people.dan, name, 1)
    page = (await people.carol.get(f"{ALIASES}?limit=2")).json()
    assert [a["alias"] for a in page["items"]] == ["baseline", "champion"]
    rest = (await people.carol.get(f"{ALIASES}?cursor={page['next_cursor']}")).json()
    assert [a["alias"] for a in rest["items"]] == ["shadow"]
    assert rest["next_cursor"] is None


async def test_only_ready_versions_that_were_not_recalled_have_aliases(people: People) -> None:
    await registered(people)
    await make_draft(people.alice)
    body = problem(await point(people.dan, "champion", 2), 409, "version-unusable")
    assert "draft" in body["detail"]
    await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    body = problem(await point(people.dan, "champion", 1), 409, "version-unusable")
    assert "recalled" in body["detail"]


async def test_a_version_with_an_alias_cannot_be_deleted(people: People) -> None:
    await registered(people)
    await point(people.dan, "champion", 1)
    problem(await people.mia.delete(f"{VERSIONS}/1"), 409, "version-in-use")
    await people.dan.delete(f"{ALIASES}/champion")
    assert (await people.mia.delete(f"{VERSIONS}/1")).status_code == 204
    problem(await point(people.dan, "champion", 1), 422, "invalid-request")


@pytest.mark.parametrize("name", ["production", "Production", "staging", "archived", "none"])
async def test_an_alias_that_bears_a_stages_name_cannot_be_set(people: People, name: str) -> None:
    await registered(people)
    for answer in (
        await point(people.admin, name, 1),
        await people.admin.delete(f"{ALIASES}/{name}"),
    ):
        body = problem(answer, 409, "alias-is-stage")
        assert "promotions" in body["detail"]


async def test_an_alias_that_bears_a_stages_name_means_its_holder(people: People) -> None:
    await registered(people, 3)
    problem(await people.carol.get(f"{ALIASES}/production"), 404, "not-found")
    await to_production(people.alice, people.bob, 1)
    found = await people.carol.get(f"{ALIASES}/Production")
    assert (found.json()["number"], found.json()["is_stage"]) == (1, True)
    assert (await people.carol.get(f"{VERSIONS}/@production")).json()["number"] == 1
    await to_staging(people.alice, 2)
    assert (await people.carol.get(f"{ALIASES}/staging")).json()["number"] == 2
    tag = found.headers["etag"]
    headers = {"If-None-Match": tag}
    same = await people.carol.get(f"{ALIASES}/Production", headers=headers)
    assert same.status_code == 304
    await to_production(people.alice, people.bob, 3)
    changed = await people.carol.get(f"{ALIASES}/Production", headers=headers)
    assert changed.json()["number"] == 3


@pytest.mark.parametrize(
    "name", ["latest", "LATEST", "v1", "V12", "1st", "-x", "a b", "a" * 65, "ä", "a.b"]
)
async def test_a_name_that_an_alias_may_not_have_is_a_422(people: People, name: str) -> None:
    await registered(people)
    body = problem(await point(people.admin, name, 1), 422, "invalid-request")
    assert body["errors"][0]["pointer"] == "alias"
    assert (await people.admin.get(ALIASES)).json()["items"] == []
    problem(await people.admin.get(f"{ALIASES}/{name}"), 404, "not-found")
    history = await people.admin.get(f"{ALIASES}/{name}/history")
    assert history.status_code in (200, 404)


@pytest.mark.parametrize("name", ["v", "v1x", "latest-1", "A" * 64, "a_b-c"])
async def test_names_that_are_close_to_reserved_ones(people: People, name: str) -> None:
    await registered(people)
    assert (await point(people.dan, name, 1)).status_code == 200


async def test_readers_do_not_set_aliases(people: People) -> None:
    await registered(people)
    problem(await point(people.carol, "champion", 1), 403, "not-allowed")
    await point(people.dan, "champion", 1)
    problem(await people.carol.delete(f"{ALIASES}/champion"), 403, "not-allowed")


async def test_a_protected_alias_takes_a_maintainer(people: People, sql: Sql) -> None:
    await registered(people, 2)
    await point(people.dan, "champion", 1)
    await protect(sql, "champion")
    for answer in (
        await point(people.bob, "champion", 2),
        await people.dan.delete(f"{ALIASES}/champion"),
    ):
        assert "maintainer" in problem(answer, 403, "not-allowed")["detail"]
    assert (await point(people.bob, "shadow", 2)).status_code == 200
    assert (await point(people.mia, "champion", 2)).status_code == 200
    assert (await people.mia.delete(f"{ALIASES}/champion")).status_code == 204


async def test_if_match_is_honoured(people: People) -> None:
    await registered(people, 2)
    absent = await point(people.dan, "champion", 1, **{"If-Match": '"r1"'})
    problem(absent, 412, "stale-revision")
    first = (await point(people.dan, "champion", 1)).headers["etag"]
    second = await point(people.dan, "champion", 2, **{"If-Match": first})
    assert second.status_code == 200
    problem(await point(people.dan, "champion", 1, **{"If-Match": first}), 412, "stale-revision")
    path = f"{ALIASES}/champion"
    stale = await people.dan.delete(path, headers={"If-Match": first})
    problem(stale, 412, "stale-revision")
    gone = await people.dan.delete(path, headers={"If-Match": second.headers["etag"]})
    assert gone.status_code == 204
    again = await point(people.dan, "champion", 1)
    assert again.headers["etag"] not in (first, second.headers["etag"])


async def test_of_ten_that_swap_at_once_one_does(people: People) -> None:
    await registered(people, 2)
    tag = (await point(people.dan, "champion", 1)).headers["etag"]
    answers = await asyncio.gather(
        *(point(people.dan, "champion", 2, **{"If-Match": tag}) for _ in range(10))
    )
    assert sorted(a.status_code for a in answers) == [200] + [412] * 9


async def test_ten_that_make_one_at_once_make_one(people: People, sql: Sql) -> None:
    await registered(people)
    answers = await asyncio.gather(*(point(people.dan, "champion", 1) for _ in range(10)))
    assert {a.status_code for a in answers} == {200}
    found = await sql.execute("select count(*) from alias_changes")
    assert await found.fetchone() == (1,)


async def test_the_etags_of_model_and_versions_change_with_an_alias(people: People) -> None:
    await registered(people, 2)
    paths = ["/models/churn", f"{VERSIONS}/1", f"{VERSIONS}/2"]

    async def tags() -> list[str]:
        return [(await people.carol.get(path)).headers["etag"] for path in paths]

    fresh = await tags()
    await point(people.dan, "champion", 1)
    made = await tags()
    await point(people.dan, "champion", 2)
    moved = await tags()
    await people.dan.delete(f"{ALIASES}/champion")
    removed = await tags()
    changed = [
        [a != b for a, b in zip(x, y, strict=True)]
        for x, y in ((fresh, made), (made, moved), (moved, removed))
    ]
    assert changed == [[True, True, False], [True, True, True], [True, False, True]]
