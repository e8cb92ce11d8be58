"""Ways around a policy that are closed: through the default's change, names, ways out, and time."""

from typing import Any

import pytest

from app.policies.rules.gates import implies
from tests.actors import Api, Team
from tests.factories import events, make_model, make_ready, pointers, problem
from tests.policies.acting import PRODUCTION, STAGING, put_default, put_own
from tests.promotions.acting import People, approve, ask, open_promotion, registered, to_staging

SINCE_EVER = {"from": "2020-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z", "reason": "Ice."}
METRIC = {"type": "metric", "metric": "auc", "op": ">=", "value": 0.9}


async def test_a_default_does_not_leave_an_addition_as_the_whole_rule(people: People) -> None:
    await registered(people)
    await put_own(people.mia, stages=[{"name": "production", "from": ["staging"]}])
    body = problem(
        await people.admin.put("/policy", json={"stages": [STAGING]}), 409, "stage-in-use"
    )
    assert body["models"] == {"churn": ["production"]}
    await to_staging(people.alice, 1)
    assert (await open_promotion(people.alice, 1, "production"))["status"] == "open"


async def test_a_stage_that_refuses_goes_on_refusing_whatever_the_default_becomes(
    people: People,
) -> None:
    await registered(people, 2)
    await put_own(people.mia, stages=[{"name": "production", "incumbent": "refuse"}])
    await put_default(people.admin, {"name": "production", "from": ["staging"], "exclusive": False})
    for number in (1, 2):
        await to_staging(people.alice, number)
    first = await ask(people.alice, 1, "production", apply=True)
    assert first.json()["status"] == "applied", first.text
    second = await ask(people.alice, 2, "production", apply=True)
    assert second.json()["status"] == "open"
    assert second.json()["gates"][0]["detail"] == "Version 1 holds it."


async def test_a_protected_alias_does_not_become_a_stage(people: People) -> None:
    await registered(people)
    await put_default(people.admin, protected_aliases=["Champion"])
    own = {"stages": [{"name": "champion", "from": ["none"], "exclusive": True}]}
    body = problem(await people.mia.put("/models/churn/policy", json=own), 422, "invalid-request")
    assert pointers(body) == {"/stages/0/name"}
    await put_own(people.mia, stages=[{"name": "best", "from": ["none"]}])
    put = await people.admin.put(
        "/policy", json={"stages": [STAGING, PRODUCTION], "protected_aliases": ["best"]}
    )
    assert problem(put, 409, "stage-in-use")["models"] == {"churn": ["best"]}


async def test_a_model_opens_no_way_out_of_an_exclusive_stage_of_the_default(admin: Api) -> None:
    await make_model(admin)
    own = {"stages": [{"name": "limbo", "from": ["staging", "production"]}]}
    body = problem(await admin.put("/models/churn/policy", json=own), 422, "invalid-request")
    assert pointers(body) == {"/stages/0/from/1"}


async def test_a_default_that_gave_a_stage_up_and_has_it_again_is_not_flagged_for_ever(
    admin: Api,
) -> None:
    gave_up = await admin.put("/policy", json={"stages": [STAGING]})
    assert gave_up.json()["loosened"] is False, gave_up.text
    assert (await put_default(admin))["loosened"] is False
    assert (await put_default(admin))["loosened"] is False


async def test_a_stage_of_the_default_does_not_care_for_names_in_models_that_stand_alone(
    admin: Api,
) -> None:
    await make_model(admin)
    await put_own(admin, replaces_default=True, stages=[STAGING])
    await make_ready(admin, name="canary")
    await put_default(admin, {"name": "canary", "from": ["staging"]})


