"""Setting policies: what is refused, what follows, and what is flagged."""

from typing import Any

import psycopg
import pytest

from tests.actors import Api, Team
from tests.factories import events, make_draft, make_model, make_ready, pointers, problem
from tests.policies.acting import PRODUCTION, default_with, put_default, put_own
from tests.promotions.acting import ask, to_staging

Sql = psycopg.AsyncConnection[tuple[object, ...]]
TWO = [{"count": 2, "roles": ["reviewer"]}]


async def test_a_model_adds_to_the_default_and_shows_both(admin: Api, team: Team) -> None:
    await make_model(admin)
    mia = await team.person("mia", "maintainer")
    put = await mia.put(
        "/models/churn/policy",
        json={
            "stages": [
                {"name": "staging", "expires_after_hours": 72},
                {"name": "shadow", "from": ["staging"]},
                {
                    "name": "production",
                    "approvals": [{"count": 2, "roles": ["maintainer"]}],
                    "gates": [{"type": "stored"}],
                },
            ],
            "protected_aliases": ["champion"],
        },
    )
    assert put.status_code == 200, put.text
    body = put.json()
    assert [stage["name"] for stage in body["stages"]] == [
        *("staging", "shadow", "production", "archived"),
    ]
    production = body["stages"][2]
    assert [(rule["count"], rule["roles"]) for rule in production["approvals"]] == [
        (1, ["reviewer"]),
        (2, ["maintainer"]),
    ]
    assert production["gates"] == [{"type": "stored"}]
    assert (production["from"], production["exclusive"]) == (["staging"], True)
    assert body["stages"][3]["from"] == ["none", "staging", "production", "shadow"]
    assert body["protected_aliases"] == ["champion"]
    assert (body["default_revision"], body["own"]["revision"]) == (1, body["revision"])
    assert body["own"]["stages"][2]["from"] is None
    assert body["own"]["loosened"] is False
    shown = await mia.get("/models/churn/policy")
    assert (shown.json(), shown.headers["etag"]) == (body, put.headers["etag"])
    kept = (await mia.get(f"/policies/{body['revision']}")).json()
    assert kept == body["own"]
    stages = (await mia.get("/models/churn/stages")).json()["stages"]
    assert [stage["stage"] for stage in stages] == ["staging", "shadow", "production", "archived"]
    told = await events(admin, action="policy.set")
    assert told[-1]["subject"] == "policy:churn"
    assert told[-1]["details"] == {
        "from": 1,
        "to": body["revision"],
        "replaces_default": False,
        "loosened": [],
    }


