"""What a search may cost: a time, and connections of its own."""

from collections.abc import Iterator

import pytest

from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.problems import Unavailable
from app.core.signals import Hub
from app.search.problems import SearchTooCostly
from app.search.service import Asked, list_everywhere
from app.versions.kept import Kept
from tests.actors import Api
from tests.search.filled import Filled, actor, drop, fill


@pytest.fixture(scope="module")
def filled(postgres: EmbeddedPostgres) -> Iterator[Filled]:
    yield fill(postgres, "costly", each=10, big=4000)
    drop(postgres, "costly")


async def test_a_search_that_takes_too_long_says_what_to_narrow(filled: Filled) -> None:
    """Every version is looked at for a text that none has, in less time than that takes."""
    hurried = Database(filled.url, pool_size=2, hub=Hub(None), search_seconds=0.001)
    with pytest.raises(SearchTooCostly) as found:
        await list_everywhere(
            hurried, Kept(), actor("*"), Asked(filter="name like '%nothing%'", q="said nowhere")
        )
    await hurried.close()
    assert "`name`, `q`" in found.value.detail
    assert "search in one model" in found.value.detail


async def test_searches_that_wait_hold_up_nothing_else(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.db.SEARCH_WAIT_SECONDS", 0.2)
    db = Database(filled.url, pool_size=1, hub=Hub(None), search_connections=1)
    async with db.searching():
        with pytest.raises(Unavailable) as found:
            await list_everywhere(db, Kept(), actor("*"), Asked())
        async with db.reading() as session:
            await session.connection()
    await list_everywhere(db, Kept(), actor("*"), Asked())
    await db.close()
    assert found.value.retry_after == 2


async def test_a_cursor_belongs_to_its_filter_and_order(admin: Api) -> None:
    assert (await admin.post("/models", {"name": "churn"})).status_code == 201
    for _ in range(3):
        await admin.post("/models/churn/versions", {"metrics": {"auc": 0.5}})
    first = await admin.get(
        "/models/churn/versions", params={"limit": "1", "order_by": "metrics.auc desc"}
    )
    cursor = first.json()["next_cursor"]
    assert f"cursor={cursor}" in first.headers["Link"].replace("%3D", "=")
    again = {"limit": "1", "cursor": cursor}
    next_one = await admin.get(
        "/models/churn/versions", params={**again, "order_by": "metrics.auc desc"}
    )
    assert [each["number"] for each in next_one.json()["items"]] == [2]
    other = await admin.get("/models/churn/versions", params=again)
    assert other.status_code == 422
    assert other.json()["errors"][0]["pointer"] == "cursor"
