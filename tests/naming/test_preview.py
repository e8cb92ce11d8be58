"""Trying a naming convention."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.problems import InvalidRequest
from app.core.runtime import Runtime
from app.naming.rules import Convention, Facts, lint_version, preview, rendered
from app.versions.schemas import VersionInput
from app.versions.service.naming import named
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import events, make_draft, make_model, pointers, problem

PREVIEW = "/models/churn/naming/preview"
TEMPLATE = "{model}-{date:%Y}-lr{params.lr}-{number}"
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


async def test_a_preview_says_the_name_and_changes_nothing(admin: Api) -> None:
    made = await make_model(admin, name_template=TEMPLATE)
    before = await events(admin)
    tried = await admin.post(PREVIEW, {"sample": {"params": {"lr": 0.01}}})
    assert tried.status_code == 200, tried.text
    year = tried.json()["created_at"][:4]
    assert tried.json()["name"] == f"churn-{year}-lr0.01-1"
    assert (tried.json()["follows"], tried.json()["breaches"]) == (True, [])
    assert await events(admin) == before
    assert (await admin.get("/models/churn")).json() == made
    assert (await make_draft(admin, params={"lr": 0.01}))["name"] == tried.json()["name"]


async def test_a_preview_names_the_field_that_is_lacking(admin: Api) -> None:
    await make_model(admin, name_template=TEMPLATE)
    tried = (await admin.post(PREVIEW, {})).json()
    assert (tried["name"], tried["follows"]) == (None, False)
    assert [(each["field"], each["rule"]) for each in tried["breaches"]] == [
        ("params.lr", "template")
    ]


async def test_a_preview_tries_what_is_not_set_yet_on_an_existing_version(admin: Api) -> None:
    await make_model(admin)
    made = await make_draft(admin, name="trial", params={"lr": 1}, tags={"team": "crm"})
    for ref in (1, "TRIAL"):
        tried = (
            await admin.post(
                PREVIEW,
                {
                    "version": ref,
                    "name_template": "x{number}-{tags.team}",
                    "naming": {"required_tags": ["owner"], "version_pattern": "y.*"},
                },
            )
        ).json()
        assert (tried["name"], tried["created_at"]) == ("x1-crm", made["created_at"])
        assert {each["rule"] for each in tried["breaches"]} == {"required_tags", "version_pattern"}
    own = (await admin.post(PREVIEW, {"version": 1, "naming": {"version_pattern": "y.*"}})).json()
    assert own["name"] == "trial"
    problem(await admin.post(PREVIEW, {"version": 9}), 422, "invalid-request")
    both = await admin.post(PREVIEW, {"version": 1, "sample": {}})
    assert pointers(problem(both, 422, "invalid-request")) == {"/sample"}


async def test_a_preview_needs_no_model(admin: Api, team: Team) -> None:
    stranger = await team.person("sam", "reader", models="nothing-*")
    body = {
        "model": "later",
        "name_template": "{model}-{date:%Y%m%d}-{number}",
        "created_at": "2026-11-23T23:30:00-05:00",
        "number": 12,
    }
    tried = await stranger.post("/naming/preview", body)
    assert tried.json()["name"] == "later-20261124-12"
    await make_model(admin)
    problem(await stranger.post(PREVIEW, {}), 404, "not-found")


texts = st.text("abc XYZ09._+-{}/é\n", max_size=12)
templates = st.lists(
    st.sampled_from(
        ["{model}", "-", "{number}", "{date:%Y%m%d}", "{params.p}", "{tags.t}", "{metrics.m}", "x"]
    ),
    min_size=1,
    max_size=5,
).map("".join)


@given(
    templates,
    st.fixed_dictionaries({}, optional={"p": texts | st.integers(-99, 2**53 - 1) | st.booleans()}),
    st.fixed_dictionaries({}, optional={"t": texts}),
    st.integers(1, 2**31 - 1),
    st.none() | st.sampled_from(["churn-1", "x"]),
    st.none() | st.sampled_from(["[a-z0-9-]+", "x.*", "(churn|x).*"]),
)
def test_what_is_registered_is_what_the_preview_said(
    template: str,
    params: dict[str, Any],
    tags: dict[str, str],
    number: int,
    own: str | None,
    pattern: str | None,
) -> None:
    rules = {"version_pattern": pattern, "required_tags": ["t"]}
    convention = Convention("churn", template, rules)
    facts = Facts(number, AT, tags, params, {"m": 0.5}, None)
    name, breaches = preview(convention, facts, own)
    wanted = VersionInput(name=own, params=params, tags={}, metrics={"m": 0.5})
    wanted = wanted.model_copy(update={"tags": tags})
    told = {"template": template, "naming": rules}
    try:
        registered = named("churn", told, number, AT, wanted)
    except InvalidRequest:
        assert breaches
        return
    assert (registered, breaches) == (name, [])
    right, wrong = rendered(convention, facts)
    found = lint_version(convention, facts, name)
    assert bool(found) == (own is not None and (own != right or wrong is not None))


async def test_a_preview_takes_two_statements(admin: Api, runtime: Runtime) -> None:
    await make_model(admin, name_template=TEMPLATE)
    with statements(runtime) as sent:
        await admin.post(PREVIEW, {"sample": {}})
    assert len(sent) == 2, sent


@pytest.mark.parametrize("template", ["{nope}", "{params.}", "a{b", "{number:03}"])
async def test_a_template_that_cannot_be_set_cannot_be_tried(admin: Api, template: str) -> None:
    await make_model(admin)
    answer = await admin.post(PREVIEW, {"name_template": template})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/name_template"}


async def test_rules_that_no_version_could_follow_are_refused(admin: Api) -> None:
    rules = {"required_tags": ["team", "team"], "tag_key_pattern": "[A-Z]+"}
    body = problem(
        await admin.post("/models", {"name": "churn", "naming": rules}), 422, "invalid-request"
    )
    assert "forbids" in body["errors"][0]["detail"]
    rules["tag_key_pattern"] = "[a-z]+"
    made = await make_model(admin, naming=rules)
    assert made["naming"]["required_tags"] == ["team"]