async def test_a_version_moves_through_a_stage_of_the_models_own(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin)
    await put_own(admin, stages=[{"name": "shadow", "from": ["none"]}])
    moved = await ask(admin, 1, "shadow", apply=True)
    assert moved.json()["status"] == "applied", moved.text
    held = await admin.get("/models/churn/versions/shadow")
    assert (held.json()["number"], held.json()["stage"]) == (1, "shadow")
    gone = await admin.delete("/models/churn/policy")
    body = problem(gone, 409, "stage-in-use")
    assert body["held"] == [{"model": "churn", "stage": "shadow", "versions": [1], "count": 1}]
    assert (await ask(admin, 1, "archived", apply=True)).json()["status"] == "applied"
    left = (await admin.get("/models/churn/transitions")).json()["items"][0]["at"]
    assert (await admin.delete("/models/churn/policy")).status_code == 204
    problem(await admin.delete("/models/churn/policy"), 404, "not-found")
    past = (await admin.get("/models/churn/stages/shadow")).json()
    assert (past["number"], past["holders"]) == (None, [])
    moved_at = (await admin.get("/models/churn/transitions")).json()["items"][1]["at"]
    past = (await admin.get("/models/churn/stages/shadow", params={"at": moved_at})).json()
    assert (past["number"], past["until"]) == (1, left)
    now = (await admin.get("/models/churn/policy")).json()
    assert now["own"] is None
    assert now["revision"] > now["default_revision"]
    stages = (await admin.get("/models/churn/stages")).json()["stages"]
    assert [stage["stage"] for stage in stages] == ["staging", "production", "archived"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"stages": [{"name": "production", "from": ["nowhere"]}]}, "/stages/0/from/0"),
        ({"stages": [{"name": "shadow"}]}, "/stages/0/from"),
        ({"stages": [{"name": "production", "from": ["archived"]}]}, "/stages/0/from"),
        ({"stages": [{"name": "staging", "incumbent": "archive"}]}, "/stages/0/incumbent"),
        (
            {"stages": [{"name": "production", "approvals": [{"count": 1, "groups": ["no"]}]}]},
            "/stages/0/approvals/0/groups/0",
        ),
        (
            {"stages": [{"name": "staging", "approvals": [{"count": 1, "identities": ["no"]}]}]},
            "/stages/0/approvals/0/identities/0",
        ),
        (
            {
                "stages": [
                    {
                        "name": "production",
                        "gates": [
                            {"type": "check", "name": "ci", "reported_by": {"groups": ["no"]}}
                        ],
                    }
                ]
            },
            "/stages/0/gates/0/reported_by/groups/0",
        ),
        (
            {
                "stages": [
                    {
                        "name": "staging",
                        "gates": [
                            {
                                "type": "baseline",
                                "metric": "auc",
                                "dataset": "holdout",
                                "higher_is_better": True,
                            }
                        ],
                    }
                ]
            },
            "/stages/0/gates/0/against",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_at_its_place(
    admin: Api, body: dict[str, Any], pointer: str
) -> None:
    await make_model(admin)
    found = problem(await admin.put("/models/churn/policy", json=body), 422, "invalid-request")
    assert pointers(found) == {pointer}
    assert (await admin.get("/models/churn/policy")).json()["revision"] == 1


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        ({"approvals": [{"count": 2, "identities": ["admin"]}]}, "never be met"),
        ({"approvals": [{"count": 0}]}, "greater than or equal to 1"),
        ({"approvals": [{"count": 1, "roles": ["reader"]}]}, "reviewer"),
        ({"exclusive": True, "incumbent": "keep"}, "cannot `keep`"),
        ({"from": ["production"]}, "from itself"),
        ({"expires_after_hours": 0}, "at least a second"),
        ({"gates": [{"type": "unknown"}]}, "type"),
        ({"gates": [{"type": "fields", "require": ["colour"]}]}, "colour"),
        ({"approval": []}, "Unknown field"),
    ],
)
async def test_what_is_not_well_formed_is_refused(
    admin: Api, stage: dict[str, Any], says: str
) -> None:
    put = await admin.put("/policy", json={"stages": [{**PRODUCTION, **stage}]})
    body = problem(put, 422, "invalid-request")
    assert all(error["pointer"].startswith("/stages/0") for error in body["errors"])
    assert says in str(body["errors"])


async def test_a_default_without_stages_or_with_a_nameless_one_is_refused(admin: Api) -> None:
    refused = (
        {"stages": []},
        {"stages": [{"name": "none", "from": ["staging"]}]},
        {"stages": [PRODUCTION, PRODUCTION]},
        {"replaces_default": True, **default_with()},
    )
    for body in refused:
        problem(await admin.put("/policy", json=body), 422, "invalid-request")


async def test_a_new_stage_is_not_called_like_a_version_or_an_alias(admin: Api) -> None:
    for model in ("churn", "fraud"):
        await make_model(admin, model)
        await make_ready(admin, model, name="Canary")
    await admin.put("/models/fraud/aliases/Shadow", json={"version": 1})
    canary, shadow = ({"name": name, "from": ["none"]} for name in ("canary", "shadow"))
    own = problem(
        await admin.put("/models/churn/policy", json={"stages": [canary]}), 409, "stage-name-taken"
    )
    assert own["taken"] == [{"model": "churn", "kind": "version", "name": "Canary", "number": 1}]
    every = problem(
        await admin.put("/policy", json=default_with(canary, shadow)), 409, "stage-name-taken"
    )
    assert [(t["model"], t["kind"]) for t in every["taken"]] == [
        ("churn", "version"),
        ("fraud", "alias"),
        ("fraud", "version"),
    ]
    await put_own(admin, "churn", stages=[shadow])
    problem(await admin.put("/models/churn/aliases/shadow", json={"version": 1}), 409,
            "alias-is-stage")  # fmt: skip
    made = await admin.post("/models/churn/versions", {"name": "SHADOW"})
    problem(made, 409, "version-name-taken")


