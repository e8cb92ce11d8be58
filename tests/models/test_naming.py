"""The naming convention."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.rules import LacksField, check_version_name, render_name
from tests.actors import Api
from tests.factories import make_draft, make_model, pointers, problem

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "model": "churn",
    "number": 7,
    "params": {"lr": 0.01, "deep": {"er": True}, "a.b": "x", "n": 3.0, "list": [1]},
    "tags": {"team": "fraud"},
    "metrics": {"auc": 0.93},
    "code": {"commit": "abc", "branch": "feature/x", "dirty": None},
}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{model}-{date:%Y%m%d}-lr{params.lr}-{number}", "churn-20261123-lr0.01-7"),
        ("{model} {date}", "churn 2026-11-23"),
        ("x{params.deep.er}{params.a.b}{params.n}", "xtruex3"),
        ("{tags.team}+{metrics.auc}", "fraud+0.93"),
        ("{code.branch}-{code.commit}", "feature-x-abc"),
    ],
)
def test_a_template_renders(template: str, name: str) -> None:
    assert render_name(template, FACTS, AT) == name


@pytest.mark.parametrize("field", ["params.nope", "tags.nope", "metrics.f1", "params.deep.nope"])
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(LacksField) as lack:
        render_name(f"{{model}}-{{{field}}}", FACTS, AT)
    assert lack.value.field == field


@pytest.mark.parametrize("template", ["{params.list}", "{number}", "v{number}", "-{model}"])
def test_what_cannot_be_a_name_is_refused(template: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the text is for people)
        render_name(template, FACTS, AT)


@given(st.text(max_size=40), st.text(max_size=200), st.integers(1, 2**31))
def test_whatever_a_param_holds_the_name_is_a_name_or_refused(
    literal: str, value: str, number: int
) -> None:
    facts = {**FACTS, "number": number, "params": {"p": value}}
    try:
        name = render_name(f"m{{number}}-{{params.p}}{literal}", facts, AT)
    except ValueError:
        return
    assert check_version_name(name) == name
    assert name.startswith(f"m{number}-")


async def test_versions_are_named_by_the_convention_or_by_themselves(admin: Api) -> None:
    await make_model(admin, name_template="{model}-lr{params.lr}-{number}")
    first = await make_draft(admin, params={"lr": 0.01})
    assert first["name"] == "churn-lr0.01-1"
    own = await make_draft(admin, name="my name")
    assert own["name"] == "my name"
    answer = await admin.post("/models/churn/versions", {"params": {"depth": 3}})
    body = problem(answer, 422, "name-template-lacks-field")
    assert "params.lr" in body["detail"]
    assert pointers(body) == {"/params/lr"}
    third = await make_draft(admin, params={"lr": 1})
    assert (third["number"], third["name"]) == (3, "churn-lr1-3")


async def test_a_rendered_name_follows_the_draft_until_it_is_ready(admin: Api) -> None:
    await make_model(admin, name_template="lr{params.lr}")
    await make_draft(admin, params={"lr": 1})
    changed = await admin.patch("/models/churn/versions/1", {"params": {"lr": 2}})
    assert changed.json()["name"] == "lr2"
    answer = await admin.post("/models/churn/versions", {"params": {"lr": 2}})
    problem(answer, 409, "version-name-taken")


@pytest.mark.parametrize("name", ["7", "latest", "LATEST", "v12", "a/b", "-a", "a" * 129, "", "é"])
async def test_a_name_that_would_be_read_as_something_else_is_refused(
    admin: Api, name: str
) -> None:
    await make_model(admin)
    answer = await admin.post("/models/churn/versions", {"name": name})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/name"}


@pytest.mark.parametrize("name", ["production", "Staging", "ARCHIVED", "none"])
async def test_a_version_cannot_be_named_like_a_stage(admin: Api, name: str) -> None:
    await make_model(admin)
    answer = await admin.post("/models/churn/versions", {"name": name})
    problem(answer, 409, "version-name-taken")


async def test_names_are_unique_in_a_model_without_regard_to_case(admin: Api) -> None:
    await make_model(admin)
    await make_model(admin, "other")
    await make_draft(admin, name="First")
    problem(
        await admin.post("/models/churn/versions", {"name": "fIRST"}), 409, "version-name-taken"
    )
    await make_draft(admin, "other", name="first")
    again = await make_draft(admin)
    assert again["number"] == 2
