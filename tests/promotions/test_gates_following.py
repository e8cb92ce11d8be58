"""Promotions follow what their gates look at: reports, checks, aliases, stages, groups, tags."""

import psycopg
import pytest

from app.core.runtime import Runtime
from app.promotions.service import settle_all
from tests.actors import Team
from tests.factories import events, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    ask,
    look,
    open_promotion,
    registered,
    to_staging,
)
from tests.promotions.evidence import BASELINE, CHECK, METRIC
from tests.promotions.gating import (
    BY_CI,
    OTHER_DATA,
    check,
    measure,
    only_detail,
    second_wanted,
    set_gates,
    verdicts,
    wanted,
)

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def test_a_metric_opens_the_way_as_soon_as_it_is_reported_and_closes_it_again(
    people: People,
) -> None:
    promotion = await wanted(people, {**METRIC, **BY_CI})
    before = promotion
    await measure(people.alice, 1, 0.99)
    after = await look(people.bob, promotion)
    assert (after["status"], only_detail(after)) == (
        "open",
        "auc on holdout was reported for version 1 by alice only, and that does not count; ci must "
        "report it.",
    )
    await measure(people.ci, 1, 0.934)
    listed = (await people.bob.get("/promotions")).json()["items"][0]
    assert (listed["status"], only_detail(listed)) == (
        "approved",
        "auc on holdout is 0.934; 0.9 or more is asked for (reported by ci, owned by mia).",
    )
    await measure(people.ci, 1, 0.88)
    await measure(people.alice, 1, 0.99)
    worse = (await people.bob.get("/promotions")).json()["items"][0]
    assert (worse["status"], only_detail(worse)) == (
        "open",
        "auc on holdout is 0.88; 0.9 or more is asked for (reported by ci, owned by mia).",
    )
    problem(await apply(people.alice, before), 409, "promotion-not-approved")
    await measure(people.ci, 1, 0.91)
    assert (await apply(people.alice, promotion)).status_code == 200
    told = [e["action"] for e in await events(people.admin, model="churn")]
    assert [action for action in told if action.startswith("promotion.")][-4:] == [
        "promotion.approved",
        "promotion.reopened",
        "promotion.approved",
        "promotion.applied",
    ]


async def test_reports_count_by_who_their_reporter_is_now(
    people: People, team: Team, sql: Sql
) -> None:
    gate = {**METRIC, "reported_by": {"groups": ["Evaluators"]}}
    made = await people.admin.post("/groups", {"name": "evaluators"})
    assert made.status_code == 201, made.text
    promotion = await wanted(people, gate)
    await measure(people.dan, 1, 0.95)
    assert (await look(people.bob, promotion))["status"] == "open"
    joined = await people.admin.put("/groups/evaluators/members/dan")
    assert joined.status_code == 201, joined.text
    assert (await look(people.bob, promotion))["status"] == "approved"
    left = await people.admin.delete("/groups/evaluators/members/dan")
    assert left.status_code == 204, left.text
    assert (await look(people.bob, promotion))["status"] == "open"
    await people.admin.put("/groups/evaluators/members/dan")
    disabled = await people.admin.patch("/identities/dan", {"disabled": True})
    assert disabled.status_code == 200, disabled.text
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    assert (await look(people.bob, promotion))["status"] == "open"


async def test_lists_follow_a_change_of_groups_within_the_minute(
    people: People, runtime: Runtime
) -> None:
    await people.admin.post("/groups", {"name": "evaluators"})
    await wanted(people, {**METRIC, "reported_by": {"groups": ["evaluators"]}})
    await measure(people.dan, 1, 0.95)
    await people.admin.put("/groups/evaluators/members/dan")
    await settle_all(runtime)
    (listed,) = (await people.bob.get("/promotions")).json()["items"][:1]
    assert listed["status"] == "approved"


async def test_a_version_must_do_as_well_as_the_one_in_production_on_the_same_data(
    people: People,
) -> None:
    gate = {**BASELINE, "max_regression": 0.01, **BY_CI}
    promotion = await second_wanted(people, gate)
    assert only_detail(promotion) == (
        "auc on holdout was never reported for version 1, which holds production; ci may report "
        "it. auc on holdout was never reported for version 2; ci may report it."
    )
    await measure(people.ci, 2, 0.89)
    await measure(people.ci, 1, 0.7, sha256=OTHER_DATA)
    assert only_detail(await look(people.bob, promotion)) == (
        "Version 1, which holds production, was measured on other data (ab1200…) than version 2 "
        "(9f86d0…): for auc on holdout, measure version 2 on ab1200… or version 1 on 9f86d0…."
    )
    await measure(people.ci, 1, 0.90)
    listed = (await people.bob.get("/promotions")).json()["items"][0]
    assert (listed["status"], only_detail(listed)) == (
        "approved",
        "Version 1, which holds production, has 0.9 on the same data (9f86d0…); version 2 has "
        "0.89: 0.01 worse, and 0.01 is allowed.",
    )
    await measure(people.ci, 1, 0.95)
    listed = (await people.bob.get("/promotions")).json()["items"][0]
    assert (listed["status"], verdicts(listed)) == ("open", [False])
    # Nobody but `ci` lowers the bar.
    await measure(people.alice, 1, 0.1)
    assert (await look(people.bob, promotion))["status"] == "open"


