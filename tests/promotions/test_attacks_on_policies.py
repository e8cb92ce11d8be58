"""Attempts to get around a policy by changing it, or what it speaks of."""

from typing import Any

import pytest

from tests.actors import Api
from tests.factories import events, problem
from tests.policies.acting import PRODUCTION, default_with, put_default, put_own
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    ask,
    look,
    open_promotion,
    registered,
    stage_of,
    to_production,
    to_staging,
)

FREE = {**PRODUCTION, "approvals": []}
OWN = "/models/churn/policy"
TWO = [{"count": 2, "roles": ["reviewer"]}]


async def in_staging(people: People, count: int = 1) -> None:
    await registered(people, count)
    for number in range(1, count + 1):
        await to_staging(people.alice, number)


async def flags(api: Api, promotion: dict[str, Any]) -> list[str]:
    return list((await look(api, promotion))["policy_flags"])


async def test_a_policy_edited_after_the_approval_asks_for_it_anew(people: People) -> None:
    await in_staging(people)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    await put_own(people.mia, stages=[{"name": "production", "approvals": TWO}])
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["approvals"]["given"]) == ("open", 0)
    assert (shown["reviews"][0]["counts"], shown["reviews"][0]["stale"]) == (False, True)
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    await approve(people.bob, promotion)
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")


async def test_to_loosen_to_promote_and_to_put_it_back_is_seen_for_ever(people: People) -> None:
    await in_staging(people, 2)
    waiting = await open_promotion(people.alice, 2, "production")
    await approve(people.bob, waiting)

    looser = await put_default(people.admin, FREE)
    assert (await look(people.bob, waiting))["reviews"][0]["stale"] is True
    promotion = await open_promotion(people.alice, 1, "production")
    assert (await apply(people.alice, promotion)).status_code == 200
    back = await put_default(people.admin)

    shown = await look(people.carol, promotion)
    assert shown["policy_flags"] == ["loosened"]
    assert shown["policy_revision"] == looser["revision"] < back["revision"]
    kept = (await people.carol.get(f"/policies/{looser['revision']}")).json()
    assert (kept["loosened"], kept["created_by"]) == (True, "admin")
    told = [e["details"] for e in await events(people.admin, action="policy.set")]
    assert [len(each["loosened"]) for each in told] == [1, 0]
    assert "`production`" in told[0]["loosened"][0]
    other = await look(people.bob, waiting)
    assert (other["status"], other["approvals"]["given"]) == ("superseded", 0)


async def test_an_approval_from_before_does_not_count_again_when_it_is_put_back(
    people: People,
) -> None:
    await in_staging(people)
    promotion = await open_promotion(people.alice, 1, "production")
    await put_default(people.admin, {**PRODUCTION, "allow_self_approval": True,
                                     "allow_author_approval": True})  # fmt: skip
    await approve(people.alice, promotion)
    assert (await look(people.alice, promotion))["status"] == "approved"
    await put_default(people.admin)
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["approvals"]["given"]) == ("open", 0)
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")


async def test_a_looser_policy_that_is_set_twice_stays_flagged(people: People) -> None:
    """The second one is no looser than the first, but than what there was before both."""
    await in_staging(people)
    await put_default(people.admin, FREE)
    again = await put_default(people.admin, FREE, protected_aliases=["champion"])
    assert again["loosened"] is True
    promotion = await open_promotion(people.alice, 1, "production")
    assert (await apply(people.alice, promotion)).status_code == 200
    assert await flags(people.carol, promotion) == ["loosened"]
    back = await put_default(people.admin, protected_aliases=["champion"])
    assert back["loosened"] is False


async def test_a_stage_that_is_taken_away_and_comes_back_looser_is_flagged(
    people: People,
) -> None:
    await in_staging(people)
    gone = await people.admin.put("/policy", json={"stages": default_with()["stages"][:1]})
    assert (gone.status_code, gone.json()["loosened"]) == (200, False)
    for _ in range(2):
        assert (await put_default(people.admin, FREE))["loosened"] is True
    promotion = await open_promotion(people.alice, 1, "production")
    assert (await apply(people.alice, promotion)).status_code == 200
    assert await flags(people.carol, promotion) == ["loosened"]


async def test_a_maintainer_who_takes_an_own_rule_away_and_puts_it_back_is_seen_too(
    people: People,
) -> None:
    """What a team added to the default is theirs to take away, in the open."""
    await in_staging(people)
    await put_own(people.mia, stages=[{"name": "production", "approvals": TWO}])
    assert (await people.mia.delete(OWN)).status_code == 204
    await put_own(people.mia, protected_aliases=["champion"])
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    assert (await apply(people.alice, promotion)).status_code == 200
    await put_own(people.mia, stages=[{"name": "production", "approvals": TWO}])
    assert await flags(people.carol, promotion) == ["loosened"]


