"""Gates through the API: what is asked of a version, what is found, and what finding it takes."""

import json
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from tests.counting import statements
from tests.factories import make_model, make_ready, pointers, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    ask,
    look,
    open_promotion,
    registered,
    stage_of,
    to_staging,
)
from tests.promotions.evidence import BASELINE, CHECK, METRIC
from tests.promotions.gating import (
    BY_CI,
    DATA,
    check,
    measure,
    only_detail,
    second_wanted,
    set_gates,
    verdicts,
    wanted,
)

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def test_a_promotion_shows_each_gate_with_its_settings_and_why(people: People) -> None:
    gates: list[dict[str, Any]] = [
        {"type": "fields", "require": ["description", "code.commit"]},
        {"type": "stored"},
        {"type": "formats", "deny": ["pickle"]},
        {**METRIC, **BY_CI},
        {**BASELINE, "if_no_baseline": "pass"},
        CHECK,
    ]
    promotion = await wanted(people, *gates)
    assert promotion["status"] == "open"
    for shown, gate in zip(promotion["gates"], gates, strict=True):
        settings = {key: value for key, value in gate.items() if key != "reported_by"}
        assert {**shown, **settings} == shown
    assert verdicts(promotion) == [False, False, True, False, True, False]
    assert [gate["detail"] for gate in promotion["gates"]] == [
        "Version 1 lacks code.commit.",
        "It holds no file.",
        "It holds no file.",
        "auc on holdout was never reported for version 1; ci may report it.",
        "No version holds production now, so nothing is compared.",
        "The check ci/robustness was never reported for these files; anybody may report it.",
    ]
    body = problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    assert [each["kind"] for each in body["unmet"]] == ["gate"] * 4
    assert body["unmet"][0]["detail"] == "fields: Version 1 lacks code.commit."


async def test_how_sure_a_difference_is_decides_where_confidence_is_asked(people: People) -> None:
    promotion = await second_wanted(people, {**BASELINE, "confidence": 0.95})
    await measure(people.ci, 1, 0.90, n=1000)
    await measure(people.ci, 2, 0.91)
    assert "How sure auc is cannot be told for version 2" in only_detail(
        await look(people.bob, promotion)
    )
    await measure(people.ci, 2, 0.91, n=1000)
    unsure = await look(people.bob, promotion)
    assert unsure["status"] == "open"
    assert "with 95 % confidence it is at least -0.01" in only_detail(unsure)
    await measure(people.ci, 2, 0.95, stderr=0.001)
    assert (await look(people.bob, promotion))["status"] == "approved"


async def test_large_numbers_come_through(people: People) -> None:
    promotion = await wanted(people, {**METRIC, "value": 1e20})
    await measure(people.ci, 1, 1.5e300)
    shown = await look(people.bob, promotion)
    assert (shown["status"], only_detail(shown)) == (
        "approved",
        "auc on holdout is 1.5e+300; 1e+20 or more is asked for (reported by ci, owned by mia).",
    )
    again = await look(people.bob, promotion)
    assert again == shown


async def test_files_are_judged_by_their_names(people: People) -> None:
    await make_model(people.admin)
    made = await people.alice.post(VERSIONS, {})
    assert made.status_code == 201, made.text
    sent = await people.alice.put(f"{VERSIONS}/1/files/model.PKL", content=b"weights")
    assert sent.status_code == 201, sent.text
    await people.alice.post(f"{VERSIONS}/1/finalize")
    await set_gates(people, {"type": "formats", "deny": ["Pickle"]}, {"type": "stored"}, CHECK)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    assert [gate["detail"] for gate in promotion["gates"][:2]] == [
        "One file is of a format that is denied: model.PKL (pickle).",
        "Version 1 is held here with its one file.",
    ]


async def test_a_versions_own_metrics_count_by_all_its_authors(people: People) -> None:
    await make_model(people.admin)
    draft = await people.ci.post(VERSIONS, {"metrics": {"auc": 0.95}})
    assert draft.status_code == 201, draft.text
    await set_gates(people, {"type": "metric", "metric": "auc", "op": ">", "value": 0.9, **BY_CI})
    await people.alice.patch(f"{VERSIONS}/1", {"metrics": {"auc": 0.99}})
    await people.ci.post(f"{VERSIONS}/1/finalize")
    await make_ready(people.ci, metrics={"auc": 0.95})
    details = []
    for number in (1, 2):
        await to_staging(people.alice, number)
        details.append(only_detail(await open_promotion(people.alice, number, "production")))
    assert details == [
        "The version's own auc is the word of alice; only that of ci counts.",
        "auc is 0.95; more than 0.9 is asked for (the version's own metric).",
    ]


async def test_with_apply_a_version_moves_at_once_where_every_gate_passes(people: People) -> None:
    await registered(people)
    await set_gates(people, METRIC, CHECK)
    await to_staging(people.alice, 1)
    await measure(people.ci, 1, 0.95)
    stays = await ask(people.alice, 1, "production", apply=True)
    assert (stays.json()["status"], await stage_of(people.bob, 1)) == ("open", "staging")
    await people.alice.post(f"/promotions/{stays.json()['id']}/cancel", {})
    await check(people.ci, 1, "success")
    moves = await ask(people.alice, 1, "production", apply=True)
    assert (moves.json()["status"], await stage_of(people.bob, 1)) == ("applied", "production")


