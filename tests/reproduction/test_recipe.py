"""The recipe of a version over HTTP, as JSON and as a script."""

import pytest

from tests.actors import Api, Team
from tests.factories import RECIPE, make_draft, make_model, make_ready, pointers, problem
from tests.versions.test_completeness import WHOLE

HERE = "/models/churn/versions"


@pytest.fixture
async def alice(team: Team) -> Api:
    alice = await team.person("alice", "contributor")
    await make_model(alice)
    return alice


async def test_a_whole_recipe_is_reproducible(alice: Api) -> None:
    await make_ready(alice, **{**WHOLE, "metrics": {"auc": 0.934}})
    found = await alice.get(f"{HERE}/1/reproduce")
    assert found.status_code == 200, found.text
    recipe = found.json()
    assert (recipe["completeness"], recipe["reproducible"], recipe["missing"]) == (1.0, True, [])
    assert recipe["command"] == ["train.py"]
    assert recipe["expected"] == {"metrics": {"auc": 0.934}}
    assert [step["name"] for step in recipe["steps"]] == [
        *("code", "environment", "data", "training", "comparison")
    ]
    assert all(step["possible"] for step in recipe["steps"])
    version = (await alice.get(f"{HERE}/1")).json()
    for field in ("params", "code", "environment", "datasets", "seed", "recipe_sha256"):
        assert recipe[field] == version[field]


async def test_what_is_missing_is_listed_with_what_to_do(alice: Api) -> None:
    await make_draft(alice, **RECIPE)
    recipe = (await alice.get(f"{HERE}/1/reproduce")).json()
    assert recipe["completeness"] == 0.8
    assert [each["field"] for each in recipe["missing"]] == ["code.entrypoint", "datasets.uri"]
    assert recipe["missing"][0]["remedy"] == (
        "Record the command, for example `python train.py --config a.yaml`."
    )
    training = next(step for step in recipe["steps"] if step["name"] == "training")
    assert training == {
        "name": "training",
        "possible": False,
        "detail": "No entrypoint is recorded.",
    }


async def test_a_version_of_which_nothing_is_known_has_a_recipe_too(alice: Api) -> None:
    await make_draft(alice)
    recipe = (await alice.get(f"{HERE}/1/reproduce")).json()
    assert (recipe["completeness"], recipe["reproducible"]) == (0, False)
    assert not any(step["possible"] for step in recipe["steps"])
    script = await alice.get(f"{HERE}/1/reproduce", params={"format": "sh"})
    assert script.status_code == 200


async def test_the_script_is_a_shell_script_to_be_saved(alice: Api) -> None:
    await make_ready(alice, **WHOLE)
    script = await alice.get(f"{HERE}/latest/reproduce", params={"format": "sh"})
    assert script.headers["content-type"] == "text/x-shellscript; charset=utf-8"
    assert script.headers["content-disposition"] == 'attachment; filename="reproduce.sh"'
    assert script.headers["version-number"] == "1"
    assert script.text.startswith("#!/bin/sh\n")
    assert f"\ncommit='{WHOLE['code']['commit']}'\n" in script.text


@pytest.mark.parametrize("form", ["json", "sh"])
async def test_the_same_recipe_gives_the_same_bytes_and_whoever_has_them_gets_none(
    alice: Api, form: str
) -> None:
    await make_ready(alice, **WHOLE)
    params = {"format": form}
    first = await alice.get(f"{HERE}/1/reproduce", params=params)
    again = await alice.get(f"{HERE}/1/reproduce", params=params)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    known = {"If-None-Match": first.headers["etag"]}
    same = await alice.get(f"{HERE}/1/reproduce", params=params, headers=known)
    assert (same.status_code, same.content) == (304, b"")
    other = "sh" if form == "json" else "json"
    full = await alice.get(f"{HERE}/1/reproduce", params={"format": other}, headers=known)
    assert full.status_code == 200


async def test_a_recalled_version_says_so(alice: Api, team: Team) -> None:
    await make_ready(alice, **WHOLE)
    mia = await team.person("mia", "maintainer")
    await mia.post(f"{HERE}/1/recall", {"reason": "It leaks."})
    found = await alice.get(f"{HERE}/1/reproduce")
    assert found.headers["version-recalled"] == "true"
    assert found.json()["recalled"]["reason"] == "It leaks."
    script = await alice.get(f"{HERE}/1/reproduce", params={"format": "sh"})
    assert "\nrecalled='It leaks.'\n" in script.text


async def test_parents_in_hidden_models_are_left_out(alice: Api, team: Team) -> None:
    await make_model(alice, "secret")
    await make_ready(alice, "secret")
    await make_ready(alice, parents=[{"model": "secret", "version": 1}], **WHOLE)
    bob = await team.person("bob", "reader", models="churn")
    seen = (await bob.get(f"{HERE}/1/reproduce")).json()
    assert seen["parents"] == []
    script = await bob.get(f"{HERE}/1/reproduce", params={"format": "sh"})
    assert "secret" not in script.text
    everything = (await alice.get(f"{HERE}/1/reproduce")).json()
    assert everything["parents"] == [{"model": "secret", "version": 1}]


async def test_the_files_are_named_with_their_digests(alice: Api) -> None:
    await make_draft(alice)
    put = await alice.put(f"{HERE}/1/files/model.bin", content=b"weights")
    assert put.is_success
    (file,) = (await alice.get(f"{HERE}/1/reproduce")).json()["files"]
    assert (file["path"], file["size"], len(file["sha256"])) == ("model.bin", 7, 64)


async def test_there_are_two_forms(alice: Api) -> None:
    await make_ready(alice)
    refused = await alice.get(f"{HERE}/1/reproduce", params={"format": "yaml"})
    assert pointers(problem(refused, 422, "invalid-request")) == {"format"}


async def test_hidden_is_absent(alice: Api, team: Team) -> None:
    await make_ready(alice)
    stranger = await team.person("eve")
    problem(await stranger.get(f"{HERE}/1/reproduce"), 404, "not-found")


async def test_a_gate_can_ask_for_a_version_that_can_be_made_again(alice: Api, admin: Api) -> None:
    policy = (await admin.get("/policy")).json()
    body = {key: policy[key] for key in ("stages", "protected_aliases", "freeze")}
    staging = next(stage for stage in body["stages"] if stage["name"] == "staging")
    staging["gates"] = [{"type": "fields", "require": ["reproducible"]}]
    put = await admin.put("/policy", json=body)
    assert put.is_success, put.text
    await make_ready(alice, **{**WHOLE, "seed": None})
    await make_ready(alice, **WHOLE)
    asked = {"to": "staging", "reason": "Try it."}
    lacking = (await alice.post(f"{HERE}/1/promotions", asked)).json()
    assert lacking["gates"][0]["passed"] is False
    assert lacking["gates"][0]["detail"] == (
        "Version 1 lacks reproducible (for that it lacks seed)."
    )
    whole = (await alice.post(f"{HERE}/2/promotions", asked)).json()
    assert whole["gates"][0]["passed"] is True
