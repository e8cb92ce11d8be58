"""Attempts to pass a gate with evidence of one's own making, of something else, or of before."""

import hashlib
from typing import Any

import httpx
import psycopg
import pytest

from tests.actors import Api, Team
from tests.factories import make_model, make_ready, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    look,
    open_promotion,
    registered,
    to_production,
    to_staging,
)
from tests.promotions.test_reviews import set_policy

Sql = psycopg.AsyncConnection[tuple[object, ...]]
BY_CI = {"reported_by": {"identities": ["ci"]}}
CHECK = {"type": "check", "name": "robustness", **BY_CI}
METRIC = {
    "type": "metric", "metric": "auc", "dataset": "holdout", "op": ">=", "value": 0.9, **BY_CI,
}  # fmt: skip
BASELINE = {
    "type": "baseline", "metric": "auc", "dataset": "holdout", "higher_is_better": True,
    "if_no_baseline": "pass", **BY_CI,
}  # fmt: skip


async def checks(api: Api, number: int, status: str = "success", **more: Any) -> httpx.Response:
    body = {"status": status, **more}
    return await api.put(f"{VERSIONS}/{number}/checks/robustness", json=body)


async def measures(api: Api, number: int, auc: float, data: str = "holdout") -> None:
    dataset = {"name": data, "sha256": hashlib.sha256(data.encode()).hexdigest()}
    body = {"dataset": dataset, "metrics": {"auc": auc}}
    answer = await api.post(f"{VERSIONS}/{number}/evaluations", body)
    assert answer.status_code == 201, answer.text


async def gated(people: People, sql: Sql, *gates: dict[str, Any]) -> dict[str, Any]:
    """A promotion of Alice's version to production, which has these gates; Bob approved it."""
    await set_policy(sql, gates=list(gates))
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    return promotion


async def passes(people: People, promotion: dict[str, Any]) -> list[bool]:
    shown = await look(people.carol, promotion)
    assert (shown["status"] == "approved") == all(gate["passed"] for gate in shown["gates"])
    return [gate["passed"] for gate in shown["gates"]]


async def refused(people: People, promotion: dict[str, Any]) -> None:
    """It is not applied, not even by an admin, and the answer says that it is for a gate."""
    for actor in (people.alice, people.mia, people.admin):
        body = problem(await apply(actor, promotion), 409, "promotion-not-approved")
        assert "gate" in {each["kind"] for each in body["unmet"]}


@pytest.mark.parametrize("gate", [CHECK, METRIC], ids=["check", "evaluation"])
async def test_authors_do_not_write_the_evidence_for_their_own_version(
    people: People, sql: Sql, gate: dict[str, Any]
) -> None:
    """Nor does anybody else whom the policy does not name, whatever their role."""
    promotion = await gated(people, sql, gate)

    async def report(api: Api) -> None:
        await checks(api, 1)
        await measures(api, 1, 0.99)

    for actor in (people.alice, people.dan, people.mia, people.admin):
        await report(actor)
        assert await passes(people, promotion) == [False]
    await refused(people, promotion)
    await report(people.ci)
    assert await passes(people, promotion) == [True]
    assert (await apply(people.alice, promotion)).status_code == 200


async def test_own_metrics_that_only_an_evaluator_may_write_are_not_the_authors_to_write(
    people: People, sql: Sql
) -> None:
    own = {"type": "metric", "metric": "auc", "op": ">=", "value": 0.9, **BY_CI}
    await set_policy(sql, gates=[own])
    await make_model(people.admin)
    await people.ci.post(VERSIONS, {"metrics": {"auc": 0.5}})
    await people.alice.patch(f"{VERSIONS}/1", {"metrics": {"auc": 0.99}})
    assert (await people.ci.post(f"{VERSIONS}/1/finalize")).status_code == 200
    await to_staging(people.dan, 1)
    promotion = await open_promotion(people.dan, 1, "production")
    assert await passes(people, promotion) == [False]
    await approve(people.bob, promotion)
    await refused(people, promotion)


async def test_a_check_of_another_version_is_not_replayed(people: People, sql: Sql) -> None:
    """Also where both hold the same bytes. Nor is another check of the same version."""
    promotion = await gated(people, sql, CHECK)
    await make_ready(people.alice, params={"lr": 0.5})
    key = {"Idempotency-Key": "a-check"}
    body = {"status": "success", "manifest_sha256": promotion["manifest_sha256"]}
    sent = await people.ci.put(f"{VERSIONS}/2/checks/robustness", json=body, headers=key)
    assert sent.status_code == 201, sent.text
    await people.ci.put(f"{VERSIONS}/1/checks/another", json=body, headers=key)
    assert await passes(people, promotion) == [False]
    await refused(people, promotion)


