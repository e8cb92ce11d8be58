"""Failures that other registries are known for, each shown not to happen here."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest

from tests.actors import Api
from tests.factories import events, make_model, make_ready, problem
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
DATA = b"what was approved"
V = f"{VERSIONS}/1"


async def with_a_file(people: People) -> dict[str, Any]:
    """A version with a file, approved for production."""
    await make_model(people.admin)
    await people.alice.post(VERSIONS, {"metrics": {"auc": 0.9}})
    await people.alice.put(f"{V}/files/model.bin", content=DATA)
    assert (await people.alice.post(f"{V}/finalize")).status_code == 200
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    return promotion


async def puts(api: Api) -> httpx.Response:
    return await api.put(f"{V}/files/model.bin", content=b"something else")


async def adds(api: Api) -> httpx.Response:
    return await api.put(f"{V}/files/more.bin", content=b"more")


async def removes(api: Api) -> httpx.Response:
    return await api.delete(f"{V}/files/model.bin")


async def uploads(api: Api) -> httpx.Response:
    sha256 = hashlib.sha256(b"more").hexdigest()
    files = [{"path": "more.bin", "size": 4, "sha256": sha256}]
    return await api.post(f"{V}/uploads", {"files": files})


async def edits(api: Api) -> httpx.Response:
    return await api.patch(V, {"metrics": {"auc": 0.99}})


async def renames(api: Api) -> httpx.Response:
    return await api.patch(V, {"name": "another"})


@pytest.mark.parametrize("is_applied", [False, True], ids=["approved", "applied"])
async def test_the_files_of_an_approved_release_do_not_change(
    people: People, is_applied: bool
) -> None:
    promotion = await with_a_file(people)
    if is_applied:
        assert (await apply(people.alice, promotion)).status_code == 200
    before = (await people.carol.get(V)).json()
    for change in (puts, adds, removes, uploads, edits, renames):
        for actor in (people.alice, people.mia, people.admin):
            answer = await change(actor)
            assert answer.status_code == 409, (change.__name__, answer.text)
    assert (await people.carol.get(V)).json() == before
    assert (await people.carol.get(f"{V}/files/model.bin")).content == DATA
    manifest = (await people.carol.get(f"{V}/manifest")).json()
    line = f"{hashlib.sha256(DATA).hexdigest()}  model.bin\n"
    assert manifest["manifest_sha256"] == hashlib.sha256(line.encode()).hexdigest()
    assert manifest["manifest_sha256"] == (await look(people.bob, promotion))["manifest_sha256"]


@pytest.mark.parametrize(
    "change",
    [
        "update version_files set path = 'other'",
        "delete from version_files",
        "update versions set manifest_sha256 = sha256('other')",
        "update versions set recipe_sha256 = sha256('other')",
        "update versions set status = 'draft'",
        "update reviews set decision = 'reject'",
        "delete from reviews",
    ],
)
async def test_not_even_the_database_rewrites_what_was_approved(
    people: People, sql: Sql, change: str
) -> None:
    await with_a_file(people)
    with pytest.raises(psycopg.errors.RestrictViolation):
        await sql.execute(change)  # type: ignore[arg-type]


async def test_reviews_count_for_one_model_only_also_where_versions_bear_the_same_name(
    people: People,
) -> None:
    both = []
    for model in ("churn", "fraud"):
        await make_model(people.admin, model)
        path = f"/models/{model}/versions"
        await make_ready(people.alice, model, name="autumn")
        ask = {"to": "staging", "reason": "Try it.", "apply": True}
        assert (await people.alice.post(f"{path}/autumn/promotions", ask)).status_code == 201
        ask = {"to": "production", "reason": "It is better."}
        both.append((await people.alice.post(f"{path}/autumn/promotions", ask)).json())
    first, second = both
    assert first["manifest_sha256"] == second["manifest_sha256"]
    assert first["recipe_sha256"] == second["recipe_sha256"]
    await approve(people.bob, first)
    assert (await look(people.bob, first))["status"] == "approved"
    shown = await look(people.bob, second)
    assert (shown["status"], shown["approvals"]["given"], shown["reviews"]) == ("open", 0, [])
    problem(await apply(people.alice, second), 409, "promotion-not-approved")


@asynccontextmanager
async def failing(sql: Sql, table: str, verb: str) -> AsyncIterator[None]:
    """PostgreSQL refuses to write to this table meanwhile."""
    await sql.execute(
        "create function refuse() returns trigger language plpgsql as "
        "$$ begin raise 'the disk is full' using errcode = '53100'; end $$"
    )
    await sql.execute(
        f"create trigger zz_refuse before {verb} on {table} execute function refuse()"
    )
    try:
        yield
    finally:
        await sql.execute(f"drop trigger zz_refuse on {table}")
        await sql.execute("drop function refuse()")


async def state(people: People, promotion: dict[str, Any]) -> dict[str, Any]:
    """All that a review, an application or a rollback changes."""
    return {
        "promotion": await look(people.admin, promotion),
        "model": (await people.admin.get("/models/churn")).json(),
        "transitions": (await people.admin.get("/models/churn/transitions")).json()["items"],
        "events": len(await events(people.admin, model="churn")),
    }


async def reviews(people: People, promotion: dict[str, Any]) -> httpx.Response:
    return await say(people.mia, promotion, "approve")


async def applies(people: People, promotion: dict[str, Any]) -> httpx.Response:
    return await apply(people.alice, promotion)


@pytest.mark.parametrize(
    ("does", "table", "verb"),
    [
        (reviews, "reviews", "insert"),
        (reviews, "promotions", "update"),
        (reviews, "events", "insert"),
        (applies, "promotions", "update"),
        (applies, "tenures", "insert"),
        (applies, "transitions", "insert"),
        (applies, "events", "insert"),
        (applies, "model_counters", "update"),
    ],
)
async def test_what_fails_half_way_has_not_happened_at_all(
    people: People,
    sql: Sql,
    does: Callable[[People, dict[str, Any]], Awaitable[httpx.Response]],
    table: str,
    verb: str,
) -> None:
    """A review without its event, an event without its review, a status that neither explains."""
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    before = await state(people, promotion)
    async with failing(sql, table, verb):
        answer = await does(people, promotion)
        assert answer.status_code >= 500, answer.text
    assert await state(people, promotion) == before
    answer = await does(people, promotion)
    assert answer.is_success, answer.text
    after = await state(people, promotion)
    assert after["events"] > before["events"]
    assert await stage_of(people.carol, 1) == ("production" if does is applies else "staging")


async def test_every_review_has_its_event_and_its_revision_of_the_promotion(
    people: People,
) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    tags = [(await people.bob.get(f"/promotions/{promotion['id']}")).headers["etag"]]
    for decision in ("comment", "approve", "withdraw", "approve"):
        await say(people.bob, promotion, decision)
        tags.append((await people.bob.get(f"/promotions/{promotion['id']}")).headers["etag"])
    assert len(set(tags)) == len(tags)
    told = await events(people.admin, action="promotion.reviewed")
    assert [e["details"]["review"] for e in told] == [
        each["id"] for each in (await look(people.bob, promotion))["reviews"]
    ]
    assert {e["actor"] for e in told} == {"bob"}


@pytest.mark.parametrize("role", ["reviewer", "maintainer", "admin"])
async def test_whoever_created_it_does_not_approve_it_whatever_their_role(
    people: People, role: str
) -> None:
    creator = {"reviewer": people.bob, "maintainer": people.mia, "admin": people.admin}[role]
    await make_model(people.admin)
    await make_ready(creator)
    await to_staging(people.dan, 1)
    promotion = await open_promotion(people.dan, 1, "production")
    problem(await say(creator, promotion, "approve"), 403, "separation-of-duties")
    assert (await look(creator, promotion))["approvals"]["given"] == 0
