"""Versions over HTTP: registering, reading, changing."""

import asyncio
import hashlib

import pytest
import rfc8785

from tests.actors import Api, Team
from tests.factories import RECIPE, events, make_draft, make_model, make_ready, pointers, problem


async def test_a_version_keeps_its_whole_recipe(admin: Api, team: Team) -> None:
    await make_model(admin)
    await make_ready(admin)
    alice = await team.person("alice", "contributor")
    made = await alice.post(
        "/models/churn/versions", {**RECIPE, "parents": [{"model": "churn", "version": 1}]}
    )
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/v1/models/churn/versions/2"
    body = made.json()
    for field in ("params", "metrics", "tags", "seed", "signature", "source", "description"):
        assert body[field] == RECIPE[field], field
    assert body["code"] == {**RECIPE["code"], "entrypoint": None, "diff_sha256": None}
    assert body["datasets"][0]["sha256"] == "ab" * 32
    assert body["parents"] == [{"model": "churn", "version": 1}]
    assert (body["model"], body["number"], body["status"]) == ("churn", 2, "draft")
    assert (body["stage"], body["aliases"], body["authors"]) == ("none", [], ["alice"])
    assert (body["manifest_sha256"], body["recipe_sha256"], body["stored"]) == (None, None, False)
    assert (await alice.get("/models/churn/versions/2")).json() == body
    actions = [e["action"] for e in await events(admin, model="churn", actor="alice")]
    assert actions == ["version.created"]


async def test_an_empty_object_is_a_version(admin: Api) -> None:
    await make_model(admin)
    version = await make_ready(admin)
    assert version["status"] == "ready"
    assert version["manifest_sha256"] == hashlib.sha256(b"").hexdigest()
    assert version["ready_at"]
    assert version["stored"] is False


async def test_anyone_can_recompute_the_recipe_digest(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin)
    parents = [{"model": "churn", "version": 1}]
    made = await make_draft(
        admin, **{**RECIPE, "params": {"big": 1e22, "one": 1.0}}, parents=parents, finalize=True
    )
    shown = (await admin.get("/models/churn/versions/2")).json()
    fields = ("params", "metrics", "code", "datasets", "preprocessing", "environment", "seed",
              "signature", "run", "source", "parents")  # fmt: skip
    recipe = {name: shown[name] for name in fields}
    recipe["params"]["big"] = float(recipe["params"]["big"])
    assert hashlib.sha256(rfc8785.dumps(recipe)).hexdigest() == made["recipe_sha256"]


async def test_fifty_at_once_get_the_numbers_one_to_fifty(admin: Api) -> None:
    await make_model(admin)
    made = await asyncio.gather(
        *(admin.post("/models/churn/versions", {"params": {"i": i}}) for i in range(50))
    )
    assert {answer.status_code for answer in made} == {201}
    assert sorted(answer.json()["number"] for answer in made) == list(range(1, 51))


async def test_a_failed_registration_leaves_no_gap(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin, name="taken")
    answers = await asyncio.gather(
        *(admin.post("/models/churn/versions", {"name": "taken"}) for _ in range(5)),
        *(admin.post("/models/churn/versions", {}) for _ in range(5)),
    )
    assert sorted(a.status_code for a in answers) == [201] * 5 + [409] * 5
    listed = (await admin.get("/models/churn/versions")).json()["items"]
    assert [v["number"] for v in listed] == [6, 5, 4, 3, 2, 1]


async def test_the_same_request_twenty_times_at_once_makes_one_version(admin: Api) -> None:
    await make_model(admin)
    made = await asyncio.gather(
        *(
            admin.post("/models/churn/versions", RECIPE, headers={"Idempotency-Key": "k-1"})
            for _ in range(20)
        )
    )
    assert {answer.status_code for answer in made} == {201}
    assert {answer.json()["number"] for answer in made} == {1}
    assert sum("idempotent-replay" in answer.headers for answer in made) == 19
    assert len({answer.content for answer in made}) == 1
    assert (await make_draft(admin))["number"] == 2


