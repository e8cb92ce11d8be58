"""Naming rules: regular expressions for names, aliases and tags, and tags that must be there."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.conventions import Breach, check_pattern, fits, name_breaches, tag_breaches
from tests.actors import Api, Team
from tests.factories import events, make_draft, make_model, make_ready, pointers, problem

RULES: dict[str, Any] = {
    "version_pattern": "churn-[a-z0-9.-]+",
    "alias_pattern": "[a-z]+(-[a-z]+)*",
    "tag_key_pattern": "[a-z][a-z0-9_]*",
    "required_tags": ["team"],
    "tag_patterns": {"team": "fraud|risk"},
}
PATH = "/models/churn/versions"


async def test_the_rules_of_a_model_are_shown_and_their_change_is_an_event(admin: Api) -> None:
    await make_model(admin)
    set_ = await admin.patch("/models/churn", {"naming": RULES})
    assert set_.status_code == 200, set_.text
    assert set_.json()["naming"] == RULES
    assert (await admin.get("/models/churn")).json()["naming"] == RULES
    (event,) = await events(admin, action="model.edited")
    assert event["details"]["changes"] == {"naming": {"from": None, "to": RULES}}
    assert (await admin.patch("/models/churn", {"naming": {}})).json()["naming"] is None
    assert (await make_draft(admin, name="ANY"))["name"] == "ANY"
    made = await make_model(admin, "other", naming={"required_tags": ["team"]})
    assert made["naming"]["required_tags"] == ["team"]
    assert made["naming"]["version_pattern"] is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("churn-(?=x)", "column 7: invalid perl operator: `(?=`"),
        (r"(a)-\1", r"column 5: invalid escape sequence: `\1`"),
        ("a{2000}", "column 2: invalid repetition size: `{2000}`"),
        ("((a{100}){100}){100}", "invalid repetition size"),
        ("[z-a]", "column 2: invalid character class range: `z-a`"),
        ("(a", "missing )"),
        ("a*+", "bad repetition operator"),
        ("\\", "column 1: trailing \\"),
    ],
)
@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("/naming/version_pattern", lambda it: {"version_pattern": it}),
        ("/naming/tag_patterns/team", lambda it: {"tag_patterns": {"team": it}}),
    ],
)
async def test_what_is_no_pattern_is_told_with_its_column(
    admin: Api, pattern: str, said: str, pointer: str, place: Any
) -> None:
    answer = await admin.post("/models", {"name": "churn", "naming": place(pattern)})
    body = problem(answer, 422, "invalid-request")
    assert pointers(body) == {pointer}
    assert said in body["detail"]
    assert "no look-aheads" in body["detail"]


@pytest.mark.parametrize(
    ("body", "pointer", "rule"),
    [
        ({"name": "final2", "tags": {"team": "risk"}}, "/name", "version_pattern"),
        ({"tags": {}}, "/tags/team", "required_tags"),
        ({"tags": {"team": "crm"}}, "/tags/team", "tag_patterns"),
        ({"tags": {"team": "risk", "A/b": "x"}}, "/tags/A~1b", "tag_key_pattern"),
        ({"tags": {"team": "fraud and more"}}, "/tags/team", "tag_patterns"),
    ],
)
async def test_a_version_that_breaks_a_rule_is_refused(
    admin: Api, body: dict[str, Any], pointer: str, rule: str
) -> None:
    await make_model(admin, naming=RULES)
    told = problem(await admin.post(PATH, body), 422, "naming-rule-broken")
    assert pointers(told) == {pointer}
    assert [each["rule"] for each in told["rules"]] == [rule]
    assert (await make_draft(admin, tags={"team": "risk"}, name="churn-7a"))["number"] == 1


async def test_a_rendered_name_must_match_too_and_an_own_name_overrides_the_template(
    admin: Api,
) -> None:
    rules = {"version_pattern": "churn-.*"}
    await make_model(admin, name_template="{tags.kind}-{number}", naming=rules)
    bad = await admin.post(PATH, {"tags": {"kind": "trial"}})
    assert "trial-1" in problem(bad, 422, "naming-rule-broken")["detail"]
    problem(await admin.post(PATH, {"name": "mine"}), 422, "naming-rule-broken")
    assert (await make_draft(admin, name="churn-mine"))["name"] == "churn-mine"
    assert (await make_draft(admin, tags={"kind": "churn"}))["name"] == "churn-2"
    renamed = await admin.patch(f"{PATH}/2", {"tags": {"kind": "trial"}})
    problem(renamed, 422, "naming-rule-broken")
    assert (await admin.get(f"{PATH}/2")).json()["tags"] == {"kind": "churn"}


async def test_what_is_older_than_the_rules_stays_and_a_change_must_follow_them(
    admin: Api,
) -> None:
    await make_model(admin)
    await make_draft(admin, name="old", tags={"A": "b"})
    await make_ready(admin, tags={"A": "b"})
    await admin.patch("/models/churn", {"naming": RULES})
    assert (await admin.patch(f"{PATH}/1", {"description": "x", "seed": 3})).status_code == 200
    for number in (1, 2):
        bad = await admin.patch(f"{PATH}/{number}", {"tags": {"A": "b", "team": "risk"}})
        assert pointers(problem(bad, 422, "naming-rule-broken")) == {"/tags/A"}
        good = await admin.patch(f"{PATH}/{number}", {"tags": {"team": "risk"}})
        assert good.status_code == 200, good.text
    problem(await admin.patch(f"{PATH}/1", {"name": "new"}), 422, "naming-rule-broken")
    assert (await admin.patch(f"{PATH}/1", {"name": "churn-new"})).status_code == 200
    assert (await admin.patch(f"{PATH}/1", {"name": None})).status_code == 200


async def test_a_new_alias_must_match_and_one_that_is_there_can_be_moved(admin: Api) -> None:
    await make_model(admin)
    for _ in range(2):
        await make_ready(admin)
    await admin.put("/models/churn/aliases/Best_1", json={"version": 1})
    await admin.patch("/models/churn", {"naming": {"alias_pattern": "[a-z]+"}})
    moved = await admin.put("/models/churn/aliases/Best_1", json={"version": 2})
    assert moved.status_code == 200, moved.text
    bad = problem(
        await admin.put("/models/churn/aliases/Other_1", json={"version": 2}),
        422,
        "naming-rule-broken",
    )
    assert pointers(bad) == {"/alias"}
    fine = await admin.put("/models/churn/aliases/other", json={"version": 2})
    assert fine.status_code in (200, 201)


async def test_who_only_reads_sets_no_rules(admin: Api, team: Team) -> None:
    await make_model(admin)
    reader = await team.person("rita", "reader")
    problem(await reader.patch("/models/churn", {"naming": RULES}), 403, "not-allowed")


async def test_a_redaction_through_a_pattern_leaves_a_model_that_works(admin: Api) -> None:
    await make_model(admin, naming={"version_pattern": "(hunter2-secret)+x"})
    await make_draft(admin)
    secret = {"text": "hunter2-secret)", "reason": "Pasted by mistake."}
    done = await admin.post("/redactions", secret)
    assert done.status_code == 201, done.text
    shown = (await admin.get("/models/churn")).json()["naming"]["version_pattern"]
    assert "hunter2" not in shown
    await make_draft(admin, name="whatever")
    report = (await admin.get("/models/churn/naming/report")).json()
    assert report["unreadable"] == ["version_pattern"]


HOSTILE = ["(a*)*b", "(a|a)*b", "(.*)*.*x", "((a?){50})a{50}", "[\\s\\S]{1000}", "(?:a+)+$"]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_no_pattern_takes_long(pattern: str) -> None:
    check_pattern(pattern)
    began = time.process_time()
    fits(pattern, "a" * 5000)
    assert time.process_time() - began < 1


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_is_told_why_not(pattern: str) -> None:
    try:
        check_pattern(pattern)
    except ValueError as error:
        said = str(error)
    else:
        said = None
    if said is not None:
        assert said.startswith("is no regular expression")
        return
    assert bool(name_breaches({"version_pattern": pattern}, "a")) != fits(pattern, "a")


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["x", "y", "xy"])),
    st.sets(st.sampled_from("abcd")),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["x", "y|xy", "[xy]"])),
)
def test_breaches_of_tags_are_those_that_a_plain_look_finds(
    tags: dict[str, str], required: set[str], values: dict[str, str]
) -> None:
    naming = {"required_tags": sorted(required), "tag_patterns": values}
    expected = {("required_tags", f"tags.{key}") for key in required - tags.keys()} | {
        ("tag_patterns", f"tags.{key}")
        for key, pattern in values.items()
        if key in tags and not re.fullmatch(pattern, tags[key])
    }
    found: list[Breach] = tag_breaches(naming, tags)
    assert {(each.rule, each.field) for each in found} == expected