async def test_judging_twice_finds_the_same(people: People) -> None:
    promotion = await second_wanted(people, METRIC, BASELINE, CHECK, {"type": "stored"})
    for number in (1, 2):
        await measure(people.ci, number, 0.9, 0.91, stderr=0.01)
        await measure(people.alice, number, 0.92)
    first = await people.bob.get(f"/promotions/{promotion['id']}")
    again = await people.bob.get(f"/promotions/{promotion['id']}")
    assert first.headers["etag"] == again.headers["etag"]
    assert first.json() == again.json()


async def test_a_stored_gate_that_is_not_known_never_passes(people: People, sql: Sql) -> None:
    promotion = await wanted(people)
    assert promotion["status"] == "approved"
    row = await sql.execute("select body from policy_revisions order by revision desc limit 1")
    (body,) = await row.fetchone() or ({},)
    assert isinstance(body, dict)
    (production,) = (stage for stage in body["stages"] if stage["name"] == "production")
    production["gates"] = [{"type": "fairness", "by": "age"}]
    await sql.execute(
        "insert into policy_revisions (body, created_by) values (%s, 'test')", [json.dumps(body)]
    )
    shown = await look(people.bob, promotion)
    assert shown["status"] == "open"
    assert only_detail(shown) == (
        "This server cannot decide this `fairness` gate: set the policy anew."
    )


async def test_evidence_takes_as_many_statements_however_much_there_is(
    people: People, runtime: Runtime
) -> None:
    promotion = await second_wanted(people, {"type": "fields", "require": ["description"]})

    async def reads() -> list[str]:
        """What looking at it takes. That a token was used is written down now and then."""
        await look(people.bob, promotion)
        with statements(runtime) as sent:
            await look(people.bob, promotion)
        return [each for each in sent if "tokens" not in each]

    for_none = await reads()
    formats = {"type": "formats", "deny": ["pickle"]}
    parents = {"type": "fields", "require": ["parents"]}
    await set_gates(people, {**METRIC, **BY_CI}, BASELINE, CHECK, formats, parents)
    await measure(people.ci, 2, 0.95)
    for_few = await reads()
    # Holders, evaluations, checks, files and parents: a statement each.
    assert len(for_few) == len(for_none) + 5
    many = [
        *({**METRIC, "value": n / 100, "dataset": f"data-{n}"} for n in range(8)),
        *({**BASELINE, "metric": f"m{n}", "against": "@champion"} for n in range(4)),
        *({**BASELINE, "dataset": DATA, "max_regression": n} for n in range(4)),
        *({**CHECK, "name": f"ci/{n}"} for n in range(4)),
        formats,
        parents,
    ]
    await set_gates(people, *many)
    for number in (1, 2):
        for n in range(25):
            await measure(people.ci, number, n / 25, dataset=f"data-{n % 8}", metric=f"m{n % 4}")
            await measure(people.alice, number, n / 25)
    for_many = await reads()
    assert len(for_many) == len(for_few)
    assert sum("FROM checks" in each for each in for_many) == 1


@pytest.mark.parametrize(
    ("gate", "pointer", "says"),
    [
        ({"type": "magic"}, "", "one of: fields, metric, baseline, check, formats, stored"),
        ({"type": "fields", "require": ["seed", "foo"]}, "/require/1", "`foo` is not a field"),
        ({"type": "fields", "require": []}, "/require", "at least 1"),
        ({"type": "fields", "require": ["params."]}, "/require/0", "params.<key>"),
        ({**METRIC, "op": "~"}, "/op", "'>='"),
        ({**METRIC, "value": "0.9"}, "/value", "Must be a number"),
        ({**METRIC, "reported_by": {}}, "/reported_by", "must name an identity or a group"),
        ({**BASELINE, "confidence": 0.5}, "/confidence", "greater than 0.5"),
        ({**BASELINE, "confidence": 1}, "/confidence", "less than 1"),
        ({**BASELINE, "max_regression": -0.1}, "/max_regression", "greater than or equal to 0"),
        ({**BASELINE, "against": "@latest"}, "/against", "the name of an alias"),
        ({**BASELINE, "against": "none"}, "/against", "neither a stage nor"),
        ({**BASELINE, "higher_is_better": None}, "/higher_is_better", "true or false"),
        ({"type": "check"}, "/name", "required"),
        ({"type": "formats"}, "", "must have `allow`, `deny` or both"),
        ({"type": "formats", "deny": ["bin"]}, "/deny/0", "an ending like `.bin`"),
        ({"type": "stored", "extra": 1}, "/extra", "The fields are: type."),
        ({**CHECK, "metric": "auc"}, "/metric", "The fields are: type, name, reported_by."),
        ({**CHECK, "name": " ci"}, "/name", "beginning with a letter"),
    ],
)
async def test_a_gate_that_makes_no_sense_is_refused_where_it_stands(
    people: People, gate: dict[str, Any], pointer: str, says: str
) -> None:
    stages = [{"name": "production", "from": ["none"], "exclusive": True, "gates": [METRIC, gate]}]
    refused = await people.admin.put("/policy", json={"stages": stages})
    body = problem(refused, 422, "invalid-request")
    assert pointers(body) == {f"/stages/0/gates/1{pointer}"}
    assert says.lower() in body["errors"][0]["detail"].lower()