async def test_a_draft_changes_in_everything(admin: Api, team: Team) -> None:
    await make_model(admin)
    await make_draft(admin, **RECIPE)
    bob = await team.person("bob", "contributor")
    change = {"params": {"lr": 0.5}, "metrics": {}, "code": None, "seed": 8, "name": "renamed"}
    changed = await bob.patch("/models/churn/versions/1", change)
    assert changed.status_code == 200, changed.text
    assert {key: changed.json()[key] for key in change} == change
    assert changed.json()["datasets"][0]["name"] == "customers"
    assert changed.json()["authors"] == ["admin", "bob"]
    (event,) = await events(admin, action="version.edited")
    assert event["details"]["changes"]["seed"] == {"from": 7, "to": 8}
    assert (await bob.get("/models/churn/versions/renamed")).json()["number"] == 1


async def test_a_ready_version_changes_in_description_and_tags_only(admin: Api, team: Team) -> None:
    await make_model(admin)
    before = await make_ready(admin, **RECIPE)
    bob = await team.person("bob", "contributor")
    path = "/models/churn/versions/1"
    for field, value in (("params", {}), ("code", None), ("name", "x"), ("source", None)):
        body = problem(await bob.patch(path, {field: value, "tags": {}}), 409, "version-is-ready")
        assert field in body["detail"]
    changed = await bob.patch(path, {"description": "Better.", "tags": {"a": "b"}})
    assert changed.status_code == 200, changed.text
    after = changed.json()
    assert (after["description"], after["tags"]) == ("Better.", {"a": "b"})
    assert after["recipe_sha256"] == before["recipe_sha256"]
    assert after["authors"] == ["admin"]
    assert after["params"] == RECIPE["params"]


async def test_if_match_guards_a_change(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin)
    tag = (await admin.get("/models/churn/versions/1")).headers["etag"]
    changes = await asyncio.gather(
        *(
            admin.patch("/models/churn/versions/1", {"seed": i}, headers={"If-Match": tag})
            for i in range(5)
        )
    )
    assert sorted(c.status_code for c in changes) == [200, 412, 412, 412, 412]
    assert (
        await admin.delete("/models/churn/versions/1", headers={"If-Match": tag})
    ).status_code == 412
    fresh = (await admin.get("/models/churn/versions/1")).headers["etag"]
    deleted = await admin.delete("/models/churn/versions/1", headers={"If-Match": fresh})
    assert deleted.status_code == 204


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("metrics", {"auc": "0.9"}, "/metrics/auc"),
        ("metrics", {"auc": True}, "/metrics/auc"),
        ("metrics", {"": 1}, "/metrics/"),
        ("params", [], "/params"),
        ("params", {"n": 2**60}, "/params"),
        ("params", {"x": "a" * 300_000}, "/params"),
        ("tags", {"k": 1}, "/tags/k"),
        ("tags", {"k": "v" * 5001}, "/tags/k"),
        ("description", "é" * 33_000, "/description"),
        ("datasets", [{"name": "d", "role": "training"}], "/datasets/0/role"),
        ("datasets", [{"name": "d", "role": "train", "sha256": "AB" * 32}], "/datasets/0/sha256"),
        ("parents", [{"model": "nope", "version": 1}], "/parents/0"),
        ("seed", 1.5, "/seed"),
        ("code", {"repository": "r"}, "/code/commit"),
        ("files", [{"path": "../x", "size": 1, "sha256": "ab" * 32}], "/files/0/path"),
        ("nonsense", 1, "/nonsense"),
    ],
)
async def test_a_bad_value_is_refused_where_it_stands(
    admin: Api, field: str, value: object, pointer: str
) -> None:
    await make_model(admin)
    body = problem(
        await admin.post("/models/churn/versions", {field: value}), 422, "invalid-request"
    )
    assert pointer in pointers(body), body["errors"]
    assert (await admin.get("/models/churn/versions")).json()["items"] == []


