"""The change that a promotion brings, as its reviewers see it."""

import hashlib
from typing import Any

import psycopg

from app.core.runtime import Runtime
from tests.actors import Api
from tests.counting import statements
from tests.factories import RECIPE, make_draft, make_model, make_ready
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    ask,
    look,
    open_promotion,
    registered,
    to_production,
    to_staging,
)

Sql = psycopg.AsyncConnection[tuple[object, ...]]
ON_A, ON_B = "aa" * 32, "bb" * 32
LISTS = (
    "params",
    "metrics",
    "evaluations",
    "code",
    "datasets",
    "preprocessing",
    "environment",
    "other",
)


async def with_files(api: Api, files: dict[str, bytes], **recipe: Any) -> None:
    made = await make_draft(api, **recipe)
    path = f"{VERSIONS}/{made['number']}"
    for name, data in files.items():
        sent = await api.put(f"{path}/files/{name}", content=data)
        assert sent.status_code in (200, 201), sent.text
    done = await api.post(f"{path}/finalize")
    assert done.status_code == 200, done.text


async def measured(
    api: Api, number: int, metrics: dict[str, float], sha256: str | None = ON_A, name: str = "a"
) -> None:
    report = {"dataset": {"name": name, "sha256": sha256}, "metrics": metrics}
    kept = await api.post(f"{VERSIONS}/{number}/evaluations", report)
    assert kept.status_code == 201, kept.text


async def changes(api: Api, promotion: dict[str, Any]) -> dict[str, Any]:
    found = (await look(api, promotion))["changes"]
    assert found is not None
    return dict(found)


