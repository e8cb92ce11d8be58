"""What the record says of files and uploads."""

import hashlib
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from app.files import service as files
from tests.actors import Api, Team
from tests.factories import events, make_draft, make_model, problem

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
V = "/models/churn/versions/1"
DATA = b"weights"
SHA = hashlib.sha256(DATA).hexdigest()
DECLARED = {"path": "w", "size": len(DATA), "sha256": SHA}


@pytest.fixture
async def draft(admin: Api) -> Api:
    await make_model(admin)
    await make_draft(admin)
    return admin


async def last(api: Api) -> dict[str, Any]:
    return (await events(api, model="churn"))[-1]


async def begin(api: Api, **changes: Any) -> dict[str, Any]:
    answer = await api.post(f"{V}/uploads", {"files": [{**DECLARED, **changes}]})
    return dict(answer.json()["uploads"][0])


@pytest.mark.local_store
async def test_refused_bytes_are_told_with_what_was_expected_and_found(draft: Api) -> None:
    upload = await begin(draft, sha256="ab" * 32)
    await draft.http.put(upload["parts"][0]["url"], content=DATA)
    problem(await draft.post(f"{V}/uploads/{upload['id']}/complete"), 422, "wrong-digest")
    fresh = await begin(draft, sha256="ab" * 32)
    event = await last(draft)
    assert (event["action"], event["actor"], event["version"]) == ("upload.refused", "admin", 1)
    assert event["details"] == {
        "path": "w",
        "upload": upload["id"],
        "expected": {"sha256": "ab" * 32, "size": len(DATA)},
        "found": {"sha256": SHA, "size": len(DATA)},
        "fresh_upload": fresh["id"],
    }


async def test_each_upload_that_expires_is_told_and_by_nobody(
    draft: Api, runtime: Runtime, sql: Sql
) -> None:
    ids = [(await begin(draft, path=path))["id"] for path in ("a", "b")]
    await begin(draft, path="c")
    await sql.execute("update uploads set expires_at = now() where path < 'c'")
    assert await files.expire(runtime) == 2
    assert await files.expire(runtime) == 0
    found = [e for e in await events(draft, model="churn") if e["action"] == "upload.expired"]
    assert sorted((e["details"]["path"], e["details"]["upload"]) for e in found) == [
        ("a", ids[0]),
        ("b", ids[1]),
    ]
    assert {(e["actor"], e["version"]) for e in found} == {("stageward", 1)}


async def test_another_media_type_for_the_same_bytes_is_a_change(draft: Api, team: Team) -> None:
    await draft.put(f"{V}/files/w", content=DATA)
    before = (await draft.get(V)).headers["etag"]
    count = len(await events(draft, model="churn"))
    bob = await team.person("bob", "contributor")
    await bob.put(f"{V}/files/w", content=DATA)  # the same, of which nothing else is said
    assert len(await events(draft, model="churn")) == count
    await bob.put(f"{V}/files/w", content=DATA, headers={"Content-Type": "text/plain"})
    event = await last(draft)
    assert (event["action"], event["actor"]) == ("file.attached", "bob")
    assert event["details"] == {
        "path": "w",
        "sha256": SHA,
        "size": len(DATA),
        "media_type": "text/plain",
        "replaced": {
            "sha256": SHA,
            "size": len(DATA),
            "media_type": "application/octet-stream",
        },
    }
    version = await draft.get(V)
    assert version.headers["etag"] != before
    assert version.json()["authors"] == ["admin", "bob"]
    await bob.put(f"{V}/files/w", content=DATA)
    listed = (await draft.get(f"{V}/files")).json()["items"]
    assert [f["media_type"] for f in listed] == ["text/plain"]


async def test_what_a_put_takes_the_place_of_is_told(draft: Api) -> None:
    await begin(draft)
    await draft.put(f"{V}/files/w", content=b"others")
    actions = [e["action"] for e in await events(draft, model="churn")]
    assert actions[2:] == ["upload.begun", "upload.abandoned", "file.attached"]


async def test_an_expired_upload_can_be_given_up(draft: Api, runtime: Runtime, sql: Sql) -> None:
    upload = await begin(draft)
    await sql.execute("update uploads set expires_at = now()")
    await files.expire(runtime)
    closed = problem(await draft.post(f"{V}/uploads/{upload['id']}/complete"), 409, "upload-closed")
    assert "has expired" in closed["detail"]
    problem(await draft.post(f"{V}/finalize"), 409, "files-missing")
    assert (await draft.delete(f"{V}/uploads/{upload['id']}")).status_code == 204
    assert (await last(draft))["action"] == "upload.abandoned"
    assert (await draft.post(f"{V}/finalize")).json()["status"] == "ready"
