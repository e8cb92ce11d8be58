"""Lists of promotions, and the reviewer's inbox."""

from typing import Any

import psycopg

from tests.actors import Api, Team
from tests.factories import make_model, make_ready, problem
from tests.promotions.acting import (
    People,
    approve,
    ask,
    open_promotion,
    registered,
    say,
    to_production,
    to_staging,
)
from tests.promotions.test_reviews import set_policy

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def listed(api: Api, **query: Any) -> list[str]:
    found = await api.get("/promotions", params=query)
    assert found.status_code == 200, found.text
    return [item["id"] for item in found.json()["items"]]


async def test_they_are_listed_newest_first_and_narrowed(people: People) -> None:
    await registered(people, 2)
    first = await to_production(people.alice, people.bob, 1)
    staged = await to_staging(people.alice, 2)
    second = await open_promotion(people.dan, 2, "production")
    ids = await listed(people.carol)
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 4
    assert await listed(people.carol, to="PRODUCTION") == [second["id"], first["id"]]
    assert await listed(people.carol, status="open") == [second["id"]]
    assert await listed(people.carol, status=["open", "applied"]) == ids
    assert await listed(people.carol, requested_by="dan") == [second["id"]]
    assert await listed(people.carol, model="churn") == ids
    assert await listed(people.carol, model="other") == []
    assert staged["id"] in ids
    problem(await people.carol.get("/promotions?status=done"), 422, "invalid-request")


async def test_pages_go_on_where_they_stopped(people: People) -> None:
    await registered(people, 5)
    for number in range(1, 6):
        await open_promotion(people.alice, number, "staging")
    seen: list[str] = []
    path: str | None = "/promotions?limit=2"
    while path:
        page = await people.carol.get(path)
        seen += [item["id"] for item in page.json()["items"]]
        link = page.headers.get("link")
        assert (link is None) == (page.json()["next_cursor"] is None)
        path = link.partition(">")[0].removeprefix("</api/v1") if link else None
        await ask(people.dan, 1, "archived") if len(seen) == 2 else None
    assert len(seen) == len(set(seen)) == 5
    problem(await people.carol.get("/promotions?cursor=abc"), 422, "invalid-request")


async def test_only_visible_models_are_listed(people: People, team: Team) -> None:
    await registered(people)
    await make_model(people.admin, "secret")
    await make_ready(people.admin, "secret")
    hidden = await people.admin.post(
        "/models/secret/versions/1/promotions", {"to": "staging", "reason": "Try it."}
    )
    shown = await open_promotion(people.alice, 1, "staging")
    eve = await team.person("eve", "reviewer", models="chu*")
    assert await listed(eve) == [shown["id"]]
    assert hidden.json()["id"] in await listed(people.admin)
    nobody = await team.person("nobody")
    assert await listed(nobody) == []
    assert await listed(nobody, reviewable=True) == []


async def test_the_inbox_holds_what_an_approval_would_bring_further(people: People) -> None:
    await registered(people, 2)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.dan, 1, "production")
    await open_promotion(people.alice, 2, "staging")  # needs no approval
    for api, found in (
        (people.bob, [promotion["id"]]),
        (people.mia, [promotion["id"]]),
        (people.admin, [promotion["id"]]),
        (people.alice, []),  # who wrote it
        (people.dan, []),
        (people.carol, []),
        (people.ci, []),
    ):
        assert await listed(api, reviewable=True) == found, api.name
    assert await listed(people.bob, reviewable=True, model="other") == []
    assert await listed(people.bob, reviewable=True, to="production") == [promotion["id"]]
    await approve(people.bob, promotion)
    assert await listed(people.mia, reviewable=True) == []
    await say(people.bob, promotion, "withdraw")
    assert await listed(people.bob, reviewable=True) == [promotion["id"]]


async def test_the_inbox_of_a_token_that_may_not_review_is_empty(
    people: People, team: Team
) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    await open_promotion(people.alice, 1, "production")
    assert await listed(await team.token("bob", ["write"]), reviewable=True) == []
    assert len(await listed(await team.token("bob", ["review"]), reviewable=True)) == 1


async def test_the_inbox_knows_the_rule_that_is_still_missing(people: People, sql: Sql) -> None:
    await people.admin.post("/groups", {"name": "risk"})
    await people.admin.put("/groups/risk/members/bob")
    await set_policy(
        sql, approvals=[{"count": 1, "groups": ["risk"]}, {"count": 1, "roles": ["maintainer"]}]
    )
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    assert await listed(people.bob, reviewable=True) == [promotion["id"]]
    assert await listed(people.mia, reviewable=True) == [promotion["id"]]
    await approve(people.mia, promotion)
    assert await listed(people.mia, reviewable=True) == []
    assert await listed(people.admin, reviewable=True) == []
    assert await listed(people.bob, reviewable=True) == [promotion["id"]]


async def test_the_inbox_has_pages(people: People) -> None:
    await registered(people, 3)
    for number in (1, 2, 3):
        await to_staging(people.alice, number)
        await open_promotion(people.alice, number, "production")
    first = (await people.bob.get("/promotions?reviewable=true&limit=2")).json()
    assert len(first["items"]) == 2
    rest = await listed(people.bob, reviewable=True, limit=2, cursor=first["next_cursor"])
    assert len(rest) == 1
    assert rest[0] not in [item["id"] for item in first["items"]]


async def test_odd_values_are_answered_with_a_problem(people: People) -> None:
    for field in ("model", "to", "requested_by", "cursor"):
        for value in ("%00", "%F0%9F%98%80", "' or 1=1 --", "%25", "x" * 100):
            found = await people.bob.get(f"/promotions?{field}={value}")
            assert found.status_code in (200, 422), found.text
            inbox = await people.bob.get(f"/promotions?reviewable=true&{field}={value}")
            assert inbox.status_code in (200, 422), inbox.text