@pytest.mark.parametrize(
    "own",
    [
        {"name": "production", "approvals": []},
        {"name": "production", "from": ["none", "staging", "archived"]},
        {"name": "production", "allow_self_approval": True, "allow_author_approval": True},
        {"name": "production", "incumbent": "keep"},
        {"name": "production", "exclusive": False},
        {"name": "production", "gates": []},
        {"name": "production", "min_hours_in_source": 0.001, "expires_after_hours": 9999},
    ],
)
async def test_a_maintainer_does_not_go_below_the_default(
    people: People, own: dict[str, Any]
) -> None:
    """Whatever is asked for is refused, or changes nothing of what the default asks for."""
    await registered(people, 2)
    put = await people.mia.put(OWN, json={"stages": [own]})
    assert put.status_code in (200, 422), put.text
    shown = (await people.carol.get(OWN)).json()
    (rule,) = [each for each in shown["stages"] if each["name"] == "production"]
    assert (rule["from"], rule["exclusive"], rule["incumbent"]) == (["staging"], True, "archive")
    assert (rule["allow_self_approval"], rule["allow_author_approval"]) == (False, False)
    assert [each["count"] for each in rule["approvals"]] == [1]
    problem(await ask(people.mia, 1, "production"), 409, "transition-not-allowed")
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    problem(await apply(people.mia, promotion), 409, "promotion-not-approved")


async def test_only_admins_touch_the_default_or_stand_above_it(people: People) -> None:
    await registered(people)
    instead = {**default_with(FREE), "replaces_default": True}
    for actor in (people.alice, people.bob, people.dan, people.mia, people.ci):
        problem(await actor.put("/policy", json=default_with(FREE)), 403, "not-allowed")
        problem(await actor.put(OWN, json=instead), 403, "not-allowed")
    for actor in (people.alice, people.bob, people.dan, people.ci):
        problem(await actor.put(OWN, json={}), 403, "not-allowed")
        problem(await actor.delete(OWN), 403, "not-allowed")
    assert [e["action"] for e in await events(people.admin) if "policy" in e["action"]] == []


async def test_the_way_through_a_stage_of_ones_own_leads_around_nothing(people: People) -> None:
    """Mia adds a stage that asks for nothing: nobody comes to production from there."""
    await registered(people)
    side = {"name": "side", "from": ["none", "staging", "archived"]}
    await put_own(people.mia, stages=[side, {"name": "production", "from": ["staging", "side"]}])
    assert (await ask(people.mia, 1, "side", apply=True)).json()["status"] == "applied"
    problem(await ask(people.mia, 1, "production"), 409, "transition-not-allowed")


async def test_an_alias_is_not_retargeted_by_a_stage_of_its_name(people: People) -> None:
    """Consumers read `@live`; a stage of that name would mean another version."""
    await registered(people, 2)
    alias = await people.dan.put("/models/churn/aliases/Live", json={"version": 1})
    assert alias.status_code == 200, alias.text
    stage = {"name": "live", "from": ["none"], "exclusive": True}
    for put in (
        await people.mia.put(OWN, json={"stages": [stage]}),
        await people.admin.put("/policy", json=default_with(stage)),
    ):
        (taken,) = problem(put, 409, "stage-name-taken")["taken"]
        assert (taken["kind"], taken["name"], taken["number"]) == ("alias", "Live", 1)
    assert (await people.carol.get(f"{VERSIONS}/@Live")).json()["number"] == 1
    problem(await ask(people.dan, 2, "live", apply=True), 422, "invalid-request")


async def test_the_alias_that_is_the_bar_is_not_lowered_by_a_contributor(people: People) -> None:
    """The baseline is what `@best` points at; nobody named it among the protected aliases."""
    await registered(people, 2)
    await people.dan.put("/models/churn/aliases/best", json={"version": 1})
    gate = {"type": "baseline", "metric": "auc", "dataset": "holdout", "higher_is_better": True,
            "against": "@best"}  # fmt: skip
    await put_own(people.mia, stages=[{"name": "production", "gates": [gate]}])
    for answer in (
        await people.dan.put("/models/churn/aliases/best", json={"version": 2}),
        await people.dan.delete("/models/churn/aliases/best"),
    ):
        problem(answer, 403, "not-allowed")


async def test_production_is_not_emptied_by_taking_the_stage_away(people: People) -> None:
    """Nor by a policy under which several may hold it, or its holder has to leave."""
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    without = {"stages": default_with()["stages"][:1]}
    body = problem(await people.admin.put("/policy", json=without), 409, "stage-in-use")
    assert body["held"][0]["versions"] == [1]
    instead = {**without, "replaces_default": True}
    problem(await people.admin.put(OWN, json=instead), 409, "stage-in-use")
    assert await stage_of(people.carol, 1) == "production"
    assert (await people.carol.get(f"{VERSIONS}/production")).json()["number"] == 1


async def test_what_is_not_exclusive_any_more_is_left_in_the_open(people: People) -> None:
    """An admin lets several hold production, so that a contributor may take the holder out."""
    await registered(people)
    await to_production(people.alice, people.bob, 1)
    several = {**PRODUCTION, "exclusive": False, "incumbent": "keep"}
    assert (await put_default(people.admin, several))["loosened"] is True
    assert (await ask(people.dan, 1, "archived", apply=True)).json()["status"] == "applied"
    (told,) = [
        e for e in await events(people.admin, action="promotion.applied")
        if e["details"]["to"] == "archived"
    ]  # fmt: skip
    assert told["details"]["policy_flags"] == ["loosened"]


async def test_a_promotion_is_not_asked_for_under_a_policy_of_the_past(people: People) -> None:
    await put_default(people.admin, FREE)
    await put_default(people.admin)
    await in_staging(people)
    body = {"to": "production", "reason": "x", "policy_revision": 2}
    problem(await people.alice.post(f"{VERSIONS}/1/promotions", body), 422, "invalid-request")
    promotion = await open_promotion(people.alice, 1, "production")
    assert (promotion["status"], promotion["approvals"]["required"]) == ("open", 1)
