"""Every problem has a page that says what it means."""

import httpx
import pytest

from app.core.problems import every_problem
from app.main import routers

routers()  # imports every room, and with it its problems
PROBLEMS = every_problem()


@pytest.mark.parametrize("slug", PROBLEMS)
async def test_a_problem_has_a_page_and_the_same_as_json(
    alone: httpx.AsyncClient, slug: str
) -> None:
    problem = PROBLEMS[slug]
    page = await alone.get(f"/problems/{slug}", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert slug in page.text
    asked = await alone.get(f"/problems/{slug}", headers={"Accept": "application/json"})
    found = asked.json()
    assert asked.headers["vary"] == "Accept"
    assert (found["slug"], found["title"], found["status"]) == (slug, problem.title, problem.status)
    assert found["type"] == f"http://test/problems/{slug}"


@pytest.mark.parametrize("slug", PROBLEMS)
def test_a_problem_explains_itself(slug: str) -> None:
    problem = PROBLEMS[slug]
    assert problem.__doc__ is not None
    assert problem.__doc__ != problem.__mro__[1].__doc__
    assert problem.__doc__.strip().endswith(".")
    assert 400 <= problem.status <= 599
    assert not problem.title.endswith(".")


async def test_all_problems_are_listed(alone: httpx.AsyncClient) -> None:
    listed = (await alone.get("/problems")).json()["items"]
    assert [item["slug"] for item in listed] == sorted(every_problem())
    page = await alone.get("/problems", headers={"Accept": "text/html"})
    assert all(f'href="/problems/{slug}"' in page.text for slug in PROBLEMS)


async def test_a_problem_that_does_not_exist_is_a_404(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/problems/<script>")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_type_of_an_error_leads_to_its_page(alone: httpx.AsyncClient) -> None:
    error = (await alone.get("/no/such/address")).json()
    found = await alone.get(error["type"])
    assert found.json()["title"] == error["title"]
