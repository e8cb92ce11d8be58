"""A redaction leaves every policy readable, and those in force as strict as they are."""

from typing import Any

import pytest

from tests.actors import Api, Team
from tests.factories import make_model, make_ready, problem
from tests.policies.acting import default_with, put_default, put_own
from tests.redactions.test_stories import LINE, redact, rows

FROZEN = {"from": "2026-01-01T00:00:00Z", "to": "2027-12-31T00:00:00Z", "reason": f"Why: {LINE}"}


@pytest.fixture
async def alice(team: Team) -> Api:
    return await team.person("alice", "maintainer")


async def refused(admin: Api, text: str, place: str = "policy_revisions.body") -> None:
    for dry_run in (True, False):
        body = {"text": text, "reason": "Why not?", "dry_run": dry_run}
        found = problem(await admin.post("/redactions", body), 409, "redaction-refused")
        assert found["place"] == place


@pytest.mark.parametrize("own", [True, False])
async def test_a_time_of_a_freeze_stays_also_where_the_policy_is_not_in_force_any_more(
    admin: Api, alice: Api, own: bool
) -> None:
    await make_model(alice)
    if own:
        set_ = await put_own(alice, freeze=[FROZEN])
    else:
        set_ = await put_default(admin, freeze=[FROZEN])
    await refused(admin, "2027-12-31")
    await (put_own(alice) if own else put_default(admin))
    await refused(admin, "12-31T00:00")
    paths = ("/promotions", "/models/churn/policy", "/policy", f"/policies/{set_['revision']}")
    for path in paths:
        assert (await alice.get(path)).status_code == 200, path
    assert (await admin.get("/redactions")).json()["items"] == []


async def test_the_time_of_a_recall_stays(admin: Api, alice: Api) -> None:
    await make_model(alice)
    await make_ready(alice)
    recall = await alice.post("/models/churn/versions/1/recall", {"reason": LINE})
    at = recall.json()["recalled"]["at"]
    await refused(admin, at, "versions.recalled")
    await redact(admin, LINE)
    assert (await alice.get("/models/churn/versions/1")).json()["recalled"]["at"] == at


GATE = {
    "type": "metric",
    "metric": "area-under-curve",
    "op": ">=",
    "value": 0.9,
    "reported_by": {"groups": ["evaluators"]},
}
STAGING: dict[str, Any] = {
    "name": "staging",
    "from": ["none"],
    "gates": [GATE],
    "approvals": [{"count": 1, "identities": ["carol-the-third"]}],
}


@pytest.mark.parametrize(
    "text", ["champion", "area-under", "evaluators", "carol-the-third", "the-third"]
)
@pytest.mark.parametrize("own", [True, False])
async def test_what_a_policy_in_force_asks_for_stays(
    admin: Api, alice: Api, team: Team, text: str, own: bool
) -> None:
    await team.person("carol-the-third", "reviewer")
    await admin.post("/groups", {"name": "evaluators"})
    await make_model(alice)
    asks: dict[str, Any] = {"protected_aliases": ["champion"], "freeze": [FROZEN]}
    if own:
        await put_own(alice, stages=[STAGING], **asks)
    else:
        await put_default(admin, STAGING, **asks)
    before = (await alice.get("/models/churn/policy")).json()
    await refused(admin, text)
    assert (await alice.get("/models/churn/policy")).json() == before
    done = await redact(admin, LINE)
    for shown in (before, before["own"] or before):
        shown["freeze"][0]["reason"] = f"Why: {done['marker']}"
    assert (await alice.get("/models/churn/policy")).json() == before


async def test_what_a_policy_asked_for_goes_once_another_is_in_force(
    admin: Api, alice: Api
) -> None:
    await make_model(alice)
    first = await put_default(admin, protected_aliases=["champion"])
    await refused(admin, "champion")
    await put_default(admin)
    done = await redact(admin, "champion")
    assert rows(done)["policy_revisions.body"] == 1
    then = (await alice.get(f"/policies/{first['revision']}")).json()
    assert then["protected_aliases"] == [done["marker"]]
    after = (await admin.put("/policy", json=default_with())).json()
    assert after["loosened"]


async def test_the_policy_of_a_model_that_was_taken_away_keeps_nothing(
    admin: Api, alice: Api
) -> None:
    await make_model(alice)
    await put_own(alice, protected_aliases=["champion"])
    await refused(admin, "champion")
    assert (await alice.delete("/models/churn/policy")).status_code == 204
    await redact(admin, "champion")
