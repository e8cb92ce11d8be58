"""Versions side by side, over HTTP."""

import hashlib
from typing import Any

import pytest

from app.compare.schemas import CompareOutput
from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.counting import statements
from tests.factories import RECIPE, make_draft, make_model, make_ready, pointers, problem
from tests.promotions.acting import to_production
from tests.tensors.writing import with_tensors, written

DIGEST = "ab" * 32


async def compared(api: Api, versions: str, model: str = "churn", **query: Any) -> dict[str, Any]:
    found = await api.get(f"/models/{model}/compare", params={"versions": versions, **query})
    assert found.status_code == 200, found.text
    CompareOutput.model_validate(found.json())
    return dict(found.json())


def row(found: dict[str, Any], section: str, key: str) -> dict[str, Any]:
    (one,) = [each for each in found[section] if each["key"] == key]
    return dict(one)


async def measured(api: Api, number: int, name: str, sha256: str, value: Any) -> None:
    body = {"dataset": {"name": name, "sha256": sha256}, "metrics": {"auc": value}}
    made = await api.post(f"/models/churn/versions/{number}/evaluations", body)
    assert made.status_code == 201, made.text


async def with_file(api: Api, data: bytes, **recipe: Any) -> None:
    number = (await make_draft(api, **recipe))["number"]
    path = f"/models/churn/versions/{number}"
    assert (await api.put(f"{path}/files/model.bin", content=data)).is_success
    assert (await api.post(f"{path}/finalize")).is_success


async def test_a_candidate_is_compared_with_production(admin: Api, team: Team) -> None:
    alice, bob = await team.person("alice", "maintainer"), await team.person("bob", "reviewer")
    await make_model(admin)
    await with_file(alice, b"old", **RECIPE)
    code = {**RECIPE["code"], "repository": "git@github.com:acme/churn.git"}
    await with_file(
        alice,
        b"newer",
        **{
            **RECIPE,
            "params": {**RECIPE["params"], "depth": 8},
            "metrics": {"auc": 0.941, "log_loss": 0.21},
            "code": {**code, "commit": "a81d04c6e2f0"},
            "environment": {"python": "3.11.7", "packages": {"numpy": "2.5.0", "scipy": "1.17"}},
            "datasets": [{**RECIPE["datasets"][0], "sha256": "cd" * 32, "rows": 50000}],
            "seed": 8,
        },
    )
    await to_production(alice, bob, 1)
    await measured(admin, 1, "holdout", DIGEST, {"value": 0.7, "stderr": 0.01})
    await measured(admin, 1, "holdout", DIGEST, {"value": 0.90, "stderr": 0.01})
    await measured(admin, 2, "holdout", DIGEST, {"value": 0.95, "stderr": 0.01})
    found = await compared(bob, "production,2")
    assert [(v["ref"], v["number"], v["stage"]) for v in found["versions"]] == [
        ("production", 1, "production"),
        ("2", 2, "none"),
    ]
    assert row(found, "params", "depth")["values"] == [6, 8]
    assert row(found, "params", "optimizer.name")["differs"] is False
    auc = row(found, "metrics", "auc")
    assert (auc["differences"], auc["better"]) == ([0.0, 0.007], 1)
    (report,) = found["evaluations"]
    assert (report["values"], report["better"], report["sure"]) == ([0.90, 0.95], 1, True)
    assert report["dataset"] == {"name": "holdout", "sha256": DIGEST}
    (data,) = found["datasets"]
    assert (data["changes"], data["rows_differences"]) == (["same", "changed"], [0, 1787])
    assert row(found, "environment", "packages.numpy")["changes"][1] == "upgraded"
    assert row(found, "environment", "packages.scipy")["changes"][1] == "added"
    (file,) = found["files"]
    assert file["values"][1] == {"sha256": hashlib.sha256(b"newer").hexdigest(), "size": 5}
    assert (file["changes"][1], file["size_differences"]) == ("changed", [0, 2])
    assert row(found, "about", "seed")["values"] == [7, 8]
    (commits,) = found["commits"]
    assert (commits["place"], commits["to"], commits["link"]) == (1, "a81d04c6e2f0", None)


async def test_the_link_of_a_known_host(admin: Api) -> None:
    await make_model(admin)
    for commit in ("3f2c9e1b7a5d", "a81d04c6e2f0"):
        repository = "https://github.com/acme/churn"
        await make_ready(admin, code={"repository": repository, "commit": commit})
    (commits,) = (await compared(admin, "1,2"))["commits"]
    assert commits["link"] == "https://github.com/acme/churn/compare/3f2c9e1b7a5d...a81d04c6e2f0"


async def test_references_of_every_kind_and_of_other_models(admin: Api) -> None:
    await make_model(admin)
    await make_model(admin, "fraud")
    await make_ready(admin, name="first")
    await make_ready(admin)
    await make_ready(admin)
    await make_ready(admin, "fraud")
    await admin.put("/models/churn/aliases/champion", json={"version": 2})
    found = await compared(admin, "first, @champion,latest,fraud/1")
    assert [(v["model"], v["number"]) for v in found["versions"]] == [
        ("churn", 1),
        ("churn", 2),
        ("churn", 3),
        ("fraud", 1),
    ]
    assert found["versions"][1]["aliases"] == ["champion"]


async def test_the_baseline_can_be_another_one(admin: Api) -> None:
    await make_model(admin)
    for value in (0.9, 0.8):
        await make_ready(admin, metrics={"auc": value})
    found = await compared(admin, "1,2", baseline="2")
    assert found["baseline"] == 1
    assert found["metrics"][0]["differences"] == [0.1, 0.0]
    other = await admin.get("/models/churn/compare?versions=1,2&baseline=3")
    assert pointers(problem(other, 422, "invalid-request")) == {"baseline"}


