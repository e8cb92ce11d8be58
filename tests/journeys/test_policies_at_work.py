"""The worked policies of the guide for one person and for a few, each through a whole story. What
is set is what the guide shows."""

import pytest

from tests.actors import Api, Team
from tests.factories import events, make_model, problem
from tests.journeys.guide import blocks, policy
from tests.journeys.story import (
    HOLDOUT,
    agreed,
    check,
    detail_of,
    entered,
    failing,
    held_at,
    holders,
    measure,
    register,
    told,
    unmet,
)
from tests.promotions.acting import (
    VERSIONS,
    apply,
    approve,
    look,
    open_promotion,
    say,
    to_staging,
)


def test_the_guide_has_the_policies_that_are_tested() -> None:
    assert list(blocks("policy")) == [
        *("team-of-one", "small-team", "regulated", "canary-default", "high-traffic"),
    ]


async def test_a_team_of_one_approves_for_itself_and_the_record_says_so(
    admin: Api, team: Team
) -> None:
    ada = await team.person("ada", "admin")
    await make_model(ada)
    await register(ada, "model.onnx")
    await to_staging(ada, 1)
    promotion = await open_promotion(ada, 1, "production")
    refused = problem(await say(ada, promotion, "approve"), 403, "separation-of-duties")
    assert "ada asked for it" in refused["detail"]
    assert "`allow_self_approval` and `allow_author_approval`" in refused["detail"]

    put = await ada.put("/policy", json=policy("team-of-one"))
    assert (put.status_code, put.json()["loosened"]) == (200, True), put.text
    assert "approve" in (await look(ada, promotion))["available_actions"]
    assert unmet(await apply(ada, promotion)) == ["approval"]
    await approve(ada, promotion)
    done = (await apply(ada, promotion)).json()
    assert (done["status"], done["policy_flags"]) == ("applied", ["loosened"])
    assert done["opened_under_revision"] < done["policy_revision"] == put.json()["revision"]

    await register(ada, "model.onnx", content=b"other weights")
    await to_staging(ada, 2)
    second = await agreed(ada, 2, "production", ada)
    assert second["incumbent"] == 1
    assert await holders(ada) == {"archived": [1], "production": [2]}
    first_at, second_at = [await entered(ada, n, "production") for n in (1, 2)]
    assert await held_at(ada, "production", first_at) == (1, promotion["id"])
    assert await held_at(ada, "production", second_at) == (2, second["id"])
    back = await ada.post("/models/churn/rollback", {"stage": "production", "reason": "Slow."})
    assert (back.json()["number"], back.json()["rolled_back"]) == (1, 2)

    assert await told(admin, promotion) == [
        ("requested", "ada"),
        ("policy_changed", "stageward"),
        ("reviewed", "ada"),
        ("approved", "stageward"),
        ("applied", "ada"),
    ]
    (set_once,) = await events(admin, action="policy.set")
    assert set_once["details"]["loosened"] == [
        "`production` may be approved by who asked for it.",
        "`production` may be approved by who wrote the version.",
    ]
    (rolled_back,) = await events(admin, action="stage.rolled_back")
    assert (rolled_back["actor"], rolled_back["version"]) == ("ada", 1)


async def test_one_model_can_be_a_team_of_one_while_the_others_keep_their_reviews(
    team: Team,
) -> None:
    ada = await team.person("ada", "admin")
    mia = await team.person("mia", "maintainer")
    alone = {**policy("team-of-one"), "replaces_default": True}
    for model in ("sandbox", "churn"):
        await make_model(ada, model)
    refused = await mia.put("/models/sandbox/policy", json=alone)
    problem(refused, 403, "not-allowed")
    put = await ada.put("/models/sandbox/policy", json=alone)
    assert put.json()["own"]["replaces_default"] is True, put.text
    await register(ada, "model.onnx")
    await to_staging(ada, 1)
    kept = await open_promotion(ada, 1, "production")
    problem(await say(ada, kept, "approve"), 403, "separation-of-duties")

    await register(ada, "model.onnx", model="sandbox")
    path = "/models/sandbox/versions/1/promotions"
    staged = await ada.post(path, {"to": "staging", "reason": "Try it.", "apply": True})
    assert staged.json()["status"] == "applied", staged.text
    free = (await ada.post(path, {"to": "production", "reason": "Try it."})).json()
    await approve(ada, free)
    done = (await apply(ada, free)).json()
    assert (done["status"], done["policy_flags"]) == ("applied", ["loosened", "replaces_default"])


