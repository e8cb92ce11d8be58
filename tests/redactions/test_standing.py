"""What a redaction leaves of approvals, of copies that clients keep, and of rights."""

import asyncio
from typing import Any

import pytest

from tests.actors import Api, Team
from tests.factories import events, make_model, make_ready, problem
from tests.redactions.everywhere import Sql, holding
from tests.redactions.test_stories import LINE, redact, rows

V = "/models/churn/versions/1"


@pytest.fixture
async def alice(team: Team) -> Api:
    return await team.person("alice", "maintainer")


async def approved(alice: Api, team: Team, **recipe: Any) -> tuple[Api, dict[str, Any]]:
    """A promotion to production that bob approved, and bob."""
    bob = await team.person("bob", "reviewer")
    await make_model(alice)
    await make_ready(alice, **recipe)
    staged = {"to": "staging", "reason": "Try it.", "apply": True}
    assert (await alice.post(f"{V}/promotions", staged)).status_code == 201
    asked = await alice.post(f"{V}/promotions", {"to": "production", "reason": "Better."})
    path = f"/promotions/{asked.json()['id']}"
    given = await bob.post(f"{path}/reviews", {"decision": "approve", "comment": "Fine."})
    assert given.status_code == 201, given.text
    found = (await alice.get(path)).json()
    assert found["status"] == "approved"
    return bob, found


async def test_a_redacted_param_leaves_approvals_as_they_are(
    admin: Api, alice: Api, team: Team
) -> None:
    _, promotion = await approved(alice, team, params={"key": LINE})
    await redact(admin, LINE)
    path = f"/promotions/{promotion['id']}"
    assert (await alice.get(path)).json()["status"] == "approved"
    assert (await alice.post(f"{path}/apply")).status_code == 200


async def test_a_redacted_description_is_another_one_than_reviewers_read(
    admin: Api, alice: Api, team: Team
) -> None:
    bob, promotion = await approved(alice, team, description=LINE)
    await redact(admin, LINE)
    path = f"/promotions/{promotion['id']}"
    found = (await alice.get(path)).json()
    assert (found["status"], found["reviews"][0]["stale"]) == ("open", True)
    assert (await alice.post(f"{path}/apply")).status_code == 409
    await bob.post(f"{path}/reviews", {"decision": "approve"})
    assert (await alice.post(f"{path}/apply")).status_code == 200


async def test_no_etag_outlives_what_it_was_of(admin: Api, alice: Api, team: Team) -> None:
    await make_model(alice, description=LINE)
    await make_ready(alice, params={"key": LINE})
    measured = {"dataset": {"name": "d"}, "metrics": {"auc": 0.9}, "notes": LINE}
    evaluation = (await alice.post(f"{V}/evaluations", measured)).json()
    await alice.put(f"{V}/checks/lint", json={"status": "success", "summary": LINE})
    comment = (await alice.post(f"{V}/comments", {"body": LINE})).json()
    freeze = {"from": "2030-01-01T00:00:00Z", "to": "2030-01-02T00:00:00Z", "reason": LINE}
    set_ = await alice.put("/models/churn/policy", json={"freeze": [freeze]})
    assert set_.status_code == 200, set_.text
    token = (await admin.post("/tokens", {"name": LINE, "scopes": ["read"]})).json()
    await admin.post("/groups", {"name": "risk", "description": LINE})
    await redact(admin, "nobody-wrote-it", reason=f"Not {LINE}.")
    redaction = (await admin.get("/redactions")).json()["items"][0]["id"]
    paths = [
        *("/models/churn", V, f"{V}/checks/lint", f"/comments/{comment['id']}"),
        *("/models/churn/policy", f"/policies/{set_.json()['revision']}", f"/tokens/{token['id']}"),
        *(f"{V}/evaluations/{evaluation['id']}", "/groups/risk", f"/redactions/{redaction}"),
    ]
    kept = {path: await admin.get(path) for path in paths}
    assert all(answer.status_code == 200 for answer in kept.values()), kept
    await redact(admin, LINE)
    for path, answer in kept.items():
        known = {"If-None-Match": answer.headers["etag"]}
        again = await admin.get(path, headers=known)
        assert again.status_code == 200, path
        assert LINE not in again.text


async def test_a_redacted_person_is_the_same_person(admin: Api, team: Team, sql: Sql) -> None:
    alice = await team.person("alice-secret-name", "maintainer")
    await make_model(alice)
    done = await redact(admin, "alice-secret-name")
    assert [(each["place"], each["rows"]) for each in done["left"]] == [("events.actor", 1)]
    assert (await alice.get("/me")).json()["name"] == done["marker"]
    assert (await alice.get("/models/churn")).json()["created_by"] == done["marker"]
    assert await holding(sql, "alice-secret-name") == {"events.actor"}


@pytest.mark.parametrize("kind", ["user", "service", "group"])
async def test_nobody_takes_the_name_under_which_another_acted(
    admin: Api, team: Team, kind: str
) -> None:
    alice = await team.person("alice-secret-name", "maintainer")
    await make_model(alice)
    await redact(admin, "alice-secret-name")
    body = {"name": "alice-secret-name"}
    if kind == "group":
        answer = await admin.post("/groups", body)
    else:
        owner = {"owner": "admin"} if kind == "service" else {}
        answer = await admin.post("/identities", {**body, "kind": kind, **owner})
    assert "record" in problem(answer, 409, "name-taken")["detail"]


async def test_paths_of_a_ready_version_stay_and_are_told(admin: Api, alice: Api, sql: Sql) -> None:
    await make_model(alice)
    for number in (1, 2):
        await alice.post("/models/churn/versions", {})
        path = f"/models/churn/versions/{number}/files/{LINE}.bin"
        assert (await alice.put(path, content=b"x" * 100)).is_success
    assert (await alice.post(f"{V}/finalize")).status_code == 200
    manifest = (await alice.get(f"{V}/manifest")).json()
    done = await redact(admin, LINE)
    assert [(each["place"], each["rows"]) for each in done["left"]] == [("version_files.path", 1)]
    assert "Delete the version" in done["left"][0]["how"]
    assert rows(done)["version_files.path"] == 1
    assert (await alice.get(f"{V}/manifest")).json()["manifest_sha256"] == (
        manifest["manifest_sha256"]
    )
    draft = await alice.get(f"/models/churn/versions/2/files/{done['marker']}.bin")
    assert draft.content == b"x" * 100
    assert await holding(sql, LINE) == {"version_files.path"}


async def test_two_at_once_make_two_redactions_and_leave_nothing(
    admin: Api, alice: Api, sql: Sql
) -> None:
    await make_model(alice, description=LINE)
    done = await asyncio.gather(*(redact(admin, LINE) for _ in range(3)))
    assert sorted(each["events"] for each in done) == [0, 0, 1]
    assert len([e for e in await events(admin) if e["action"] == "record.redacted"]) == 3
    assert await holding(sql, LINE) == set()


async def test_a_number_that_is_the_text_goes_from_params_and_stays_in_metrics(
    admin: Api, alice: Api
) -> None:
    await make_model(alice)
    params = {"card": 4111111111111111, "near": 411111111111111}
    await make_ready(alice, params=params, metrics={"m": 4111111111111111})
    done = await redact(admin, "4111111111111111")
    found = (await alice.get(V)).json()
    assert found["params"] == {"card": done["marker"], "near": 411111111111111}
    assert found["metrics"] == {"m": 4111111111111111}
