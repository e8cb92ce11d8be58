"""Uploads in parts: resume, complete, give up, and what counts as present."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.blobs import service as blobs
from app.core.runtime import Runtime
from app.files import service as files
from tests.actors import Api, Team
from tests.factories import make_draft, make_model, pointers, problem

Sql = psycopg.AsyncConnection[tuple[object, ...]]
V = "/models/churn/versions/1"
DATA = bytes(range(256)) * 400
PART = 10_000


def declared(path: str, data: bytes = DATA, **more: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(data).hexdigest()
    return {"path": path, "size": len(data), "sha256": sha256, **more}


async def ask(api: Api, *wanted: dict[str, Any], path: str = V) -> list[dict[str, Any]]:
    answer = await api.post(f"{path}/uploads", {"files": list(wanted)})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["uploads"])


async def send(api: Api, upload: dict[str, Any], data: bytes = DATA, *, only: Any = None) -> None:
    """Send the parts that are left (or only some), all at once and in no order."""

    async def one(part: dict[str, Any]) -> None:
        body = data[part["offset"] : part["offset"] + part["size"]]
        sent = await api.http.put(part["url"], content=body, headers=part["headers"])
        assert sent.status_code in (200, 204), sent.text

    left = [p for p in upload["parts"] if not p["uploaded"] and (not only or p["number"] in only)]
    await asyncio.gather(*(one(part) for part in reversed(left)))


@pytest.fixture
def small_parts(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 10,000 bytes, so that small files have several."""
    monkeypatch.setattr(type(runtime.store), "part_size_for", lambda self, size: PART)


@pytest.fixture
async def draft(admin: Api) -> Api:
    await make_model(admin)
    await make_draft(admin)
    return admin


@pytest.mark.local_store
async def test_parts_go_in_and_a_proven_file_comes_out(draft: Api, small_parts: None) -> None:
    (upload,) = await ask(draft, declared("w.bin", media_type="application/x-w"))
    assert (upload["status"], len(upload["parts"])) == ("required", 11)
    assert [p["offset"] for p in upload["parts"]] == list(range(0, len(DATA), PART))
    assert not any(p["uploaded"] for p in upload["parts"])
    problem(await draft.post(f"{V}/finalize"), 409, "files-missing")
    await send(draft, upload)
    done = await draft.post(f"{V}/uploads/{upload['id']}/complete")
    assert (done.status_code, done.json()) == (200, {"verified": True})
    again = await draft.post(f"{V}/uploads/{upload['id']}/complete")
    assert (again.status_code, again.json()) == (200, {"verified": True})
    got = await draft.get(f"{V}/files/w.bin")
    assert (got.content, got.headers["content-type"]) == (DATA, "application/x-w")
    assert (await draft.post(f"{V}/finalize")).json()["status"] == "ready"


@pytest.mark.local_store
async def test_asking_again_gives_what_is_left(draft: Api, small_parts: None) -> None:
    (upload,) = await ask(draft, declared("w.bin"))
    await send(draft, upload, only={2, 5})
    missing = problem(
        await draft.post(f"{V}/uploads/{upload['id']}/complete"), 409, "parts-missing"
    )
    assert missing["missing"] == [1, 3, 4, 6, 7, 8, 9, 10, 11]
    (resumed,) = await ask(draft, declared("w.bin"))
    assert resumed["id"] == upload["id"]
    assert [p["number"] for p in resumed["parts"] if p["uploaded"]] == [2, 5]
    await send(draft, resumed)
    done = await draft.post(f"{V}/uploads/{upload['id']}/complete")
    assert done.json() == {"verified": True}


@pytest.mark.local_store
async def test_wrong_bytes_are_a_422_and_the_file_is_still_missing(draft: Api) -> None:
    (upload,) = await ask(draft, declared("w.bin"))
    await send(draft, upload, data=DATA[::-1])
    body = problem(await draft.post(f"{V}/uploads/{upload['id']}/complete"), 422, "wrong-digest")
    assert body["expected"] == declared("w.bin")["sha256"]
    assert (await draft.get(f"{V}/files")).json()["items"] == []
    missing = problem(await draft.post(f"{V}/finalize"), 409, "files-missing")
    assert missing["missing"] == ["w.bin"]
    (fresh,) = await ask(draft, declared("w.bin"))
    assert fresh["id"] != upload["id"]
    await send(draft, fresh)
    done = await draft.post(f"{V}/uploads/{fresh['id']}/complete")
    assert done.json() == {"verified": True}