@pytest.fixture
async def small(admin: Api, team: Team) -> dict[str, Api]:
    """Alice and Bob train and review, Mia maintains, `ci` is hers; the policy is set."""
    mia = await team.person("mia", "maintainer")
    people = {
        "mia": mia,
        "alice": await team.person("alice", "reviewer"),
        "bob": await team.person("bob", "reviewer"),
        "ci": await team.service("ci", mia, "contributor"),
    }
    await make_model(admin)
    put = await mia.put("/models/churn/policy", json=policy("small-team"))
    assert (put.status_code, put.json()["own"]["loosened"]) == (200, False), put.text
    return people


async def test_a_small_team_believes_its_ci_and_a_reviewer_who_had_no_part_in_it(
    small: dict[str, Api], admin: Api
) -> None:
    alice, bob, ci = small["alice"], small["bob"], small["ci"]
    await register(alice, "model.onnx", code=None, datasets=[])
    await to_staging(alice, 1)
    first = await open_promotion(alice, 1, "production")
    assert detail_of(first, "fields") == (
        "Version 1 lacks code.commit, code.clean and datasets.train."
    )
    assert unmet(await apply(alice, first)) == ["fields", "metric", "check", "approval"]
    assert (await say(bob, first, "reject", comment="Of which code?")).status_code == 201
    assert (await look(bob, first))["status"] == "rejected"

    await register(alice, "model.onnx")
    await to_staging(alice, 2)
    second = await open_promotion(alice, 2, "production")
    assert second["approvals"]["required"] == 1
    assert second["expires_at"] is not None
    await measure(alice, 2, "auc", 0.99, "holdout", HOLDOUT)
    await check(alice, 2, "ci/tests", "success")
    shown = await look(bob, second)
    assert failing(shown) == ["metric", "check"]
    assert "by alice only, and that does not count; ci must" in detail_of(shown, "metric")
    assert "by alice only, and that does not count; ci must" in detail_of(shown, "check")
    await measure(ci, 2, "auc", 0.934, "holdout", HOLDOUT)
    await check(ci, 2, "ci/tests", "pending")
    problem(await say(alice, second, "approve"), 403, "separation-of-duties")
    await approve(bob, second)
    assert unmet(await apply(ci, second)) == ["check"]
    await check(ci, 2, "ci/tests", "success", "412 passed")
    assert (await look(bob, second))["status"] == "approved"
    edited = await alice.patch(f"{VERSIONS}/2", {"description": "Depth 8, in truth."})
    assert edited.status_code == 200
    shown = await look(bob, second)
    assert (shown["status"], shown["reviews"][0]["stale"]) == ("open", True)
    await approve(bob, second)
    done = await apply(ci, second)
    assert (done.json()["status"], done.json()["ended_by"]) == ("applied", "ci"), done.text
    assert (await look(bob, first))["status"] == "rejected"
    assert await told(admin, second) == [
        ("requested", "alice"),
        ("reviewed", "bob"),
        ("approved", "stageward"),
        ("reopened", "stageward"),
        ("reviewed", "bob"),
        ("approved", "stageward"),
        ("applied", "ci"),
    ]
    assert (await told(admin, first))[-1] == ("rejected", "bob")


async def test_a_small_team_replaces_what_is_in_production_and_goes_back(
    small: dict[str, Api],
) -> None:
    alice, bob, ci, mia = small["alice"], small["bob"], small["ci"], small["mia"]
    done = []
    for number, (author, reviewer) in enumerate([(alice, bob), (bob, alice)], 1):
        await register(author, "model.onnx")
        await to_staging(author, number)
        await measure(ci, number, "auc", 0.93, "holdout", HOLDOUT)
        await check(ci, number, "ci/tests", "success")
        done.append(await agreed(author, number, "production", reviewer))
    assert [each["incumbent"] for each in done] == [None, 1]
    assert await holders(alice) == {"archived": [1], "production": [2]}
    first_at, second_at = [await entered(alice, n, "production") for n in (1, 2)]
    assert await held_at(alice, "production", first_at) == (1, done[0]["id"])
    assert await held_at(alice, "production", second_at) == (2, done[1]["id"])
    wanted = {"stage": "production", "reason": "Errors doubled.", "expected_incumbent": 2}
    problem(await alice.post("/models/churn/rollback", wanted), 403, "not-allowed")
    assert (await mia.post("/models/churn/rollback", wanted)).json()["number"] == 1
    again = problem(await mia.post("/models/churn/rollback", wanted), 409, "incumbent-changed")
    assert again["incumbent"] == 1
    del wanted["expected_incumbent"]
    nobody = problem(await mia.post("/models/churn/rollback", wanted), 409, "cannot-roll-back")
    assert nobody["alternatives"] == [2]
    forth = await mia.post("/models/churn/rollback", {**wanted, "to": 2})
    assert (forth.json()["number"], forth.json()["rolled_back"]) == (2, 1)
