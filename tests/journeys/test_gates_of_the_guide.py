"""The gates that the guide shows, and what it quotes of them: word for word what they say."""

from typing import Any

from tests.actors import Api, Team
from tests.factories import make_model
from tests.journeys.guide import blocks, policy, quoted
from tests.journeys.story import (
    HOLDOUT,
    OTHER_HOLDOUT,
    RECIPE,
    agreed,
    check,
    failing,
    measure,
    register,
)
from tests.policies.acting import PRODUCTION, put_default
from tests.promotions.acting import look, open_promotion, to_staging

KINDS = ("fields", "metric", "baseline", "check", "formats", "stored")


async def a_seventh_version(alice: Api) -> dict[str, Any]:
    """It succeeds the sixth, is a pickle of changed code, and names bytes that are elsewhere."""
    for _ in range(6):
        await register(alice)
    await to_staging(alice, 6)
    await agreed(alice, 6, "production")
    await register(
        alice,
        "model.pkl",
        code={**RECIPE["code"], "dirty": True},
        datasets=[],
        source="s3://models/churn/7/",
    )
    await to_staging(alice, 7)
    return await open_promotion(alice, 7, "production")


async def test_every_sentence_that_the_guide_quotes_is_what_a_gate_says(
    admin: Api, team: Team
) -> None:
    gates = blocks("gate")
    assert tuple(gates) == KINDS
    alice = await team.person("alice", "contributor")
    ci = await team.service("ci", await team.person("mia", "maintainer"), "contributor")
    await make_model(admin)
    await put_default(admin, {**PRODUCTION, "approvals": []})
    promotion = await a_seventh_version(alice)
    free = {**PRODUCTION, "approvals": [], "gates": list(gates.values())}
    await put_default(admin, free)

    said: set[str] = set()
    await measure(ci, 6, "auc", 0.921, "holdout", HOLDOUT, stderr=0.002)
    await measure(alice, 7, "auc", 0.99, "holdout", HOLDOUT, stderr=0.002)
    await check(ci, 7, "ci/robustness", "failure", "3 of 412 failed")
    for data in (None, OTHER_HOLDOUT, HOLDOUT):
        if data is not None:
            await measure(ci, 7, "auc", 0.934, "holdout", data, stderr=0.004)
        shown = await look(alice, promotion)
        said |= {gate["detail"] for gate in shown["gates"]}
    assert failing(shown) == ["fields", "check", "formats", "stored"]
    assert len(quoted()) >= len(KINDS)
    assert [each for each in quoted() if each not in said] == [], "\n".join(sorted(said))


def test_every_gate_of_the_worked_policies_is_of_a_kind_that_the_guide_explains() -> None:
    used = {
        gate["type"]
        for name in blocks("policy")
        for stage in policy(name)["stages"]
        for gate in stage.get("gates", ())
    }
    assert used <= set(blocks("gate"))
