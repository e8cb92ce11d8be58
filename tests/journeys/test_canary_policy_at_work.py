"""The guide's policies for high traffic, through a whole story. What is set is what the guide
shows."""

import pytest

from tests.actors import Api, Team
from tests.factories import events, make_model, pointers, problem
from tests.journeys.guide import policy
from tests.journeys.story import (
    HOLDOUT,
    OTHER_HOLDOUT,
    Sql,
    agreed,
    check,
    detail_of,
    entered,
    failing,
    held_at,
    holders,
    let_pass,
    measure,
    register,
    told,
    unmet,
)
from tests.promotions.acting import (
    VERSIONS,
    apply,
    approve,
    ask,
    look,
    open_promotion,
    say,
    to_staging,
)

DAY = 24
VIEWS = 2_000_000
REPLAY, LATER_REPLAY = HOLDOUT, OTHER_HOLDOUT


async def test_a_model_alone_cannot_put_a_canary_before_production(admin: Api, team: Team) -> None:
    mia = await team.person("mia", "maintainer")
    await make_model(admin)
    stages = [{"name": "canary", "from": ["staging"]}, {"name": "production", "from": ["canary"]}]
    body = problem(
        await mia.put("/models/churn/policy", json={"stages": stages}), 422, "invalid-request"
    )
    assert pointers(body) == {"/stages/1/from"}
    assert "only the ways that both allow are left" in body["errors"][0]["detail"]


@pytest.fixture
async def shop(admin: Api, team: Team) -> dict[str, Api]:
    """Alice trains, Bob reviews, Mia maintains; `replay` and `monitor` are hers. Both policies are
    set, the default by the admin and the model's by Mia."""
    mia = await team.person("mia", "maintainer")
    people = {
        "mia": mia,
        "alice": await team.person("alice", "contributor"),
        "bob": await team.person("bob", "reviewer"),
        "replay": await team.service("replay", mia, "contributor"),
        "monitor": await team.service("monitor", mia, "contributor"),
    }
    await make_model(admin)
    put = await admin.put("/policy", json=policy("canary-default"))
    assert (put.status_code, put.json()["loosened"]) == (200, False), put.text
    own = await mia.put("/models/churn/policy", json=policy("high-traffic"))
    assert (own.status_code, own.json()["own"]["loosened"]) == (200, False), own.text
    assert [stage["name"] for stage in own.json()["stages"]] == [
        *("staging", "canary", "production", "archived"),
    ]
    return people


async def to_canary(shop: dict[str, Api], number: int) -> None:
    """A new version, through staging into the canary, with Bob's approval."""
    await register(shop["alice"], "model.onnx", content=f"weights {number}".encode())
    await to_staging(shop["alice"], number)
    await agreed(shop["alice"], number, "canary", shop["bob"])


async def proven(shop: dict[str, Api], sql: Sql, number: int, rate: float = 0.031) -> None:
    """After a day in which nothing was seen, with a good click rate."""
    await measure(shop["replay"], number, "click_rate", rate, "live-replay", REPLAY, n=VIEWS)
    await check(shop["monitor"], number, "monitor/canary", "success")
    await let_pass(sql, "canary", DAY)


async def test_production_is_reached_through_a_day_in_the_canary_only(
    shop: dict[str, Api], admin: Api, sql: Sql
) -> None:
    alice, bob = shop["alice"], shop["bob"]
    await register(alice, "model.onnx")
    await to_staging(alice, 1)
    short_cut = problem(await ask(alice, 1, "production"), 409, "transition-not-allowed")
    assert "`production` is reached from `canary` only" in short_cut["detail"]
    trying = await open_promotion(alice, 1, "canary")
    assert unmet(await apply(alice, trying)) == ["approval"]
    problem(await say(alice, trying, "approve"), 403, "not-allowed")
    await approve(bob, trying)
    assert (await apply(alice, trying)).json()["status"] == "applied"

    promotion = await open_promotion(alice, 1, "production")
    await approve(bob, promotion)
    assert unmet(await apply(alice, promotion)) == ["min_hours_in_source", "check"]
    await check(alice, 1, "monitor/canary", "success")
    assert "by alice only" in detail_of(await look(alice, promotion), "check")
    await proven(shop, sql, 1)
    assert (await look(alice, promotion))["status"] == "approved"
    await check(shop["monitor"], 1, "monitor/canary", "failure", "p99 is 840 ms.")
    taken_back = await look(alice, promotion)
    assert taken_back["status"] == "open"
    assert detail_of(taken_back, "check") == (
        "The check monitor/canary failed (reported by monitor, owned by mia): p99 is 840 ms."
    )
    await check(shop["monitor"], 1, "monitor/canary", "success", "p99 is 80 ms.")
    assert (await apply(alice, promotion)).json()["status"] == "applied"
    assert [action for action, _ in await told(admin, promotion)] == [
        *("requested", "reviewed", "approved", "reopened", "approved", "applied"),
    ]


