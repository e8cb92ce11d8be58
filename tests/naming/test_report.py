"""Telling what does not follow a naming convention."""

from typing import Any

import pytest

from app.core.pages import encode_cursor
from app.core.runtime import Runtime
from app.naming import service
from tests.actors import Api
from tests.counting import statements
from tests.factories import make_draft, make_model, make_ready, pointers, problem

REPORT = "/models/churn/naming/report"


async def whole_report(api: Api, **params: Any) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        query = {**params, **({"cursor": cursor} if cursor else {})}
        page = await api.get(REPORT, params=query)
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return found


async def have_versions(admin: Api) -> None:
    """1 and 4 follow the convention that is set at the end."""
    await make_model(admin)
    await make_ready(admin, name="lr1-1", params={"lr": 1}, tags={"team": "risk"})
    await make_ready(admin, name="final", params={"lr": 2}, tags={"team": "risk"})
    await make_draft(admin, params={"lr": 3}, tags={"team": "crm", "Bad": ""})
    await make_draft(admin, name="lr1-4", params={"lr": 1}, tags={"team": "risk"})
    await make_draft(admin, name="lr-5")
    await admin.delete("/models/churn/versions/4")
    await make_draft(admin, name="lr9-6", params={"lr": 9}, tags={"team": "risk"})
    for alias, number in (("good", 1), ("Bad_1", 2)):
        await admin.put(f"/models/churn/aliases/{alias}", json={"version": number})
    convention = {
        "name_template": "lr{params.lr}-{number}",
        "naming": {
            "version_pattern": "lr[0-9].*",
            "alias_pattern": "[a-z]+",
            "tag_key_pattern": "[a-z]+",
            "required_tags": ["team"],
            "tag_patterns": {"team": "risk|fraud"},
        },
    }
    assert (await admin.patch("/models/churn", convention)).status_code == 200


async def test_the_report_tells_what_is_wrong_and_what_would_be_right(admin: Api) -> None:
    await have_versions(admin)
    found = await whole_report(admin)
    assert [(each["kind"], each["number"], each["name"]) for each in found] == [
        ("alias", 2, "Bad_1"),
        ("version", 5, "lr-5"),
        ("version", 3, None),
        ("version", 2, "final"),
    ]
    wrong = [{(b["field"], b["rule"], b["expected"]) for b in each["breaches"]} for each in found]
    assert wrong == [
        {("alias", "alias_pattern", None)},
        {
            ("params.lr", "template", None),
            ("name", "version_pattern", None),
            ("tags.team", "required_tags", None),
        },
        {
            ("name", "missing", "lr3-3"),
            ("tags.Bad", "tag_key_pattern", None),
            ("tags.team", "tag_patterns", None),
        },
        {("name", "template", "lr2-2"), ("name", "version_pattern", None)},
    ]


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("examined", [1, 2, 3, 1000])
async def test_pages_of_the_report_neither_skip_nor_repeat(
    admin: Api, limit: int, examined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await have_versions(admin)
    whole = await whole_report(admin)
    monkeypatch.setattr(service, "EXAMINED", examined)
    assert await whole_report(admin, limit=limit) == whole


async def test_without_a_convention_nothing_is_found(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin)
    page = (await admin.get(REPORT)).json()
    assert (page["items"], page["next_cursor"], page["examined"]) == ([], None, 1)


async def test_a_page_of_the_report_takes_three_statements(admin: Api, runtime: Runtime) -> None:
    await have_versions(admin)
    with statements(runtime) as sent:
        await admin.get(REPORT)
    assert len(sent) == 3, sent


@pytest.mark.parametrize(
    "cursor", ["x", encode_cursor("v", -1), encode_cursor("v", 9999999999), encode_cursor("q", 1)]
)
async def test_a_cursor_of_another_list_is_refused(admin: Api, cursor: str) -> None:
    await make_model(admin)
    answer = await admin.get(REPORT, params={"cursor": cursor})
    assert pointers(problem(answer, 422, "invalid-request")) == {"cursor"}
