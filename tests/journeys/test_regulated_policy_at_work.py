"""The guide's policy for regulated models, through a whole story. What is set is what the guide
shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.actors import Api, Team
from tests.factories import events, make_model, problem
from tests.journeys.guide import policy
from tests.journeys.story import (
    HOLDOUT,
    OTHER_HOLDOUT,
    Sql,
    agreed,
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

WEEK = 168
ROLLBACK = "/models/churn/rollback"


@pytest.fixture
async def bank(admin: Api, team: Team) -> dict[str, Api]:
    """Alice trains; Rita, Rob and Rex are of risk, Vera is of validation and owns `validator`; Mia
    maintains. The policy is set, by her."""
    groups = {"risk": ["rita", "rob", "rex"], "validation": ["vera"]}
    people = {
        "mia": await team.person("mia", "maintainer"),
        "alice": await team.person("alice", "contributor"),
    }
    for group, members in groups.items():
        made = await admin.post("/groups", {"name": group})
        assert made.status_code == 201, made.text
        await team.grant(group, "reviewer")
        for member in members:
            people[member] = await team.person(member)
            put = await admin.put(f"/groups/{group}/members/{member}")
            assert put.is_success, put.text
    people["validator"] = await team.service("validator", people["vera"], "contributor")
    await make_model(admin)
    put = await people["mia"].put("/models/churn/policy", json=policy("regulated"))
    assert (put.status_code, put.json()["own"]["loosened"]) == (200, False), put.text
    return people


async def validated(bank: dict[str, Api], sql: Sql, number: int) -> None:
    """Measured well, and a week in staging."""
    await to_staging(bank["alice"], number)
    await measure(bank["validator"], number, "auc", 0.9, "holdout", HOLDOUT, stderr=0.001)
    await let_pass(sql, "staging", WEEK)


async def in_production(bank: dict[str, Api], sql: Sql, count: int) -> list[dict[str, Any]]:
    """So many versions, one after another."""
    done = []
    for number in range(1, count + 1):
        await register(bank["alice"], "model.safetensors")
        await validated(bank, sql, number)
        reviewers = [bank[name] for name in ("rita", "rob", "vera")]
        done.append(await agreed(bank["alice"], number, "production", *reviewers))
    return done


async def test_what_runs_code_or_is_held_elsewhere_does_not_get_through(
    bank: dict[str, Api], sql: Sql
) -> None:
    alice = bank["alice"]
    await register(alice, "model.pkl")
    pickled = (await ask(alice, 1, "staging", apply=True)).json()
    assert (pickled["status"], failing(pickled)) == ("open", ["formats"])
    assert unmet(await apply(alice, pickled)) == ["formats"]
    assert "model.pkl (pickle)" in detail_of(pickled, "formats")
    await register(alice, source="s3://models/churn/2/", seed=None)
    await validated(bank, sql, 2)
    elsewhere = await open_promotion(alice, 2, "production")
    assert failing(elsewhere) == ["fields", "stored"]
    assert detail_of(elsewhere, "fields") == "Version 2 lacks seed."
    assert "names the source s3://models/churn/2/" in detail_of(elsewhere, "stored")


async def test_two_of_risk_and_one_of_validation_agree_after_a_week(
    bank: dict[str, Api], admin: Api, sql: Sql
) -> None:
    alice, rita, rob, vera = (bank[name] for name in ("alice", "rita", "rob", "vera"))
    drafted = await bank["rex"].post(VERSIONS, {"description": "Begun by Rex."})
    assert drafted.status_code == 201
    await register(alice, "model.safetensors")
    await to_staging(alice, 2)
    promotion = await open_promotion(alice, 2, "production")
    asked_at = datetime.fromisoformat(promotion["created_at"])
    expires = datetime.fromisoformat(promotion["expires_at"])
    assert expires - asked_at == timedelta(hours=720)
    await measure(alice, 2, "auc", 0.99, "holdout", HOLDOUT, stderr=0.001)
    refused = unmet(await apply(alice, promotion))
    assert refused == ["min_hours_in_source", "metric", "approval", "approval", "approval"]
    await measure(bank["validator"], 2, "auc", 0.9, "holdout", HOLDOUT, stderr=0.001)
    await let_pass(sql, "staging", WEEK)
    shown = await look(alice, promotion)
    assert failing(shown) == []
    assert detail_of(shown, "baseline").startswith("No version holds production now")

    await approve(rita, promotion)
    assert (await say(vera, promotion, "reject", comment="Which bias?")).status_code == 201
    await approve(rob, promotion)
    assert unmet(await apply(alice, promotion)) == ["approval", "rejection"]
    again = await say(vera, promotion, "comment", comment="Read the card.")
    assert again.status_code == 201
    assert unmet(await apply(alice, promotion)) == ["approval", "rejection"]
    assert (await say(vera, promotion, "withdraw")).status_code == 201
    assert unmet(await apply(alice, promotion)) == ["approval"]
    await approve(vera, promotion)
    approved = await look(alice, promotion)
    assert approved["status"] == "approved"
    assert [rule["given_by"] for rule in approved["approvals"]["rules"]] == [
        ["rita", "rob", "vera"],  # the default's one reviewer
        ["rita", "rob"],
        ["vera"],
    ]
    assert (await apply(alice, promotion)).json()["status"] == "applied"
    assert [action for action, _ in await told(admin, promotion)] == [
        "requested",
        *["reviewed"] * 6,
        "approved",
        "applied",
    ]


async def test_a_member_of_risk_who_wrote_it_does_not_approve_it(
    bank: dict[str, Api], sql: Sql
) -> None:
    alice, rex = bank["alice"], bank["rex"]
    await alice.post(VERSIONS, {"description": "Depth 8."})
    await rex.put(f"{VERSIONS}/1/files/model.safetensors", content=b"weights")
    assert (await alice.post(f"{VERSIONS}/1/finalize")).status_code == 200
    await validated(bank, sql, 1)
    promotion = await open_promotion(alice, 1, "production")
    body = problem(await say(rex, promotion, "approve"), 403, "separation-of-duties")
    assert "rex wrote content of the version" in body["detail"]


async def test_a_successor_is_no_worse_with_confidence_on_the_same_data(
    bank: dict[str, Api], sql: Sql
) -> None:
    alice, validator, mia = bank["alice"], bank["validator"], bank["mia"]
    await in_production(bank, sql, 1)
    await register(alice, "model.safetensors", content=b"better weights")
    await to_staging(alice, 2)
    await let_pass(sql, "staging", WEEK)
    promotion = await open_promotion(alice, 2, "production")
    assert (promotion["incumbent"], failing(promotion)) == (1, ["metric", "baseline"])

    await measure(validator, 2, "auc", 0.902, "holdout", OTHER_HOLDOUT, stderr=0.001)
    other = await look(alice, promotion)
    assert failing(other) == ["baseline"]
    assert "was measured on other data (9f86d0…) than version 2 (ab1200…)" in detail_of(
        other, "baseline"
    )
    await measure(validator, 2, "auc", 0.902, "holdout", HOLDOUT)
    assert "How sure auc is cannot be told for version 2" in detail_of(
        await look(alice, promotion), "baseline"
    )
    await measure(validator, 2, "auc", 0.902, "holdout", HOLDOUT, stderr=0.01)
    unsure = await look(alice, promotion)
    assert failing(unsure) == ["baseline"]
    assert "with 95 % confidence it is at least -0.014" in detail_of(unsure, "baseline")
    await measure(validator, 2, "auc", 0.902, "holdout", HOLDOUT, stderr=0.001)
    assert failing(await look(alice, promotion)) == []

    problem(
        await alice.put("/models/churn/aliases/champion", json={"version": 1}), 403, "not-allowed"
    )
    named = await mia.put("/models/churn/aliases/champion", json={"version": 1})
    assert named.status_code in (200, 201)


async def test_over_the_holidays_nothing_moves_but_backwards(
    bank: dict[str, Api], admin: Api, sql: Sql
) -> None:
    alice, mia = bank["alice"], bank["mia"]
    done = await in_production(bank, sql, 2)
    assert [each["incumbent"] for each in done] == [None, 1]
    assert await holders(alice) == {"archived": [1], "production": [2]}
    await register(alice, "model.safetensors", content=b"for next year")

    now = datetime.now(UTC)
    holidays = policy("regulated")
    (window,) = holidays["freeze"]
    today = {
        **window,
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": (now + timedelta(days=1)).isoformat(),
    }
    frozen = await mia.put("/models/churn/policy", json={**holidays, "freeze": [window, today]})
    assert frozen.json()["own"]["loosened"] is False, frozen.text
    waiting = (await ask(alice, 3, "staging", apply=True)).json()
    assert waiting["status"] == "approved"
    body = problem(await apply(alice, waiting), 409, "stage-frozen")
    assert window["reason"] in body["detail"]
    back = await mia.post(
        ROLLBACK, {"stage": "production", "reason": "It drifts.", "expected_incumbent": 2}
    )
    assert (back.status_code, back.json()["number"]) == (200, 1), back.text
    lifted = await mia.put("/models/churn/policy", json=holidays)
    assert lifted.json()["own"]["loosened"] is True, lifted.text
    moved = (await apply(alice, waiting)).json()
    assert (moved["status"], moved["policy_flags"]) == ("applied", ["loosened"])

    times = [await entered(alice, n, "production") for n in (1, 2)]
    assert await held_at(alice, "production", times[1]) == (2, done[1]["id"])
    assert await held_at(alice, "production", times[0]) == (1, None)  # since the rollback
    lifting = (await events(admin, action="policy.set"))[-1]["details"]["loosened"]
    assert len(lifting) == 1
    assert lifting[0].startswith("The freeze until ")
    (rolled_back,) = await events(admin, action="stage.rolled_back")
    assert (rolled_back["actor"], rolled_back["details"]["reason"]) == ("mia", "It drifts.")