async def test_the_policy_says_which_way_is_better(admin: Api) -> None:
    await make_model(admin)
    for value in (0.9, 0.8):
        await make_ready(admin, metrics={"churn_score": value, "val_loss": value})
    gate = {"type": "metric", "metric": "churn_score", "op": "<=", "value": 1}
    policy = {"stages": [{"name": "staging", "gates": [gate]}]}
    assert (await admin.put("/models/churn/policy", json=policy)).is_success
    score, loss = (await compared(admin, "1,2"))["metrics"]
    assert (score["direction"], score["direction_source"], score["better"]) == (
        *("lower", "policy", 1),
    )
    assert (loss["direction"], loss["direction_source"], loss["better"]) == ("lower", "name", 1)


async def test_only_what_differs(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin, params={"a": 1, "b": 1})
    await make_ready(admin, params={"a": 1, "b": 2})
    found = await compared(admin, "1,2", differs="true")
    assert [each["key"] for each in found["params"]] == ["b"]
    assert all(each["differs"] for section in ("about", "params") for each in found[section])


@pytest.mark.parametrize(
    "versions", ["", "1", "1,1", "1,,2", "1,latest", ",".join(map(str, range(1, 22)))]
)
async def test_versions_are_named_once_each_and_are_2_to_20(admin: Api, versions: str) -> None:
    await make_model(admin)
    await make_ready(admin)
    answer = await admin.get("/models/churn/compare", params={"versions": versions})
    assert pointers(problem(answer, 422, "invalid-request")) == {"versions"}


async def test_what_is_not_there_and_what_is_hidden_is_not_found(admin: Api, team: Team) -> None:
    carol = await team.person("carol", "reader", models="churn")
    for model in ("churn", "secret"):
        await make_model(admin, model)
        await make_ready(admin, model)
    for versions in ("1,2", "1,secret/1", "1,nowhere/1", "1,@x", "1,a\0b"):
        answer = await carol.get("/models/churn/compare", params={"versions": versions})
        problem(answer, 404, "not-found")
    hidden = await carol.get("/models/churn/compare", params={"versions": "1,secret/1"})
    absent = await carol.get("/models/churn/compare", params={"versions": "1,nowhere/1"})
    assert hidden.json()["detail"].replace("secret", "nowhere") == absent.json()["detail"]
    await make_ready(admin)
    several = await admin.get("/models/churn/compare", params={"versions": "1,none"})
    problem(several, 409, "ambiguous-reference")


async def test_a_parent_that_is_hidden_is_not_told(admin: Api, team: Team) -> None:
    carol = await team.person("carol", "reader", models="churn")
    for model in ("churn", "secret"):
        await make_model(admin, model)
        await make_ready(admin, model)
    await make_ready(admin, parents=[{"model": "secret", "version": 1}])
    assert row(await compared(admin, "1,2"), "about", "parents")["values"][1] == ["secret 1"]
    found = await carol.get("/models/churn/compare?versions=1,2")
    assert "secret" not in found.text


async def test_twenty_versions_of_five_thousand_packages_in_a_handful_of_statements(
    admin: Api, runtime: Runtime
) -> None:
    await make_model(admin)
    for number in range(20):
        packages = {f"package-{each:04}": f"1.{number % 3}.{each}" for each in range(5000)}
        await make_ready(admin, environment={"python": "3.11", "packages": packages})
    versions = ",".join(map(str, range(1, 21)))
    with statements(runtime) as sent:
        found = await admin.get("/models/churn/compare", params={"versions": versions})
    assert len(sent) <= 7, sent
    # One more row than a section holds: 5,000 packages and Python.
    assert (len(found.json()["environment"]), found.json()["truncated"]) == (5000, ["environment"])


async def test_of_a_safetensors_file_the_tensors_that_changed(admin: Api, runtime: Runtime) -> None:
    await make_model(admin)
    old = {"kept": [1.0], "tuned": [1.0, 2.0], "grown": [1.0], "dropped": [0.0]}
    new = {"kept": [1.0], "tuned": [1.0, 2.5], "grown": [1.0, 1.0], "head": [0.0]}
    await with_tensors(admin, runtime, written(old))
    await with_tensors(admin, runtime, written(new))
    await with_tensors(admin, runtime, b"hostile")
    (file,) = (await compared(admin, "1,2,3"))["files"]
    assert file["tensors"][0] is None
    assert file["tensors"][1] == {
        "status": "compared",
        "parameters": 6,
        "same": 1,
        "changed": 1,
        "reshaped": 1,
        "added": 1,
        "gone": 1,
        "unknown": 0,
        "names": {
            "changed": ["tuned"],
            "reshaped": ["grown"],
            "added": ["head"],
            "gone": ["dropped"],
        },
    }
    assert file["tensors"][2]["status"] == "unreadable"
    page = await admin.get("/models/churn/compare?versions=1,2&format=markdown")
    assert "(tensors: 1 changed, 1 reshaped, 1 added, 1 gone, 1 same)" in page.text


async def test_tensors_that_nobody_has_read_yet_are_pending(admin: Api, runtime: Runtime) -> None:
    await make_model(admin)
    await with_tensors(admin, runtime, written({"a": [1.0]}))
    await make_draft(admin)
    path = "/models/churn/versions/2/files/m.safetensors"
    assert (await admin.put(path, content=written({"a": [2.0]}))).is_success
    (file,) = (await compared(admin, "1,2"))["files"]
    assert file["tensors"][1]["status"] == "pending"