async def test_nan_and_infinity_are_refused_by_name(admin: Api) -> None:
    await make_model(admin)
    for text in ("NaN", "Infinity", "-Infinity", "1e999"):
        answer = await admin.post(
            "/models/churn/versions",
            content=f'{{"metrics": {{"auc": {text}}}}}',
            headers={"Content-Type": "application/json"},
        )
        body = problem(answer, 422, "invalid-request")
        assert pointers(body) == {"/metrics/auc"}
        assert "finite" in body["errors"][0]["detail"]


async def test_params_may_be_twenty_levels_deep_and_no_deeper(admin: Api) -> None:
    await make_model(admin)

    def nested(levels: int) -> dict[str, object]:
        return {} if levels == 1 else {"a": nested(levels - 1)}

    assert (await make_draft(admin, params=nested(20)))["params"] == nested(20)
    answer = await admin.post("/models/churn/versions", {"params": nested(21)})
    assert "20 levels" in str(problem(answer, 422, "invalid-request")["errors"])


@pytest.mark.parametrize(
    ("content", "status", "slug", "says"),
    [
        (b"{", 400, "malformed-request", "line 1"),
        (b'{"seed": 1, "seed": 2}', 400, "malformed-request", "twice"),
        (b'{"tags": {"a": "\xff"}}', 400, "malformed-request", "UTF-8"),
        (b'{"seed": ' + b"9" * 5000 + b"}", 400, "malformed-request", "number"),
        (b'{"tags": {"a": "\\u0000"}}', 422, "invalid-request", "cannot be stored"),
        (b'{"tags": {"a": "\\ud800"}}', 422, "invalid-request", "cannot be stored"),
        (b"[" * 100_000, 422, "invalid-request", "nested"),
        (b'{"params": ' + b'{"a":' * 80 + b"1" + b"}" * 81, 422, "invalid-request", "nested"),
        (b'{"tags": {"a": "' + b"x" * 10_000_000 + b'"}}', 413, "too-large", "4 MiB"),
    ],
)
async def test_hostile_bodies_are_answered_clearly(
    admin: Api, content: bytes, status: int, slug: str, says: str
) -> None:
    await make_model(admin)
    answer = await admin.post(
        "/models/churn/versions", content=content, headers={"Content-Type": "application/json"}
    )
    assert says in problem(answer, status, slug)["detail"]


async def test_hidden_models_are_named_nowhere(admin: Api, team: Team) -> None:
    for model in ("open", "secret"):
        await make_model(admin, model)
        await make_ready(admin, model)
    await make_draft(admin, "open", parents=[{"model": "secret", "version": 1}])
    await admin.patch("/models/open/versions/2", {"parents": []})
    await admin.patch("/models/open/versions/2", {"parents": [{"model": "secret", "version": 1}]})
    await make_draft(admin, "secret", parents=[{"model": "open", "version": 1}])
    mia = await team.person("mia", "maintainer", models="open")
    assert (await mia.get("/models/open/versions/2")).json()["parents"] == []
    assert (await admin.get("/models/open/versions/2")).json()["parents"] != []
    for answer in (
        await mia.get("/models/open/versions"),
        await mia.get("/events"),
        await mia.delete("/models/open/versions/1"),
        await mia.delete("/models/open"),
    ):
        assert "secret" not in answer.text
    assert "hidden from you" in answer.json()["detail"]


async def test_parents_must_be_seen_and_make_no_circle(admin: Api, team: Team) -> None:
    for name in ("open", "secret"):
        await make_model(admin, name)
        await make_ready(admin, name)
    alice = await team.person("alice", "contributor", models="open")
    for model in ("secret", "absent"):
        answer = await alice.post(
            "/models/open/versions", {"parents": [{"model": model, "version": 1}]}
        )
        assert "hidden from you" in str(problem(answer, 422, "invalid-request")["errors"])
    await make_draft(alice, "open")
    await make_draft(alice, "open", parents=[{"model": "open", "version": 2}])
    answer = await alice.patch(
        "/models/open/versions/2", {"parents": [{"model": "open", "version": 3}]}
    )
    assert "descend from itself" in str(problem(answer, 422, "invalid-request")["errors"])
    twice = [{"model": "open", "version": 1}] * 2
    answer = await alice.patch("/models/open/versions/2", {"parents": twice})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/parents/1"}