async def test_an_alias_that_moves_changes_what_is_compared(people: People) -> None:
    gate = {**BASELINE, "against": "@champion", "if_no_baseline": "pass"}
    await registered(people, 3)
    await set_gates(people, gate)
    await to_staging(people.alice, 3)
    for number, value in ((1, 0.8), (2, 0.95), (3, 0.9)):
        await measure(people.ci, number, value)
    promotion = await open_promotion(people.alice, 3, "production")
    assert only_detail(promotion) == "No version is @champion now, so nothing is compared."

    async def listed() -> tuple[str, str]:
        shown = (await people.bob.get("/promotions", params={"to": "production"})).json()["items"]
        return shown[0]["status"], only_detail(shown[0])

    for number, status, detail in (
        (1, "approved", "Version 1, which is @champion, has 0.8 on the same data (9f86d0…); "),
        (2, "open", "Version 2, which is @champion, has 0.95 on the same data (9f86d0…); "),
        (3, "approved", "No other version is @champion now, so nothing is compared."),
    ):
        pointed = await people.mia.put("/models/churn/aliases/champion", json={"version": number})
        assert pointed.status_code in (200, 201), pointed.text
        found = await listed()
        assert found[0] == status
        assert found[1].startswith(detail)
    # What is measured of the version behind the alias is looked at again, too.
    await people.mia.put("/models/churn/aliases/champion", json={"version": 1})
    await measure(people.ci, 1, 0.97)
    assert (await listed())[0] == "open"
    removed = await people.mia.delete("/models/churn/aliases/champion")
    assert removed.status_code == 204, removed.text
    assert await listed() == ("approved", "No version is @champion now, so nothing is compared.")


@pytest.mark.parametrize("against", ["production", "@production", "@Production"])
async def test_another_stage_than_the_target_is_followed(people: People, against: str) -> None:
    await registered(people, 2)
    await set_gates(people)
    gate = {**BASELINE, "against": against, "if_no_baseline": "pass"}
    stages = [
        {"name": "canary", "from": ["none"], "exclusive": True, "gates": [gate]},
        {"name": "staging", "from": ["none", "archived"]},
        {"name": "production", "from": ["staging"], "exclusive": True},
    ]
    put = await people.admin.put("/policy", json={"stages": stages})
    assert put.status_code == 200, put.text
    promotion = await open_promotion(people.alice, 2, "canary")
    assert promotion["status"] == "approved"
    await to_staging(people.alice, 1)
    moved = await ask(people.alice, 1, "production", apply=True)
    assert moved.json()["status"] == "applied", moved.text
    (listed,) = (await people.bob.get("/promotions", params={"to": "canary"})).json()["items"]
    assert listed["status"] == "open"
    assert "for version 1, which " in only_detail(listed)


async def test_a_check_opens_and_closes_the_way(people: People) -> None:
    promotion = await wanted(people, {**CHECK, **BY_CI})

    async def listed() -> tuple[str, str]:
        shown = (await people.bob.get("/promotions")).json()["items"][0]
        return shown["status"], only_detail(shown)

    await check(people.alice, 1, "success")
    assert (await listed())[0] == "open"
    await check(people.ci, 1, "pending")
    assert await listed() == (
        "open",
        "The check ci/robustness has not finished yet (reported by ci, owned by mia).",
    )
    await check(people.ci, 1, "success", summary="412 passed")
    assert await listed() == (
        "approved",
        "The check ci/robustness succeeded (reported by ci, owned by mia): 412 passed.",
    )
    await check(people.ci, 1, "failure")
    await check(people.alice, 1, "success")
    assert (await listed())[0] == "open"
    await check(people.ci, 1, "success")
    assert (await apply(people.alice, promotion)).status_code == 200


async def test_a_check_of_other_bytes_says_nothing(people: People, sql: Sql) -> None:
    promotion = await wanted(people, CHECK)
    await check(people.ci, 1, "failure")
    await sql.execute(
        "insert into checks (id, model_id, version_id, name, status, manifest_sha256, "
        "reported_by_id, reported_by) select 'ffffffff-ffff-7fff-bfff-ffffffffffff', model_id, "
        "version_id, name, 'success', sha256('other'), reported_by_id, reported_by from checks"
    )
    assert (await look(people.bob, promotion))["status"] == "open"


async def test_tags_that_a_gate_asks_for_may_come_later(people: People) -> None:
    await wanted(people, {"type": "fields", "require": ["tags.ticket", "description"]})

    async def listed() -> str:
        return str((await people.bob.get("/promotions")).json()["items"][0]["status"])

    for change, status in (
        ({"tags": {"ticket": "RISK-204"}}, "approved"),
        ({"tags": {"ticket": ""}}, "open"),
        ({"tags": {"ticket": "RISK-204"}, "description": ""}, "open"),
        ({"description": "Why."}, "approved"),
    ):
        edited = await people.alice.patch(f"{VERSIONS}/1", change)
        assert edited.status_code == 200, edited.text
        assert await listed() == status


async def test_an_edit_of_tags_leaves_reviews_as_they_are(people: People) -> None:
    promotion = await wanted(people, approvals=[{"count": 1}])
    await approve(people.bob, promotion)
    await people.alice.patch(f"{VERSIONS}/1", {"tags": {"ticket": "RISK-204"}})
    assert (await look(people.bob, promotion))["status"] == "approved"


async def test_what_was_found_stays_as_it_was_when_the_promotion_ended(people: People) -> None:
    promotion = await wanted(people, METRIC)
    await measure(people.ci, 1, 0.95)
    applied = (await apply(people.alice, promotion)).json()
    await measure(people.ci, 1, 0.1)
    assert (await look(people.bob, promotion))["gates"] == applied["gates"]
