"""Each way to a page gives what a look at every version would give, and reads few rows for it."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select

from app.core.embedded import EmbeddedPostgres
from app.search import access, ways
from app.search.service import Asked, list_everywhere, list_versions
from app.versions.kept import Kept
from tests.search.filled import Filled, actor, drop, fill

# The shapes that docs/search.md lists as indexed.
LISTED = [
    Asked(),
    Asked(filter="status = 'draft'"),
    Asked(filter="status = 'ready'"),
    Asked(filter="stage = 'production'"),
    Asked(filter="tags.team = 'team-1'"),
    Asked(filter="tags.audit = 'asked'"),
    Asked(filter=f"datasets.sha256 = '{'a' * 64}'"),
    Asked(filter="code.commit = '0b8b5b0c'"),
    Asked(filter="created_by = 'trainer-3'"),
    Asked(filter="created_at > '2026-01-02T00:00:00Z'"),
    Asked(filter="created_at < '2026-01-01T00:30:00Z'"),
    Asked(filter="metrics.auc >= 0.9"),
    Asked(filter="metrics.auc >= 0.999"),
    Asked(filter="params.depth = 4"),
    Asked(filter="params.kind = 'adam' and tags.audit = 'asked'"),
    Asked(order_by="metrics.auc desc"),
    Asked(order_by="metrics.auc"),
    Asked(order_by="params.lr desc"),
    Asked(filter="tags.team = 'team-2'", order_by="metrics.auc desc"),
    Asked(filter="tags.audit = 'asked'", order_by="metrics.auc"),
    Asked(filter="metrics.auc > 0.2 and metrics.auc < 0.8", order_by="metrics.auc desc"),
    Asked(filter="tags.team in ('team-0', 'team-3') or tags.audit = 'asked'"),
    Asked(order_by="created_at"),
]
PLACES = ["everywhere", "in the big model", "in three models"]
VISITED = 14_000


@pytest.fixture(scope="module")
async def filled(postgres: EmbeddedPostgres) -> AsyncIterator[Filled]:
    made = fill(postgres, "filled")
    yield made
    await made.db.close()
    drop(postgres, "filled")


async def page(
    filled: Filled, place: str, asked: Asked
) -> tuple[list[tuple[str, int]], str | None]:
    if place == "in the big model":
        body, cursor = await list_versions(filled.db, Kept(), actor("*"), filled.big, asked)
    else:
        globs = ("*",) if place == "everywhere" else filled.few
        body, cursor = await list_everywhere(filled.db, Kept(), actor(*globs), asked)
    return [(item["model"], item["number"]) for item in json.loads(body)["items"]], cursor


async def pages(filled: Filled, place: str, asked: Asked, most: int) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    cursor = None
    while len(found) < most:
        wanted = Asked(asked.filter, asked.order_by, asked.q, cursor=cursor, limit=asked.limit)
        items, cursor = await page(filled, place, wanted)
        found += items
        if cursor is None:
            break
    return found


def looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way is the one that looks at each version and sorts them all."""

    def every(wanted: Any, leads: Any, counts: Any, model_id: Any) -> Select[Any]:
        narrowed = wanted.matches
        if model_id is not None:
            narrowed = (*narrowed, access.Version.model_id == model_id)
        whole = access.replace(wanted, matches=narrowed)
        return access.page(whole, access.VERSIONS, access.keys_of(whole), fenced=True)

    def in_each(wanted: Any, leads: Any, ids: Any) -> Select[Any]:
        among = access.replace(
            wanted, matches=(*wanted.matches, access.Version.model_id.in_(list(ids)))
        )
        return every(among, leads, None, None)

    monkeypatch.setattr(ways, "way", every)
    monkeypatch.setattr(ways, "in_each", in_each)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("asked", LISTED, ids=lambda asked: f"{asked.filter} {asked.order_by}")
async def test_pages_together_are_what_a_look_at_every_version_gives(
    filled: Filled, place: str, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Asked(asked.filter, asked.order_by, limit=37)
    found = await pages(filled, place, small, most=150)
    looked_at(monkeypatch)
    large = Asked(asked.filter, asked.order_by, limit=200)
    every = await pages(filled, place, large, most=200)
    assert found == every[: len(found)]
    assert len(found) >= 150 or found == every


@pytest.mark.parametrize("place", ["everywhere", "in the big model"])
async def test_the_last_pages_have_what_lacks_the_metric(filled: Filled, place: str) -> None:
    asked = Asked("tags.audit = 'no' and params.depth = 3", "metrics.auc", limit=100)
    found = await pages(filled, place, asked, most=100_000)
    assert len(found) == len(set(found)) > 600
    lacking = [number % 20 == 3 for _, number in found]
    assert lacking == sorted(lacking)
    assert any(lacking)


def visited(plan: dict[str, Any]) -> Iterator[tuple[str, str, float]]:
    """(kind, table, rows) of each node that reads a table."""
    if "Relation Name" in plan:
        rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        yield plan["Node Type"], plan["Relation Name"], rows * plan["Actual Loops"]
    for child in plan.get("Plans", ()):
        yield from visited(child)


async def explained(filled: Filled, statement: Any) -> dict[str, Any]:
    compiled = statement.compile(dialect=filled.db.search_engine.dialect)
    async with filled.db.searching() as session:
        raw = await (await session.connection()).get_raw_connection()
        driver: Any = raw.driver_connection
        cursor: psycopg.AsyncCursor[Any] = driver.cursor()
        await cursor.execute(
            f"explain (analyze, format json) {compiled}", compiled.construct_params()
        )
        row = await cursor.fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("asked", LISTED, ids=lambda asked: f"{asked.filter} {asked.order_by}")
async def test_a_listed_shape_is_read_through_indexes_and_reads_little(
    filled: Filled, place: str, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    for way in ("whole", "narrow"):
        of = getattr(ways, way)
        monkeypatch.setattr(ways, way, lambda *args, of=of: sent.append(of(*args)) or sent[-1])
    await page(filled, place, asked)
    nodes = list(visited(await explained(filled, sent[-1])))
    assert nodes
    assert not [node for node in nodes if node[0] == "Seq Scan"]
    assert sum(rows for _, table, rows in nodes if table in {"versions", "version_facts"}) < VISITED
