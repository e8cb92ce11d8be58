"""The changelog of a model over HTTP."""

from typing import Any

import pytest

from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import make_draft, make_model, make_ready, problem
from tests.promotions.acting import People, make_people, to_staging

HERE = "/models/churn"


@pytest.fixture
async def people(admin: Api, team: Team) -> People:
    found = await make_people(admin, team)
    await make_model(admin)
    return found


async def numbers(api: Api, **params: Any) -> list[int]:
    found = await api.get(f"{HERE}/changelog", params={"format": "json", **params})
    assert found.status_code == 200, found.text
    return [each["number"] for each in found.json()["items"]]


async def test_it_tells_what_each_ready_version_brought_the_newest_first(people: People) -> None:
    await make_ready(people.alice, description="First try.", metrics={"auc": 0.9, "odd": 1})
    await make_draft(people.alice, description="Never finished.")
    await make_ready(
        people.alice, name="second", description="Deeper.", metrics={"auc": 0.92, "odd": 1}
    )
    await to_staging(people.alice, 3)
    await people.mia.post(f"{HERE}/versions/1/recall", {"reason": "It leaks."})
    found = await people.carol.get(f"{HERE}/changelog")
    assert found.headers["content-type"] == "text/markdown; charset=utf-8"
    text = found.text
    assert text.startswith("# Changelog of churn\n\n## Version 3: second\n\nalice, 20")
    newer, _, older = text.partition("## Version 1\n")
    assert "\n> Deeper.\n\n- auc 0.92 (+0.02, better)\n- odd 1\n- 20" in newer
    assert "Z: none → staging by a promotion (alice): It is better.\n" in newer
    assert "**Recalled: do not use it.** mia, 20" in older
    assert "> It leaks.\n\n> First try.\n\n- auc 0.9\n- odd 1\n" in older
    assert "Never finished." not in text


async def test_the_same_facts_stand_in_json(people: People) -> None:
    await make_ready(people.alice, metrics={"auc": 0.9})
    await make_ready(people.alice, metrics={"auc": 0.8, "new": 1})
    params = {"format": "json"}
    found = (await people.carol.get(f"{HERE}/changelog", params=params)).json()
    newest = found["items"][0]
    assert newest["metrics"][0]["better"] is False
    assert newest["metrics"][0]["difference"] == pytest.approx(-0.1)
    assert newest["metrics"][1] == {
        "metric": "new",
        "value": 1,
        "before": None,
        "difference": None,
        "better": None,
    }
    assert found["next_cursor"] is None


async def test_pages_neither_skip_nor_repeat_and_compare_across_their_edge(people: People) -> None:
    for number in range(1, 6):
        await make_ready(people.alice, metrics={"auc": number / 10})
    first = await people.carol.get(f"{HERE}/changelog", params={"limit": 2})
    assert first.text.count("\n## Version ") == 2
    assert "Older versions stand on the next page" in first.text
    seen: list[int] = []
    cursor = None
    while True:
        params = {"format": "json", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await people.carol.get(f"{HERE}/changelog", params=params)).json()
        seen += [each["number"] for each in page["items"]]
        for each in page["items"]:
            before = each["metrics"][0]["before"]
            assert before == (None if each["number"] == 1 else (each["number"] - 1) / 10)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]
    link = first.headers["link"].partition(">")[0].removeprefix("</api/v1")
    assert "\n## Version 3\n" in (await people.carol.get(link)).text


async def test_since_a_number_only_newer_versions_stand_there(people: People) -> None:
    for _ in range(4):
        await make_ready(people.alice)
    assert await numbers(people.carol, since=2) == [4, 3]
    assert await numbers(people.carol, since=4) == []
    two = {"format": "json", "since": 1, "limit": 2}
    page = (await people.carol.get(f"{HERE}/changelog", params=two)).json()
    assert [each["number"] for each in page["items"]] == [4, 3]
    assert await numbers(people.carol, since=1, limit=2, cursor=page["next_cursor"]) == [2]
    text = (await people.carol.get(f"{HERE}/changelog", params={"since": 9})).text
    assert text == "# Changelog of churn\n\nNo version is ready here.\n"


async def test_whoever_has_it_already_gets_none(people: People) -> None:
    await make_ready(people.alice)
    first = await people.carol.get(f"{HERE}/changelog")
    known = {"If-None-Match": first.headers["etag"]}
    same = await people.mia.get(f"{HERE}/changelog", headers=known)
    assert (same.status_code, same.content) == (304, b"")
    await make_ready(people.alice)
    assert (await people.mia.get(f"{HERE}/changelog", headers=known)).status_code == 200


@pytest.mark.parametrize("cursor", ["WyJ4Il0", "WyI5OTk5OTk5OTk5OTk5OTkiXQ", "!"])
async def test_a_cursor_that_was_never_given_is_refused(people: People, cursor: str) -> None:
    refused = await people.carol.get(f"{HERE}/changelog", params={"cursor": cursor})
    problem(refused, 422, "invalid-request")


async def test_hidden_is_absent(people: People, team: Team) -> None:
    stranger = await team.person("eve")
    problem(await stranger.get(f"{HERE}/changelog"), 404, "not-found")


async def test_a_page_takes_as_many_statements_however_long_it_is(
    people: People, runtime: Runtime
) -> None:
    counts = []
    for more in (1, 9):
        for _ in range(more):
            await make_ready(people.alice, metrics={"auc": 0.9})
        with statements(runtime) as sent:
            await numbers(people.carol)
        counts.append(len(sent))
    assert counts[0] == counts[1]
    assert counts[1] <= 5
