"""Trying a policy on a version, without doing anything."""

from typing import Any

from tests.actors import Api, Team
from tests.factories import events, make_model, make_ready, pointers, problem
from tests.policies.acting import PRODUCTION, default_with, put_own
from tests.promotions.acting import to_staging

METRIC = {"type": "metric", "metric": "auc", "op": ">=", "value": 0.9}


async def try_it(api: Api, to: str = "production", **fields: Any) -> dict[str, Any]:
    body = {"model": "churn", "version": 1, "to": to, **fields}
    found = await api.post("/policy/preview", body)
    assert found.status_code == 200, found.text
    return dict(found.json())


async def test_it_tells_what_the_policy_in_force_would_do(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin, metrics={"auc": 0.93})
    free = await try_it(admin, "staging")
    assert (free["outcome"], free["unmet"], free["policy_revision"]) == ("applies", [], 1)
    early = await try_it(admin)
    assert (early["outcome"], early["from"]) == ("refused", "none")
    assert "reached from `staging` only" in early["unmet"][0]["detail"]
    await to_staging(admin, 1)
    waits = await try_it(admin)
    assert (waits["outcome"], waits["approvals"]["missing"]) == ("waits", 1)
    assert [each["kind"] for each in waits["unmet"]] == ["approval"]
    own = await put_own(admin, stages=[{"name": "production", "gates": [METRIC]}])
    gated = await try_it(admin)
    assert gated["policy_revision"] == own["revision"]
    assert [(gate["type"], gate["passed"]) for gate in gated["gates"]] == [("metric", True)]


async def test_it_tries_a_policy_that_is_not_set(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin, metrics={"auc": 0.5})
    await to_staging(admin, 1)
    before = len(await events(admin))
    tried = await try_it(
        admin,
        policy={
            "stages": [{"name": "production", "gates": [METRIC], "expires_after_hours": 2}],
            "freeze": [
                {"from": "2020-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z", "reason": "Ice."}
            ],
        },
    )
    assert (tried["outcome"], tried["policy_revision"]) == ("waits", None)
    assert {each["kind"] for each in tried["unmet"]} == {"gate", "approval"}
    assert tried["gates"][0]["passed"] is False
    assert "0.5" in tried["gates"][0]["detail"]
    assert tried["freeze"]["reason"] == "Ice."
    assert tried["expires_at"] is not None
    free = {**default_with({**PRODUCTION, "approvals": []}), "replaces_default": True}
    assert (await try_it(admin, policy=free))["outcome"] == "applies"
    new = {"stages": [{"name": "canary", "from": ["staging"]}]}
    assert (await try_it(admin, "canary", policy=new))["outcome"] == "applies"
    assert len(await events(admin)) == before
    assert (await admin.get("/promotions?to=production")).json()["items"] == []
    assert (await admin.get("/models/churn/policy")).json()["revision"] == 1


async def test_what_cannot_be_tried_says_why(admin: Api, team: Team) -> None:
    await make_model(admin)
    await admin.post("/models/churn/versions", {})
    draft = await try_it(admin, "staging")
    assert (draft["outcome"], draft["unmet"][0]["kind"]) == ("refused", "version")
    ask = {"model": "churn", "version": 1, "to": "nowhere"}
    assert pointers(problem(await admin.post("/policy/preview", ask), 422, "invalid-request")) == {
        "/to"
    }
    bad = {**ask, "to": "staging", "policy": {"stages": [{"name": "canary"}]}}
    body = problem(await admin.post("/policy/preview", bad), 422, "invalid-request")
    assert pointers(body) == {"/policy/stages/0/from"}
    reader = await team.person("carol", "reader", models="churn")
    assert (await try_it(reader, "staging"))["version"] == 1
    stranger = await team.person("eve", "maintainer", models="other")
    problem(await stranger.post("/policy/preview", {**ask, "to": "staging"}), 404, "not-found")
    gone = {**ask, "version": 7, "to": "staging"}
    problem(await admin.post("/policy/preview", gone), 404, "not-found")