async def test_several_canaries_compete_and_the_better_one_takes_production(
    shop: dict[str, Api], admin: Api, sql: Sql
) -> None:
    alice, bob, replay = shop["alice"], shop["bob"], shop["replay"]
    await to_canary(shop, 1)
    await proven(shop, sql, 1)
    first = await agreed(alice, 1, "production", bob)
    for number in (2, 3):
        await to_canary(shop, number)
    assert await holders(alice) == {"canary": [2, 3], "production": [1]}
    problem(await alice.get(f"{VERSIONS}/canary"), 409, "ambiguous-reference")

    await proven(shop, sql, 2, 0.0295)
    await proven(shop, sql, 3, 0.0312)
    worse, better = [await open_promotion(alice, n, "production") for n in (2, 3)]
    for promotion in (worse, better):
        await approve(bob, promotion)
    assert unmet(await apply(alice, worse)) == ["baseline"]
    assert "with 95 % confidence it is at least -0.00178172" in detail_of(worse, "baseline")
    await measure(replay, 3, "click_rate", 0.0312, "live-replay", LATER_REPLAY, n=VIEWS)
    assert failing(await look(alice, better)) == []  # the replay that both have still counts
    out = await ask(alice, 2, "archived", apply=True)
    assert out.json()["status"] == "applied", out.text  # no maintainer: canary is not exclusive
    assert (await look(alice, worse))["status"] == "voided"

    done = (await apply(alice, better)).json()
    assert (done["status"], done["incumbent"], done["policy_flags"]) == ("applied", 1, [])
    assert await holders(alice) == {"archived": [1, 2], "production": [3]}
    times = [await entered(alice, n, "production") for n in (1, 3)]
    assert await held_at(alice, "production", times[0]) == (1, first["id"])
    assert await held_at(alice, "production", times[1]) == (3, better["id"])
    emptied = problem(await ask(alice, 3, "archived"), 403, "stage-would-be-emptied")
    assert "takes the role maintainer" in emptied["detail"]
    wanted = {"stage": "canary", "reason": "Slow."}
    problem(await shop["mia"].post("/models/churn/rollback", wanted), 409, "stage-not-exclusive")
    back = await shop["mia"].post("/models/churn/rollback", {**wanted, "stage": "production"})
    assert (back.json()["number"], back.json()["rolled_back"]) == (1, 3)
    assert (await told(admin, worse))[-1] == ("voided", "alice")
    moves = [
        (each["version"], each["details"]["from"], each["details"]["to"])
        for each in (await events(admin, action="version.moved"))[-2:]
    ]
    assert sorted(moves) == [(1, "archived", "production"), (3, "production", "archived")]


async def test_the_replay_must_be_the_same_for_both(shop: dict[str, Api], sql: Sql) -> None:
    alice, replay = shop["alice"], shop["replay"]
    await to_canary(shop, 1)
    await proven(shop, sql, 1)
    await agreed(alice, 1, "production", shop["bob"])
    await to_canary(shop, 2)
    await measure(replay, 2, "click_rate", 0.0312, "live-replay", LATER_REPLAY, n=VIEWS)
    promotion = await open_promotion(alice, 2, "production")
    assert "was measured on other data" in detail_of(promotion, "baseline")
    await measure(replay, 1, "click_rate", 0.0309, "live-replay", LATER_REPLAY, n=VIEWS)
    assert failing(await look(alice, promotion)) == ["min_hours_in_source", "check"]


async def test_both_policies_can_stand_instead_of_the_default_for_one_model(
    admin: Api, team: Team
) -> None:
    mia = await team.person("mia", "maintainer")
    for bot in ("replay", "monitor"):
        await team.service(bot, mia)
    await make_model(admin)
    default, own = policy("canary-default"), policy("high-traffic")
    added = {stage["name"]: stage for stage in own["stages"]}
    both = [{**stage, **added.get(stage["name"], {})} for stage in default["stages"]]
    body = {"stages": both, "replaces_default": True}
    put = await admin.put("/models/churn/policy", json=body)
    assert put.status_code == 200, put.text
    assert put.json()["own"]["replaces_default"] is True
    production = put.json()["stages"][2]
    assert (production["name"], production["from"]) == ("production", ["canary"])
    assert production["approvals"][0]["count"] == 1