async def test_a_check_of_other_bytes_is_refused(people: People, sql: Sql) -> None:
    promotion = await gated(people, sql, CHECK)
    for other in ("ab" * 32, promotion["recipe_sha256"]):
        sent = await checks(people.ci, 1, manifest_sha256=other)
        problem(sent, 409, "check-of-other-bytes")
    assert (await people.carol.get(f"{VERSIONS}/1/checks")).json()["items"] == []
    await refused(people, promotion)


async def test_a_failure_is_not_talked_away_by_whoever_is_not_permitted(
    people: People, sql: Sql
) -> None:
    promotion = await gated(people, sql, CHECK)
    await checks(people.ci, 1)
    assert await passes(people, promotion) == [True]
    await checks(people.ci, 1, "failure")
    await checks(people.alice, 1, "success")
    assert await passes(people, promotion) == [False]
    await refused(people, promotion)


async def test_nobody_else_blocks_a_version_that_the_evaluator_passed(
    people: People, sql: Sql
) -> None:
    promotion = await gated(people, sql, CHECK)
    await checks(people.ci, 1)
    await checks(people.dan, 1, "failure")
    assert await passes(people, promotion) == [True]
    assert (await apply(people.alice, promotion)).status_code == 200


async def test_the_bar_is_not_lowered_by_measuring_the_holder_badly(
    people: People, sql: Sql
) -> None:
    """Alice reports that what is in production does badly, so that hers does better."""
    await set_policy(sql, gates=[BASELINE])
    await registered(people, 2)
    await measures(people.ci, 1, 0.93)
    await to_production(people.alice, people.bob, 1)
    await measures(people.ci, 2, 0.91)
    await to_staging(people.alice, 2)
    promotion = await open_promotion(people.alice, 2, "production")
    await approve(people.bob, promotion)
    assert await passes(people, promotion) == [False]
    await measures(people.alice, 1, 0.5)
    await measures(people.alice, 2, 0.99)
    assert await passes(people, promotion) == [False]
    await refused(people, promotion)


async def test_the_evaluator_who_was_disabled_or_left_does_not_count(
    people: People, team: Team, sql: Sql
) -> None:
    await people.admin.post("/groups", {"name": "evaluators"})
    assert (await people.admin.put("/groups/evaluators/members/dan")).is_success
    by_group = {**CHECK, "reported_by": {"groups": ["evaluators"]}}
    promotion = await gated(people, sql, CHECK, by_group)
    await checks(people.ci, 1)
    await checks(people.dan, 1)
    assert await passes(people, promotion) == [True, True]
    await people.admin.patch("/identities/ci", {"disabled": True})
    assert (await people.admin.delete("/groups/evaluators/members/dan")).status_code == 204
    await refused(people, promotion)
    assert await passes(people, promotion) == [False, False]


async def test_what_a_source_holds_is_promised_by_nobody_so_the_stored_gate_refuses_it(
    people: People, sql: Sql
) -> None:
    """Nothing but a `source`: what it holds can change after the approval, and no digest of ours
    would. A policy that wants bytes that cannot change asks for `stored`."""
    await set_policy(sql, gates=[{"type": "stored"}])
    await make_model(people.admin)
    await make_ready(people.alice, source="s3://models/churn/")
    await people.alice.post(VERSIONS, {"source": "s3://models/churn/"})
    await people.alice.put(f"{VERSIONS}/2/files/model.bin", content=b"bytes")
    assert (await people.alice.post(f"{VERSIONS}/2/finalize")).status_code == 200
    await people.alice.post(VERSIONS, {})
    await people.alice.put(f"{VERSIONS}/3/files/model.bin", content=b"bytes")
    assert (await people.alice.post(f"{VERSIONS}/3/finalize")).status_code == 200
    for number, is_stored in ((1, False), (2, False), (3, True)):
        shown = (await people.carol.get(f"{VERSIONS}/{number}")).json()
        assert (shown["stored"], shown["status"]) == (is_stored, "ready")
        await to_staging(people.alice, number)
        promotion = await open_promotion(people.alice, number, "production")
        await approve(people.bob, promotion)
        assert await passes(people, promotion) == [is_stored]
        if not is_stored:
            await refused(people, promotion)


async def test_what_a_gate_asks_for_is_not_taken_away_after_the_approval(
    people: People, sql: Sql
) -> None:
    """A ticket in the tags, and a description: both may still change on a ready version."""
    gate = {"type": "fields", "require": ["tags.ticket", "description"]}
    promotion = await gated(people, sql, gate)
    await people.alice.patch(f"{VERSIONS}/1", {"tags": {"ticket": "RISK-7"}})
    assert await passes(people, promotion) == [True]
    await people.alice.patch(f"{VERSIONS}/1", {"tags": {}})
    await refused(people, promotion)
    assert await passes(people, promotion) == [False]
