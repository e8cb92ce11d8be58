"""Lists of models over HTTP: filters, orders, words and their cursors."""

from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import make_draft, make_model, make_ready, pointers, problem


async def names(api: Api, **params: Any) -> list[str]:
    """The names on all pages."""
    found: list[str] = []
    while True:
        answer = await api.get("/models", params=params)
        assert answer.status_code == 200, answer.text
        found += [model["name"] for model in answer.json()["items"]]
        if answer.json()["next_cursor"] is None:
            return found
        params["cursor"] = answer.json()["next_cursor"]


@pytest.fixture
async def models(admin: Api) -> None:
    await make_model(admin, "churn", description="Who leaves 100%.", tags={"team": "crm"})
    await make_model(admin, "fraud", tags={"team": "risk", "cost.centre": "x_7"})
    await make_model(admin, "spam")
    await make_ready(admin, "churn")
    await make_ready(admin, "churn")
    await make_draft(admin, "fraud")
    await make_ready(admin, "spam")
    promoted = {"to": "staging", "reason": "try it", "apply": True}
    asked = await admin.post("/models/churn/versions/2/promotions", promoted)
    assert asked.json()["status"] == "applied"
    await admin.put("/models/spam/aliases/champion", json={"version": 1})


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("tags.team = 'crm' or tags.`cost.centre` like 'x\\_%'", ["churn", "fraud"]),
        ("not tags.team = 'crm'", ["fraud"]),
        ("tags.team is null", ["spam"]),
        ("latest_version >= 1", ["churn", "spam"]),
        ("latest_version is null", ["fraud"]),
        ("stage = 'Staging'", ["churn"]),
        ("alias = 'champion'", ["spam"]),
        ("stages = 'production'", []),
        ("not stage = 'production'", ["churn"]),  # the others hold none: unknown
        ("created_by in ('admin') and created_at > '2020-01-01'", ["churn", "fraud", "spam"]),
        ("updated_at < '2020-01-01'", []),
        ("name > 'd' and description = ''", ["fraud", "spam"]),
        ("name_template is not null", []),
    ],
)
async def test_a_filter_finds_models(
    admin: Api, models: None, filter: str, found: list[str]
) -> None:
    assert await names(admin, filter=filter) == found


async def test_models_come_in_the_order_asked_for_over_all_pages(admin: Api, models: None) -> None:
    assert await names(admin, limit=1) == ["churn", "fraud", "spam"]
    assert await names(admin, limit=1, order_by="name desc") == ["spam", "fraud", "churn"]
    by_latest = ["churn", "spam", "fraud"]  # the last has none
    assert await names(admin, limit=1, order_by="latest_version desc") == by_latest
    assert await names(admin, limit=1, order_by="latest_version") == ["spam", "churn", "fraud"]
    assert await names(admin, limit=1, order_by="tags.team desc, name") == [
        *("fraud", "churn"),
        "spam",
    ]
    assert await names(admin, limit=1, order_by="name desc, created_at") == [
        *("spam", "fraud", "churn")
    ]


async def test_words_are_found_anywhere_and_as_they_stand(admin: Api, models: None) -> None:
    assert await names(admin, q="LEAVES") == ["churn"]
    assert await names(admin, q="0%") == ["churn"]
    assert await names(admin, q="%") == ["churn"]
    assert await names(admin, q="x_7") == ["fraud"]
    assert await names(admin, q="x%7") == []
    assert await names(admin, q="cost.CENTRE") == ["fraud"]
    assert await names(admin, q="rau", filter="tags.team = 'risk'") == ["fraud"]
    assert await names(admin, q='": "') == []  # what tags say, not how they are kept
    assert await names(admin, q="  ") == ["churn", "fraud", "spam"]
    problem(await admin.get("/models", params={"q": "a\0"}), 422, "invalid-request")


async def test_a_cursor_belongs_to_its_filter_order_and_words(admin: Api, models: None) -> None:
    asked = {"limit": "1", "filter": "name > 'a'", "order_by": "created_at", "q": "a"}
    first = await admin.get("/models", params=asked)
    cursor = first.json()["next_cursor"]
    assert (await admin.get("/models", params={**asked, "cursor": cursor})).status_code == 200
    for other in ({"filter": "name > 'b'"}, {"order_by": "created_at desc"}, {"q": "b"}):
        answer = await admin.get("/models", params={**asked, **other, "cursor": cursor})
        told = problem(answer, 422, "invalid-request")
        assert pointers(told) == {"cursor"}
        assert "another list" in told["detail"]
    for bad in ("x", "W10", cursor[:-6], "WyJhIiwiYiJd"):
        answer = await admin.get("/models", params={**asked, "cursor": bad})
        assert pointers(problem(answer, 422, "invalid-request")) == {"cursor"}


async def test_a_page_shows_only_what_one_may_see_in_two_statements(
    admin: Api, team: Team, models: None, runtime: Runtime
) -> None:
    bob = await team.person("bob", "reader", models="sp*")
    assert await names(bob) == ["spam"]
    with statements(runtime) as sent:
        assert await names(bob, filter="stage = 'staging' or name like '%'", q="a") == ["spam"]
    assert len(sent) == 2


async def test_words_are_looked_for_by_an_index_among_ten_thousand_models(
    admin: Api, sql: psycopg.AsyncConnection[Any], runtime: Runtime
) -> None:
    await sql.execute(
        "insert into models (id, name, description, created_by) "
        "select gen_random_uuid(), 'model-' || md5(n::text), md5((n * 7)::text), 'admin' "
        "from generate_series(1, 10000) n"
    )
    await sql.execute("insert into model_counters (model_id) select id from models")
    await sql.execute("analyze models")
    words = "c4ca4238"  # the beginning of md5('1')
    assert await names(admin, q=words) == ["model-c4ca4238a0b923820dcc509a6f75849b"]
    told = await sql.execute(
        "explain select * from models where deleted_at is null "
        f"and stageward_model_text(name, description, tags) ilike '%{words}%' "  # type: ignore[arg-type]
        "order by name limit 51"
    )
    plan = "\n".join(str(line) for (line,) in await told.fetchall())
    assert "ix_models_text" in plan
    page = await sql.execute(
        "explain select * from models where deleted_at is null and name > 'model-7' "
        "order by name limit 51"
    )
    assert "ix_models_name" in "\n".join(str(line) for (line,) in await page.fetchall())
