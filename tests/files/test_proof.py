"""Bytes that are proven after the request that completes their upload: by a job."""

import asyncio
import hashlib
import random
import sys
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.core.problems import Unavailable
from app.core.runtime import Runtime
from app.files import queries
from app.files import service as files
from app.worker import worker_inside
from tests.actors import Api, Team
from tests.factories import events, make_draft, make_model, problem
from tests.files.test_uploads import DATA, V, ask, declared, send
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[object, ...]]
MIB = 1024 * 1024
# Larger than one part: a store that holds a small file's link to its digest takes no wrong bytes.
BIG = random.Random(3).randbytes(16 * MIB) + b"more"
WRONG = BIG[::-1]


@pytest.fixture(autouse=True)
def proves_later(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that takes long to read anything back."""
    monkeypatch.setattr(type(runtime.store), "proves_soon", lambda self, upload: False)


@pytest.fixture
async def draft(admin: Api) -> Api:
    await make_model(admin)
    await make_draft(admin)
    return admin


async def received(api: Api, path: str, data: bytes = DATA, sent: bytes = DATA) -> str:
    """An upload whose parts are all sent and put together; its id."""
    (upload,) = await ask(api, declared(path, data))
    await send(api, upload, data=sent)
    done = await api.post(f"{V}/uploads/{upload['id']}/complete")
    assert (done.status_code, done.json()) == (200, {"verified": False}), done.text
    return str(upload["id"])


async def shown(api: Api) -> dict[str, Any]:
    return dict((await api.get(V)).json())


async def test_a_version_is_verifying_until_a_job_has_proven_its_bytes(
    draft: Api, runtime: Runtime
) -> None:
    upload = await received(draft, "w.bin")
    assert (await draft.get(f"{V}/files")).json()["items"] == []
    final = await draft.post(f"{V}/finalize")
    assert (final.status_code, final.json()["status"]) == (202, "verifying")
    assert final.headers["location"] == f"/api/v1{V}"
    assert (final.json()["bytes_verified"], final.json()["bytes_to_verify"]) == (0, len(DATA))
    assert final.json()["manifest_sha256"] is None
    async with worker_inside(runtime):
        await eventually(lambda: _is(draft, "ready"), what="the version to be ready")
    version = await shown(draft)
    assert (version["bytes_verified"], version["bytes_to_verify"]) == (None, None)
    line = f"{declared('w.bin')['sha256']}  w.bin\n"
    assert version["manifest_sha256"] == hashlib.sha256(line.encode()).hexdigest()
    assert version["authors"] == ["admin"]
    again = await draft.post(f"{V}/uploads/{upload}/complete")
    assert (again.status_code, again.json()) == (200, {"verified": True})
    told = [event["action"] for event in await events(draft) if event["version"] == 1]
    assert told[-5:] == [
        "upload.begun",
        "upload.received",
        "version.verifying",
        "file.attached",
        "version.ready",
    ]


async def _is(api: Api, status: str) -> bool:
    return bool((await shown(api))["status"] == status)


async def test_proof_does_not_wait_for_finalize(draft: Api, runtime: Runtime) -> None:
    upload = await received(draft, "w.bin")
    await files.prove(runtime, UUID(upload))
    [file] = (await draft.get(f"{V}/files")).json()["items"]
    assert (file["path"], file["sha256"]) == ("w.bin", declared("w.bin")["sha256"])
    assert await _is(draft, "draft")
    final = await draft.post(f"{V}/finalize")
    assert (final.status_code, final.json()["status"]) == (200, "ready")


@pytest.mark.parametrize("finalized", ["before the proof", "after the proof"])
async def test_other_bytes_than_declared_make_the_version_fail(
    draft: Api, runtime: Runtime, finalized: str
) -> None:
    upload = await received(draft, "w.bin", BIG, WRONG)
    if finalized == "before the proof":
        assert (await draft.post(f"{V}/finalize")).status_code == 202
    await files.prove(runtime, UUID(upload))
    if finalized == "after the proof":
        assert (await draft.post(f"{V}/finalize")).status_code == 202
        await files.settle(runtime, await _version_id(runtime, upload))
    version = await shown(draft)
    assert version["status"] == "failed"
    [failed] = version["failure"]["files"]
    assert failed["path"] == "w.bin"
    assert failed["expected"] == {"sha256": hashlib.sha256(BIG).hexdigest(), "size": len(BIG)}
    assert failed["found"] == {"sha256": hashlib.sha256(WRONG).hexdigest(), "size": len(BIG)}
    assert "w.bin" in version["failure"]["detail"]
    body = problem(await draft.post(f"{V}/uploads/{upload}/complete"), 422, "wrong-digest")
    assert body["found"] == failed["found"]["sha256"]
    [event] = [e for e in await events(draft) if e["action"] == "version.failed"]
    assert event["details"]["failure"]["files"][0]["path"] == "w.bin"
    refused = await draft.post(f"{V}/promotions", {"to": "staging", "reason": "try"})
    assert refused.status_code == 409


async def _version_id(runtime: Runtime, upload: str) -> UUID:
    async with runtime.db.reading() as session:
        found = await queries.upload_in(session, UUID(upload))
    assert found is not None
    return found[1].id


async def test_a_failed_version_is_a_draft_again_once_the_file_is_replaced(
    draft: Api, runtime: Runtime
) -> None:
    upload = await received(draft, "w.bin", BIG, WRONG)
    await draft.post(f"{V}/finalize")
    await files.prove(runtime, UUID(upload))
    assert await _is(draft, "failed")
    fresh = await received(draft, "w.bin")
    version = await shown(draft)
    assert (version["status"], version["failure"]) == ("draft", None)
    assert "version.reopened" in [event["action"] for event in await events(draft)]
    assert (await draft.post(f"{V}/finalize")).status_code == 202
    await files.prove(runtime, UUID(fresh))
    assert await _is(draft, "ready")


async def test_taking_the_refused_file_out_makes_the_version_a_draft_again(
    draft: Api, runtime: Runtime
) -> None:
    upload = await received(draft, "w.bin", BIG, WRONG)
    await draft.post(f"{V}/finalize")
    await files.prove(runtime, UUID(upload))
    assert (await draft.delete(f"{V}/files/w.bin")).status_code == 204
    assert await _is(draft, "draft")
    assert (await draft.post(f"{V}/finalize")).json()["status"] == "ready"


async def test_nothing_can_be_changed_while_the_bytes_are_being_proven(draft: Api) -> None:
    upload = await received(draft, "w.bin")
    await draft.post(f"{V}/finalize")
    for answer in (
        await draft.put(f"{V}/files/other.bin", content=b"x"),
        await draft.delete(f"{V}/files/w.bin"),
        await draft.delete(f"{V}/uploads/{upload}"),
        await draft.post(f"{V}/uploads", {"files": [declared("b.bin")]}),
    ):
        assert "being proven" in problem(answer, 409, "conflict")["detail"]
    problem(await draft.patch(V, {"params": {"lr": 1}}), 409, "version-is-ready")
    again = await draft.post(f"{V}/finalize")
    assert (again.status_code, again.json()["status"]) == (202, "verifying")
    assert (await draft.patch(V, {"description": "Still mine."})).status_code == 200


async def test_a_version_is_ready_only_when_the_last_of_its_files_is_proven(
    draft: Api, runtime: Runtime
) -> None:
    bodies = {f"{n}.bin": bytes([n]) * 1000 for n in range(5)}
    uploads = [await received(draft, path, body, body) for path, body in bodies.items()]
    await draft.post(f"{V}/finalize")
    for upload in uploads[:-1]:
        await files.prove(runtime, UUID(upload))
        assert await _is(draft, "verifying")
    await files.prove(runtime, UUID(uploads[-1]))
    assert await _is(draft, "ready")
    assert (await shown(draft))["files_count"] == 5


async def test_many_proofs_at_once_end_in_one_ready_version(draft: Api, runtime: Runtime) -> None:
    bodies = {f"{n}.bin": bytes([n]) * 1000 for n in range(8)}
    uploads = [await received(draft, path, body, body) for path, body in bodies.items()]
    await draft.post(f"{V}/finalize")
    await asyncio.gather(*(files.prove(runtime, UUID(u)) for u in uploads for _ in range(3)))
    assert await _is(draft, "ready")
    ready = [e for e in await events(draft) if e["action"] == "version.ready"]
    attached = [e for e in await events(draft) if e["action"] == "file.attached"]
    assert (len(ready), len(attached)) == (1, 8)


async def test_two_uploads_of_one_digest_are_one_blob(
    draft: Api, runtime: Runtime, sql: Sql
) -> None:
    uploads = [await received(draft, "a.bin"), await received(draft, "b.bin")]
    await asyncio.gather(*(files.prove(runtime, UUID(u)) for u in uploads))
    found = await (await sql.execute("select count(*), sum(size) from blobs")).fetchone()
    assert found == (1, len(DATA))
    assert [f["path"] for f in (await draft.get(f"{V}/files")).json()["items"]] == [
        "a.bin",
        "b.bin",
    ]


async def test_asking_for_what_was_received_leaves_nothing_to_send(
    draft: Api, runtime: Runtime
) -> None:
    upload = await received(draft, "w.bin")
    (again,) = await ask(draft, declared("w.bin"))
    assert (again["id"], again["status"], again["parts"]) == (upload, "required", [])
    await files.prove(runtime, UUID(upload))
    (present,) = await ask(draft, declared("w.bin"))
    assert (present["status"], present["parts"]) == ("present", [])


async def test_what_was_received_can_be_given_up_and_is_never_attached(
    draft: Api, runtime: Runtime
) -> None:
    upload = await received(draft, "w.bin")
    assert (await draft.delete(f"{V}/uploads/{upload}")).status_code == 204
    await files.prove(runtime, UUID(upload))
    assert (await draft.get(f"{V}/files")).json()["items"] == []
    problem(await draft.post(f"{V}/uploads/{upload}/complete"), 409, "upload-closed")


async def test_other_bytes_declared_for_the_path_take_the_place_of_what_was_received(
    draft: Api, runtime: Runtime
) -> None:
    first = await received(draft, "w.bin")
    second = await received(draft, "w.bin", WRONG, WRONG)
    await asyncio.gather(*(files.prove(runtime, UUID(u)) for u in (first, second)))
    [file] = (await draft.get(f"{V}/files")).json()["items"]
    assert file["sha256"] == hashlib.sha256(WRONG).hexdigest()


async def test_deleting_a_version_ends_its_verifying(draft: Api, runtime: Runtime) -> None:
    upload = await received(draft, "w.bin")
    await draft.post(f"{V}/finalize")
    assert (await draft.delete(V)).status_code == 204
    await files.prove(runtime, UUID(upload))
    assert (await draft.get(V)).status_code == 404


async def test_a_deleted_model_goes_on_where_it_was_when_it_returns(
    draft: Api, runtime: Runtime
) -> None:
    upload = await received(draft, "w.bin")
    await draft.post(f"{V}/finalize")
    assert (await draft.delete("/models/churn")).status_code == 204
    await files.prove(runtime, UUID(upload))
    assert (await draft.post("/models/churn/restore")).status_code == 200
    assert await _is(draft, "verifying")
    async with worker_inside(runtime):
        await eventually(lambda: _is(draft, "ready"), what="the version to be ready")


async def test_a_proof_whose_job_was_lost_is_taken_up_again(
    draft: Api, runtime: Runtime, sql: Sql
) -> None:
    await received(draft, "w.bin")
    await draft.post(f"{V}/finalize")
    await sql.execute("delete from procrastinate_jobs")
    await sql.execute("update uploads set received_at = now() - interval '1 hour'")
    await files.recheck(runtime)
    await files.recheck(runtime)  # adds no second one
    row = await (
        await sql.execute(
            "select count(*) from procrastinate_jobs where task_name = 'uploads.prove'"
        )
    ).fetchone()
    assert row == (1,)
    async with worker_inside(runtime):
        await eventually(lambda: _is(draft, "ready"), what="the version to be ready")


async def test_what_the_store_cannot_give_back_for_a_week_fails(
    draft: Api, runtime: Runtime, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await received(draft, "w.bin")
    await draft.post(f"{V}/finalize")
    prove = runtime.store.prove

    async def away(*_: Any) -> None:
        raise Unavailable("The blob store is away.")

    monkeypatch.setattr(runtime.store, "prove", away, raising=False)
    await sql.execute("update uploads set received_at = now() - interval '30 days'")
    for _ in range(2):  # a week without a worker is no failed try
        with pytest.raises(Unavailable):
            await files.prove(runtime, UUID(upload))
    assert await _is(draft, "verifying")
    await sql.execute("update uploads set proof_tried_at = now() - interval '8 days'")
    await files.prove(runtime, UUID(upload))
    version = await shown(draft)
    assert (version["status"], version["failure"]["files"][0]["found"]) == ("failed", None)
    assert "could not give these bytes back: w.bin" in version["failure"]["detail"]
    monkeypatch.setattr(runtime.store, "prove", prove, raising=False)
    fresh = await received(draft, "w.bin")
    await draft.post(f"{V}/finalize")
    await files.prove(runtime, UUID(fresh))
    assert await _is(draft, "ready")


async def test_the_sweeps_leave_what_waits_for_its_proof(
    draft: Api, runtime: Runtime, sql: Sql
) -> None:
    upload = await received(draft, "w.bin")
    await sql.execute("update uploads set expires_at = now() - interval '1 minute'")
    await files.expire(runtime)
    await files.clear_ended(runtime)
    await files.clear_orphans(runtime, timedelta(seconds=-60))
    await files.prove(runtime, UUID(upload))
    assert len((await draft.get(f"{V}/files")).json()["items"]) == 1


async def test_a_version_tells_how_far_its_proof_has_come(
    draft: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = await received(draft, "w.bin")
    await draft.post(f"{V}/finalize")
    before = (await draft.get(V)).headers["etag"]
    monkeypatch.setattr(sys.modules["app.files.service.prove"], "TOLD_EVERY_SECONDS", 0.0)
    told = asyncio.Event()
    prove = runtime.store.prove

    async def slowly(wanted: Any, progress: Any = None) -> Any:
        progress(1000)
        await told.wait()
        return await prove(wanted, progress)

    monkeypatch.setattr(runtime.store, "prove", slowly, raising=False)
    working = asyncio.create_task(files.prove(runtime, UUID(upload)))
    version = await eventually(lambda: _told(draft), what="word of the progress")
    assert (version["bytes_verified"], version["bytes_to_verify"]) == (1000, len(DATA))
    answer = await draft.get(V, headers={"If-None-Match": before})
    assert answer.status_code == 200  # who polls with an ETag sees the progress too
    told.set()
    await working
    assert await _is(draft, "ready")


async def _told(api: Api) -> dict[str, Any]:
    version = await shown(api)
    return version if version["bytes_verified"] else {}


async def test_the_bytes_of_others_are_read_back_like_any(
    draft: Api, team: Team, runtime: Runtime
) -> None:
    """Nobody learns by an answer that the same bytes are stored in a model that is hidden."""
    upload = await received(draft, "w.bin")
    await files.prove(runtime, UUID(upload))
    stranger = await team.person("mallory", role="contributor", models="other")
    await make_model(stranger, "other")
    await make_draft(stranger, "other")
    (offer,) = await ask(stranger, declared("w.bin"), path="/models/other/versions/1")
    assert offer["status"] == "required"
    await send(stranger, offer)
    done = await stranger.post(f"/models/other/versions/1/uploads/{offer['id']}/complete")
    assert done.json() == {"verified": False}