@pytest.mark.local_store
async def test_part_digests_refuse_a_part_that_was_altered(draft: Api, small_parts: None) -> None:
    digests = [
        hashlib.sha256(DATA[start : start + PART]).hexdigest()
        for start in range(0, len(DATA), PART)
    ]
    wrong = await draft.post(
        f"{V}/uploads", {"files": [declared("w.bin", part_sha256=digests[:3])]}
    )
    body = problem(wrong, 422, "invalid-request")
    assert pointers(body) == {"/files/0/part_sha256"}
    assert "11 parts of 10000 bytes" in body["errors"][0]["detail"]
    (upload,) = await ask(draft, declared("w.bin", part_sha256=digests))
    part = upload["parts"][0]
    altered = await draft.http.put(part["url"], content=b"x" * PART, headers=part["headers"])
    problem(altered, 422, "wrong-digest")
    await send(draft, upload)
    done = await draft.post(f"{V}/uploads/{upload['id']}/complete")
    assert done.json() == {"verified": True}


async def test_giving_up_frees_what_was_sent(draft: Api, runtime: Runtime) -> None:
    (upload,) = await ask(draft, declared("w.bin"))
    await send(draft, upload)
    assert (await draft.delete(f"{V}/uploads/{upload['id']}")).status_code == 204
    assert (await draft.delete(f"{V}/uploads/{upload['id']}")).status_code == 204
    assert UUID(upload["id"]) not in {entry.id async for entry in runtime.store.incoming()}
    closed = await draft.post(f"{V}/uploads/{upload['id']}/complete")
    problem(closed, 409, "upload-closed")
    unknown = await draft.post(f"{V}/uploads/01a20759-3b1f-7cc2-9d3e-5a6b7c8d9e0f/complete")
    problem(unknown, 404, "not-found")
    problem(await draft.post(f"{V}/uploads/nonsense/complete"), 422, "invalid-request")
    assert (await draft.post(f"{V}/finalize")).json()["status"] == "ready"


async def test_whoever_begins_an_upload_at_once_with_others_gets_links_that_count(
    draft: Api,
) -> None:
    data = bytes(16 * 1024 * 1024) + b"and a second part, where parts are as small as that"
    offers = await asyncio.gather(*(ask(draft, declared("w.bin", data)) for _ in range(8)))
    assert len({offer["id"] for (offer,) in offers}) == 1
    numbers = [part["number"] for part in offers[0][0]["parts"]]
    for number, (offer,) in zip(numbers, reversed(offers), strict=False):
        await send(draft, offer, data, only={number})
    (again,) = await ask(draft, declared("w.bin", data))
    assert [part["uploaded"] for part in again["parts"]] == [True] * len(numbers)
    done = await draft.post(f"{V}/uploads/{again['id']}/complete")
    assert done.json() == {"verified": True}


async def test_ten_completions_at_once_attach_one_file(draft: Api, sql: Sql) -> None:
    (upload,) = await ask(draft, declared("w.bin"))
    await send(draft, upload)
    answers = await asyncio.gather(
        *(draft.post(f"{V}/uploads/{upload['id']}/complete") for _ in range(10))
    )
    assert 200 in {a.status_code for a in answers}
    assert {a.status_code for a in answers} <= {200, 409, 503}, [a.text for a in answers]
    again = await draft.post(f"{V}/uploads/{upload['id']}/complete")
    assert again.json() == {"verified": True}
    found = await (await sql.execute("select count(*) from version_files")).fetchone()
    assert found == (1,)
    assert (await draft.get(f"{V}/files/w.bin")).content == DATA


async def test_two_clients_send_the_same_digest_and_one_blob_is_kept(
    draft: Api, team: Team, sql: Sql
) -> None:
    await make_draft(draft)
    bob = await team.person("bob", "contributor")
    other = "/models/churn/versions/2"
    (mine,) = await ask(draft, declared("w.bin"))
    (theirs,) = await ask(bob, declared("w.bin"), path=other)
    await asyncio.gather(send(draft, mine), send(bob, theirs))
    done = await asyncio.gather(
        draft.post(f"{V}/uploads/{mine['id']}/complete"),
        bob.post(f"{other}/uploads/{theirs['id']}/complete"),
    )
    assert [d.json() for d in done] == [{"verified": True}] * 2
    found = await (await sql.execute("select count(*) from blobs")).fetchone()
    assert found == (1,)


async def test_a_digest_is_present_only_for_who_can_read_a_version_that_has_it(
    admin: Api, team: Team
) -> None:
    await make_model(admin, "secret")
    await make_draft(admin, "secret")
    await admin.put("/models/secret/versions/1/files/w.bin", content=DATA)
    alice = await team.person("alice", "contributor", models="open")
    insider = await team.person("ines", "contributor")
    await make_model(alice, "open")
    theirs = await make_draft(alice, "open", files=[declared("w.bin")])
    assert theirs["files_count"] == 0
    path = "/models/open/versions/1"
    (unknown,) = await ask(alice, declared("w.bin"), path=path)
    assert unknown["status"] == "required"
    (known,) = await ask(insider, declared("w.bin"), path=path)
    assert (known["status"], known["parts"], known["expires_at"]) == ("present", [], None)
    assert (await alice.get(f"{path}/files/w.bin")).content == DATA
    size_lie = {**declared("x.bin"), "size": 5}
    (lied,) = await ask(insider, size_lie, path=path)
    assert lied["status"] == "required"