async def test_apply_is_not_offered_under_a_freeze(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    path = f"/promotions/{promotion['id']}"
    before = (await people.ci.get(path)).json()
    assert ("apply" in before["available_actions"], before["freeze"]) == (True, None)
    await put_own(people.mia, freeze=[SINCE_EVER])
    frozen = (await people.ci.get(path)).json()
    assert ("apply" in frozen["available_actions"], frozen["status"]) == (False, "approved")
    assert frozen["freeze"]["reason"] == "Ice."
    await put_own(people.mia)
    assert "apply" in (await people.ci.get(path)).json()["available_actions"]


async def test_reviewers_see_that_there_is_a_new_evaluation(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    path = f"/promotions/{promotion['id']}"
    tag = (await people.bob.get(path)).headers["etag"]
    measured = {"dataset": {"name": "holdout"}, "metrics": {"auc": 0.9}}
    await people.ci.post("/models/churn/versions/1/evaluations", measured)
    again = await people.bob.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 200


async def test_what_is_shown_of_a_policy_can_be_set_again(admin: Api) -> None:
    await make_model(admin)
    huge = {**METRIC, "value": 1e300}
    own = await put_own(admin, stages=[{"name": "production", "gates": [huge]}])
    gates = own["stages"][1]["gates"]
    assert gates == [huge]
    assert isinstance(gates[0]["value"], float)
    await put_own(admin, stages=[{"name": "production", "gates": gates}])


@pytest.mark.parametrize("wrong", [1, "2", "1e9", "2026-12-20", "2026-12-20T00:00:00", None])
async def test_a_freeze_is_told_in_times_with_an_offset(admin: Api, wrong: Any) -> None:
    freeze = {**SINCE_EVER, "from": wrong}
    put = await admin.put("/policy", json={"stages": [STAGING], "freeze": [freeze]})
    assert pointers(problem(put, 422, "invalid-request")) == {"/freeze/0/from"}


async def test_a_group_that_was_made_again_in_another_case_still_counts(
    people: People, team: Team
) -> None:
    await registered(people)
    await people.admin.post("/groups", {"name": "risk"})
    rule = {"count": 1, "groups": ["risk"]}
    await put_own(people.mia, stages=[{"name": "production", "approvals": [rule]}])
    await people.admin.delete("/groups/risk")
    await people.admin.post("/groups", {"name": "Risk"})
    await people.admin.put("/groups/Risk/members/bob")
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    shown = (await people.bob.get(f"/promotions/{promotion['id']}")).json()
    assert shown["status"] == "approved", shown["approvals"]


BASELINE = {"type": "baseline", "metric": "auc", "dataset": "holdout", "higher_is_better": True}


@pytest.mark.parametrize(
    ("gate", "other", "expected"),
    [
        (METRIC, METRIC, True),
        ({**METRIC, "value": 0.95}, METRIC, True),
        (METRIC, {**METRIC, "value": 0.95}, False),
        ({**METRIC, "op": "<="}, {**METRIC, "op": "<=", "value": 0.95}, True),
        ({**METRIC, "op": "<=", "value": 0.95}, {**METRIC, "op": "<="}, False),
        ({**METRIC, "op": "=", "value": 0.95}, {**METRIC, "op": "="}, False),
        ({**METRIC, "value": 0.95, "dataset": "holdout"}, METRIC, False),
        (BASELINE, {**BASELINE, "max_regression": 0.1}, True),
        ({**BASELINE, "max_regression": 0.1}, BASELINE, False),
        ({**BASELINE, "confidence": 0.95}, BASELINE, True),
        ({**BASELINE, "confidence": 0.9}, {**BASELINE, "confidence": 0.95}, False),
        (BASELINE, {**BASELINE, "if_no_baseline": "pass"}, True),
        ({**BASELINE, "if_no_baseline": "pass"}, BASELINE, False),
        (
            {"type": "fields", "require": ["run", "seed"]},
            {"type": "fields", "require": ["run"]},
            True,
        ),
        (
            {"type": "fields", "require": ["run"]},
            {"type": "fields", "require": ["run", "seed"]},
            False,
        ),
        (
            {"type": "formats", "deny": ["pickle", "zip"]},
            {"type": "formats", "deny": ["pickle"]},
            True,
        ),
        (
            {"type": "formats", "allow": ["onnx"]},
            {"type": "formats", "allow": ["onnx", "zip"]},
            True,
        ),
        ({"type": "formats", "deny": ["zip"]}, {"type": "formats", "allow": ["onnx"]}, False),
        ({"type": "check", "name": "a"}, {"type": "check", "name": "b"}, False),
        ({"type": "stored"}, METRIC, False),
    ],
)
def test_a_gate_that_asks_for_as_much_takes_the_place_of_another(
    gate: dict[str, Any], other: dict[str, Any], expected: bool
) -> None:
    assert implies(gate, other) is expected


async def test_raising_the_bar_is_not_flagged(admin: Api) -> None:
    for value, loosened in ((0.9, False), (0.95, False), (0.92, True), (0.95, False)):
        gates = [{**METRIC, "value": value}]
        assert (await put_default(admin, {**PRODUCTION, "gates": gates}))["loosened"] is loosened
    assert len(await events(admin, action="policy.set")) == 4