async def test_a_stage_that_is_held_does_not_go_and_several_holders_are_not_made_one(
    admin: Api, sql: Sql
) -> None:
    await make_model(admin)
    for number in (1, 2):
        await make_ready(admin)
        await to_staging(admin, number)
    gone = {"stages": [{"name": "production", "from": ["none"], "exclusive": True}]}
    body = problem(await admin.put("/policy", json=gone), 409, "stage-in-use")
    assert body["held"] == [{"model": "churn", "stage": "staging", "versions": [1, 2], "count": 2}]
    exclusive = {"stages": [{"name": "staging", "exclusive": True}]}
    problem(await admin.put("/models/churn/policy", json=exclusive), 409, "stage-in-use")
    assert (await ask(admin, 1, "archived", apply=True)).status_code == 201
    own = await put_own(admin, **exclusive)
    assert own["stages"][0]["exclusive"] is True
    await make_ready(admin)
    await to_staging(admin, 3)
    stages = (await admin.get("/models/churn/stages")).json()["stages"]
    assert [h["number"] for h in stages[0]["holders"]] == [3]
    found = await sql.execute("select count(*) from tenures where exclusive and stage = 'staging'")
    assert await found.fetchone() == (2,)
    assert (await admin.delete("/models/churn/policy")).status_code == 204
    await make_ready(admin)
    await to_staging(admin, 4)
    stages = (await admin.get("/models/churn/stages")).json()["stages"]
    assert [h["number"] for h in stages[0]["holders"]] == [4, 3]


async def test_the_default_changes_the_kind_of_held_stages_but_not_of_models_own(
    admin: Api, sql: Sql
) -> None:
    for model in ("churn", "fraud"):
        await make_model(admin, model)
        await make_ready(admin, model)
        await admin.post(f"/models/{model}/versions/1/promotions",
                         {"to": "staging", "reason": "Try it.", "apply": True})  # fmt: skip
    await put_own(admin, "fraud", replaces_default=True, **default_with())
    await put_default(admin, {"name": "staging", "from": ["none"], "exclusive": True})
    found = await sql.execute(
        "select models.name, exclusive from tenures join models on models.id = model_id "
        "where upper_inf(held) order by 1"
    )
    assert await found.fetchall() == [("churn", True), ("fraud", False)]


async def test_only_an_admin_loosens_and_it_is_flagged_for_ever(admin: Api, team: Team) -> None:
    await make_model(admin)
    mia = await team.person("mia", "maintainer")
    bob = await team.person("bob", "reviewer")
    free = {"name": "production", "from": ["staging"], "exclusive": True}
    problem(await mia.put("/policy", json=default_with(free)), 403, "not-allowed")
    problem(await bob.put("/models/churn/policy", json={}), 403, "not-allowed")
    instead = {**default_with(free), "replaces_default": True}
    problem(await mia.put("/models/churn/policy", json=instead), 403, "not-allowed")
    own = await put_own(mia, stages=[{"name": "production", "allow_self_approval": True}])
    assert own["stages"][1]["allow_self_approval"] is False
    looser = await put_default(admin, free)
    assert looser["loosened"] is True
    told = (await events(admin, action="policy.set"))[-1]
    assert told["subject"] == "policy:default"
    assert told["details"]["loosened"] == ["`production` does not ask any more for 1 approval(s) "
                                           "as it did."]  # fmt: skip
    back = await put_default(admin)
    assert back["loosened"] is False
    assert (await admin.get(f"/policies/{looser['revision']}")).json()["loosened"] is True
    replaced = await put_own(admin, **instead)
    assert (replaced["own"]["loosened"], replaced["own"]["replaces_default"]) == (True, True)
    problem(await mia.put("/models/churn/policy", json={}), 403, "not-allowed")
    problem(await mia.delete("/models/churn/policy"), 403, "not-allowed")


async def test_a_policy_is_set_only_over_the_one_that_was_read(admin: Api) -> None:
    await make_model(admin)
    tag = (await admin.get("/models/churn/policy")).headers["etag"]
    body = {"stages": [{"name": "production", "approvals": TWO}]}
    put = await admin.put("/models/churn/policy", json=body, headers={"If-Match": tag})
    assert put.status_code == 200, put.text
    again = await admin.put("/models/churn/policy", json={}, headers={"If-Match": tag})
    problem(again, 412, "stale-revision")
    problem(await admin.put("/policy", json=default_with(), headers={"If-Match": '"0"'}), 412,
            "stale-revision")  # fmt: skip


async def test_groups_and_identities_are_kept_as_they_are_written(admin: Api, team: Team) -> None:
    await make_model(admin)
    await team.person("Bob", "reviewer")
    await admin.post("/groups", {"name": "Risk"})
    own = await put_own(
        admin,
        stages=[
            {
                "name": "production",
                "approvals": [{"count": 1, "groups": ["risk"], "identities": ["BOB"]}],
            }
        ],
    )
    assert own["stages"][1]["approvals"][1] == {
        "count": 1,
        "roles": [],
        "groups": ["Risk"],
        "identities": ["Bob"],
    }


async def test_a_draft_named_in_time_keeps_its_name_from_a_stage(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin, name="canary")
    put = await admin.put(
        "/models/churn/policy", json={"stages": [{"name": "canary", "from": ["none"]}]}
    )
    problem(put, 409, "stage-name-taken")