def of_bytes(data: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


async def test_a_reviewer_sees_what_differs_from_the_incumbent(people: People) -> None:
    await make_model(people.admin)
    shared = {"same.txt": b"same", "gone.txt": b"gone"}
    await with_files(people.alice, {**shared, "model.bin": b"old"}, **RECIPE)
    changed = {
        **RECIPE,
        "description": "Something else.",
        "params": {"lr": 0.02, "layers": [64, 32], "depth": 6, "optimizer": {"name": "sgd"}},
        "metrics": {"auc": 0.947, "f1": 0.5},
        "code": {**RECIPE["code"], "commit": "a" * 40, "entrypoint": "python train.py"},
        "datasets": [
            {"name": "customers", "role": "train", "sha256": "cd" * 32, "rows": 48213},
            {"name": "customers", "role": "test"},
        ],
        "preprocessing": [{"name": "impute"}, *RECIPE["preprocessing"]],
        "environment": {"python": "3.11.7", "packages": {"numpy": "2.4.1", "zope.event": "5.0"}},
        "seed": None,
    }
    files = {"same.txt": b"same", "model.bin": b"newer", "added.txt": b"added"}
    await with_files(people.alice, files, **changed)
    await to_production(people.alice, people.bob, 1)
    await to_staging(people.alice, 2)
    promotion = await open_promotion(people.alice, 2, "production")
    found = await changes(people.bob, promotion)
    assert promotion["changes"] == found
    assert found["against"] == {
        "version": 1,
        "name": None,
        "stage": "production",
        "because": "holds production",
    }
    assert found["params"] == [
        {"key": "lr", "change": "changed", "from": 0.01, "to": 0.02},
        {"key": "optimizer.name", "change": "changed", "from": "adam", "to": "sgd"},
    ]
    assert found["metrics"] == [
        {"key": "auc", "change": "changed", "from": 0.934, "to": 0.947, "difference": 0.013},
        {"key": "f1", "change": "added", "from": None, "to": 0.5, "difference": None},
        {"key": "log_loss", "change": "gone", "from": 0.21, "to": None, "difference": None},
    ]
    assert [(r["key"], r["change"], r["to"]) for r in found["code"]] == [
        ("commit", "changed", "a" * 40),
        ("entrypoint", "added", "python train.py"),
    ]
    data = {"version": None, "uri": None, "sha256": "ab" * 32, "rows": 48213}
    nothing = dict.fromkeys(data)
    assert found["datasets"] == [
        {"role": "test", "name": "customers", "change": "added", "from": None, "to": nothing},
        {
            "role": "train",
            "name": "customers",
            "change": "changed",
            "from": data,
            "to": {**data, "sha256": "cd" * 32},
        },
    ]
    assert found["preprocessing"] == [
        {
            "name": "impute",
            "change": "added",
            "from": None,
            "to": {"position": 1, "version": None, "sha256": None, "description": None},
        }
    ]
    assert found["environment"] == [
        {"key": "packages.`zope.event`", "change": "added", "from": None, "to": "5.0"},
        {"key": "packages.numpy", "change": "changed", "from": "2.4.0", "to": "2.4.1"},
    ]
    assert found["other"] == [{"key": "seed", "change": "gone", "from": 7, "to": None}]
    assert found["files"] == {
        "same": 1,
        "same_bytes": 4,
        "changed": [{"path": "model.bin", "from": of_bytes(b"old"), "to": of_bytes(b"newer")}],
        "added": [{"path": "added.txt", "from": None, "to": of_bytes(b"added")}],
        "gone": [{"path": "gone.txt", "from": of_bytes(b"gone"), "to": None}],
        "counts": {"changed": 1, "added": 1, "gone": 1},
    }
    assert found["counts"] == {name: len(found[name]) for name in LISTS}
    assert (found["evaluations"], found["truncated"]) == ([], False)


async def test_two_builds_of_the_same_show_no_change(people: People) -> None:
    await make_model(people.admin)
    for _ in range(2):
        await with_files(people.alice, {"a": b"1", "b": b"22"}, **RECIPE)
    await to_staging(people.alice, 1)
    found = await changes(people.bob, await open_promotion(people.alice, 2, "staging"))
    assert found["against"]["version"] == 1
    assert all(found[name] == [] for name in LISTS)
    assert (found["files"]["same"], found["files"]["same_bytes"]) == (2, 3)


async def test_the_newest_evaluations_on_the_same_bytes_are_compared(people: People) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await to_staging(people.alice, 2)
    promotion = await open_promotion(people.alice, 2, "production")
    await measured(people.ci, 1, {"auc": 0.5, "f1": 0.7})
    await measured(people.ci, 1, {"auc": 0.921})
    await measured(people.ci, 2, {"auc": 0.934, "log_loss": 0.2}, name="renamed")
    await measured(people.ci, 2, {"f1": 0.7}, name="renamed")
    await measured(people.ci, 1, {"auc": 0.1}, ON_B, "b")  # only one of the two has it
    for number in (1, 2):
        await measured(people.ci, number, {"auc": 0.2}, None, "of no digest")
    found = await changes(people.bob, promotion)
    row = {"dataset": "renamed", "sha256": ON_A}
    assert found["evaluations"] == [
        {**row, "metric": "auc", "from": 0.921, "to": 0.934, "difference": 0.013},
        {**row, "metric": "f1", "from": 0.7, "to": 0.7, "difference": 0.0},
    ]
    assert found["counts"]["evaluations"] == 2


async def test_without_an_incumbent_the_last_holder_is_compared_then_the_number_below(
    people: People,
) -> None:
    await registered(people, 3)
    first = await open_promotion(people.alice, 1, "staging")
    assert (await changes(people.bob, first))["against"] is None

    below = await open_promotion(people.alice, 3, "staging")
    against = (await changes(people.bob, below))["against"]
    assert (against["version"], against["stage"]) == (2, "none")
    assert against["because"] == "the version before it"

    assert (await apply(people.alice, first)).status_code == 200
    against = (await changes(people.bob, below))["against"]
    assert (against["version"], against["because"]) == (1, "holds staging")

    await ask(people.alice, 1, "archived", apply=True)
    against = (await changes(people.bob, below))["against"]
    assert (against["version"], against["stage"]) == (1, "archived")
    assert against["because"] == "held staging last"

    gone = await people.mia.delete(f"{VERSIONS}/1")
    assert gone.status_code == 204, gone.text
    assert (await changes(people.bob, below))["against"]["version"] == 2


async def test_drafts_are_nothing_to_compare_with(people: People) -> None:
    await make_model(people.admin)
    await make_draft(people.alice)
    await make_ready(people.alice)
    promotion = await open_promotion(people.alice, 2, "staging")
    assert promotion["changes"]["against"] is None
    assert all(promotion["changes"][name] == [] for name in LISTS)


async def test_an_ended_promotion_keeps_the_change_that_was_looked_at(people: People) -> None:
    await registered(people, 3)
    await to_production(people.alice, people.bob, 1)
    await measured(people.ci, 1, {"auc": 0.921})
    await measured(people.ci, 2, {"auc": 0.934})
    applied = await to_production(people.alice, people.bob, 2)
    assert applied["changes"]["against"] == {
        "version": 1,
        "name": None,
        "stage": "production",
        "because": "held production then",
    }
    assert applied["changes"]["evaluations"][0]["difference"] == 0.013
    await measured(people.ci, 2, {"auc": 0.5})
    await to_production(people.alice, people.bob, 3)
    assert await changes(people.bob, applied) == applied["changes"]

    assert (await people.mia.delete(f"{VERSIONS}/1")).status_code == 204
    assert (await changes(people.bob, applied))["against"] is None


async def test_an_ended_promotion_without_incumbent_is_compared_with_what_was_there(
    people: People,
) -> None:
    await registered(people, 3)
    staged = await to_staging(people.alice, 2)
    assert staged["changes"]["against"]["version"] == 1
    await to_staging(people.alice, 1)
    assert await changes(people.bob, staged) == staged["changes"]
    last = await to_staging(people.alice, 3)
    assert last["changes"]["against"]["because"] == "held staging then"
    await ask(people.alice, 1, "archived", apply=True)
    assert await changes(people.bob, last) == last["changes"]


async def test_a_number_that_was_a_draft_then_is_nothing_to_compare_an_ended_promotion_with(
    people: People,
) -> None:
    await make_model(people.admin)
    await make_draft(people.alice)
    await make_ready(people.alice)
    staged = await to_staging(people.alice, 2)
    assert (await people.alice.post(f"{VERSIONS}/1/finalize")).status_code == 200
    assert (await changes(people.bob, staged))["against"] is None


async def test_a_deleted_version_is_shown_by_no_promotion(people: People) -> None:
    await registered(people, 2)
    promotion = await open_promotion(people.alice, 2, "staging")
    assert (await people.mia.delete(f"{VERSIONS}/2")).status_code == 204
    assert (await look(people.bob, promotion))["changes"] is None


async def test_every_verb_answers_the_change_and_lists_do_not(people: People) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await to_staging(people.alice, 2)
    promotion = await open_promotion(people.alice, 2, "production")
    cancelled = await people.alice.post(f"/promotions/{promotion['id']}/cancel")
    again = await open_promotion(people.alice, 2, "production")
    reason = {"reason": "Nobody can be reached."}
    overridden = await people.admin.post(f"/promotions/{again['id']}/override", reason)
    for answer in (cancelled, overridden):
        assert answer.status_code == 200, answer.text
        assert answer.json()["changes"]["against"]["version"] == 1
        assert (await look(people.bob, answer.json()))["changes"] == answer.json()["changes"]
    for query in ("", "?reviewable=true"):
        listed = (await people.bob.get(f"/promotions{query}")).json()["items"]
        assert [item["changes"] for item in listed] == [None] * len(listed)


async def test_a_report_on_either_side_makes_a_new_etag_though_it_moves_no_gate(
    people: People,
) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await to_staging(people.alice, 2)
    promotion = await open_promotion(people.alice, 2, "production")
    path = f"/promotions/{promotion['id']}"
    tag = (await people.bob.get(path)).headers["etag"]
    for number in (1, 2):
        await measured(people.ci, number, {"auc": 0.9})
        fresh = await people.bob.get(path, headers={"If-None-Match": tag})
        assert fresh.status_code == 200
        tag = fresh.headers["etag"]
    assert len(fresh.json()["changes"]["evaluations"]) == 1


async def test_the_change_costs_few_statements_however_large_it_is(
    people: People, runtime: Runtime
) -> None:
    await make_model(people.admin)
    for number in (1, 2):
        files = {f"{n}.bin": b"%d" % (n * number) for n in range(30)}
        await with_files(people.alice, files, params={f"p{n}": number for n in range(500)})
        await measured(people.ci, number, {f"m{n}": n * number for n in range(300)})
    alone = await open_promotion(people.alice, 1, "staging")
    large = await open_promotion(people.alice, 2, "staging")
    await look(people.bob, large)
    with statements(runtime) as without:
        assert (await changes(people.bob, alone))["against"] is None
    with statements(runtime) as with_all:
        found = await changes(people.bob, large)
    assert (len(found["evaluations"]), found["files"]["counts"]["changed"]) == (300, 29)
    # Beside what finds the predecessor: one for the evaluations, one for the files.
    assert len(with_all) - len(without) == 2, with_all
    with statements(runtime) as listing:
        await people.bob.get("/promotions")
    assert not [each for each in listing if "jsonb_each" in each or "FULL OUTER" in each]


async def test_what_is_too_long_is_cut_and_counted(people: People, sql: Sql) -> None:
    await make_model(people.admin)
    many = 1500
    await sql.execute(
        "insert into blobs (sha256, size) select sha256(n::text::bytea), 1"
        " from generate_series(1, %s) n",
        [2 * many],
    )
    for number in (1, 2):
        await make_draft(
            people.alice,
            params={f"p{n}": number for n in range(many)},
            metrics={f"m{n}": number for n in range(1000)},
        )
        await sql.execute(
            "insert into version_files (version_id, path, sha256, size, media_type, added_by)"
            " select v.id, 'd/' || n, sha256((n * v.number)::text::bytea), 1, 'x/y', 'alice'"
            " from versions v, generate_series(1, %s) n where v.number = %s",
            [many, number],
        )
        done = await people.alice.post(f"{VERSIONS}/{number}/finalize")
        assert done.json()["files_count"] == many, done.text
    found = await changes(people.bob, await open_promotion(people.alice, 2, "staging"))
    assert (len(found["params"]), found["counts"]["params"]) == (1000, many)
    assert (len(found["metrics"]), found["counts"]["metrics"]) == (1000, 1000)
    assert (len(found["files"]["changed"]), found["files"]["counts"]["changed"]) == (1000, many)
    assert found["files"]["changed"] == sorted(found["files"]["changed"], key=lambda f: f["path"])
    assert found["truncated"] is True