async def test_a_version_is_made_ready_at_once_where_no_bytes_are_missing(draft: Api) -> None:
    await draft.put(f"{V}/files/w.bin", content=DATA)
    made = await make_draft(draft, files=[declared("copy.bin")], finalize=True)
    assert (made["status"], made["files_count"], made["stored"]) == ("ready", 1, True)
    refused = await draft.post(
        "/models/churn/versions", {"files": [declared("y", b"new")], "finalize": True}
    )
    assert problem(refused, 409, "files-missing")["missing"] == ["y"]
    assert (await make_draft(draft))["number"] == 3


async def test_put_takes_the_place_of_an_upload(draft: Api) -> None:
    await ask(draft, declared("w.bin"))
    await draft.put(f"{V}/files/w.bin", content=b"other")
    assert (await draft.post(f"{V}/finalize")).json()["size"] == 5


async def test_a_declaration_can_be_taken_out(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin, files=[declared("w.bin")])
    problem(await admin.post(f"{V}/finalize"), 409, "files-missing")
    assert (await admin.delete(f"{V}/files/w.bin")).status_code == 204
    assert (await admin.post(f"{V}/finalize")).json()["status"] == "ready"


async def test_paths_are_checked_among_all_that_is_declared(draft: Api) -> None:
    answer = await draft.post(f"{V}/uploads", {"files": [declared("a"), declared("a/b")]})
    problem(answer, 422, "invalid-request")
    await ask(draft, declared("a"))
    problem(await draft.put(f"{V}/files/a/b", content=b""), 422, "invalid-request")


async def test_a_sweep_expires_uploads_and_frees_what_nothing_names(
    draft: Api, runtime: Runtime, sql: Sql
) -> None:
    (upload,) = await ask(draft, declared("w.bin"))
    await send(draft, upload)
    await draft.put(f"{V}/files/kept", content=b"kept")
    await draft.put(f"{V}/files/gone", content=b"gone")
    await draft.delete(f"{V}/files/gone")
    await files.expire(runtime)
    assert await files.clear_ended(runtime) == 0
    await sql.execute("update uploads set expires_at = now() - interval '1 second'")
    await files.expire(runtime)
    assert await files.clear_ended(runtime) == 1
    assert UUID(upload["id"]) not in {entry.id async for entry in runtime.store.incoming()}
    problem(await draft.post(f"{V}/uploads/{upload['id']}/complete"), 409, "upload-closed")
    problem(await draft.post(f"{V}/finalize"), 409, "files-missing")
    assert await blobs.sweep(runtime.db, runtime.store) == []
    freed = await blobs.sweep(runtime.db, runtime.store, grace=timedelta(0))
    assert freed == [hashlib.sha256(b"gone").hexdigest()]
    assert await runtime.store.size(freed[0]) is None
    assert (await draft.get(f"{V}/files/kept")).content == b"kept"
    (fresh,) = await ask(draft, declared("w.bin"))
    await send(draft, fresh)
    assert (await draft.post(f"{V}/uploads/{fresh['id']}/complete")).status_code == 200
    await draft.put(f"{V}/files/gone", content=b"gone")
    assert (await draft.get(f"{V}/files/gone")).content == b"gone"


async def test_a_deleted_version_releases_its_bytes(draft: Api, sql: Sql) -> None:
    await draft.put(f"{V}/files/w.bin", content=DATA)
    await draft.post(f"{V}/finalize")
    assert (await draft.delete(V)).status_code == 204
    row = await (await sql.execute("select unreferenced_since is not null from blobs")).fetchone()
    assert row == (True,)
    count = await (await sql.execute("select count(*) from version_files")).fetchone()
    assert count == (0,)


async def test_a_sweep_never_takes_what_a_writer_counts_on(
    draft: Api, runtime: Runtime, sql: Sql
) -> None:
    """Writers attach the same bytes over and over while sweeps without grace run beside them: each
    answer is either a file that is whole, or a 503 that says to come back."""
    for number in range(2, 6):
        await make_draft(draft)
        assert number

    async def writer(number: int) -> None:
        path = f"/models/churn/versions/{number}/files/w"
        for _ in range(6):
            put = await draft.put(path, content=DATA)
            assert put.status_code in (201, 503), put.text
            if put.status_code == 201:
                assert (await draft.get(path)).content == DATA
                await draft.delete(path)
            else:
                assert put.headers["retry-after"]

    async def sweeper() -> None:
        for _ in range(30):
            await blobs.sweep(runtime.db, runtime.store, grace=timedelta(0))

    await asyncio.gather(sweeper(), *(writer(number) for number in range(1, 6)))
