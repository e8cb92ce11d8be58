"""Sending a file in one request, and getting it back."""

import base64
import hashlib
from collections.abc import AsyncIterator

import psycopg
import pytest

from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.factories import events, make_draft, make_model, make_ready, pointers, problem

DATA = b"weights " * 10_000
SHA = hashlib.sha256(DATA).hexdigest()
FILES = "/models/churn/versions/1/files"


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 999):
        yield data[start : start + 999]


async def test_a_file_goes_in_and_comes_back_proven(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin)
    put = await admin.put(f"{FILES}/model/weights.bin", content=DATA)
    assert put.status_code == 201, put.text
    assert put.headers["location"] == f"/api/v1{FILES}/model/weights.bin"
    assert put.headers["etag"] == f'"{SHA}"'
    assert put.json() == {
        "path": "model/weights.bin",
        "size": len(DATA),
        "sha256": SHA,
        "media_type": "application/octet-stream",
    }
    version = (await admin.get("/models/churn/versions/1")).json()
    assert (version["files_count"], version["size"], version["stored"]) == (1, len(DATA), False)
    ready = await admin.post("/models/churn/versions/1/finalize")
    assert ready.status_code == 200, ready.text
    assert (ready.json()["status"], ready.json()["stored"]) == ("ready", True)
    got = await admin.get("/models/churn/versions/latest/files/model/weights.bin")
    assert got.content == DATA
    got = await admin.head("/models/churn/versions/latest/files/model/weights.bin")
    assert got.headers["etag"] == f'"{SHA}"'
    assert got.headers["content-disposition"].startswith('attachment; filename="weights.bin"')
    assert got.headers["x-content-type-options"] == "nosniff"
    digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    assert got.headers["repr-digest"] == f"sha-256=:{digest}:"
    head = await admin.head("/models/churn/versions/1/files/model/weights.bin")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(DATA))
    part = await admin.get(f"{FILES}/model/weights.bin", headers={"Range": "bytes=8-15"})
    assert (part.status_code, part.content) == (206, DATA[8:16])


async def test_chunked_bodies_and_empty_files_are_files_too(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin)
    chunked = await admin.put(f"{FILES}/a", content=pieces(DATA))
    assert chunked.json()["sha256"] == SHA
    empty = await admin.put(f"{FILES}/b", content=b"")
    assert empty.json()["sha256"] == hashlib.sha256(b"").hexdigest()
    assert (await admin.get(f"{FILES}/b")).content == b""


async def test_the_manifest_digest_is_what_sha256sum_prints(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin)
    contents = {"b.txt": b"2", "a/z": b"1", "a.txt": b"3", "é": b"4", "Z": b"5"}
    for path, data in contents.items():
        await admin.put(f"{FILES}/{path}", content=data)
    ready = (await admin.post("/models/churn/versions/1/finalize")).json()
    lines = b"".join(
        hashlib.sha256(contents[path]).hexdigest().encode() + b"  " + path.encode() + b"\n"
        for path in sorted(contents, key=str.encode)
    )
    assert ready["manifest_sha256"] == hashlib.sha256(lines).hexdigest()
    manifest = (await admin.get("/models/churn/versions/1/manifest")).json()
    assert manifest["manifest_sha256"] == ready["manifest_sha256"]
    assert (manifest["model"], manifest["number"], manifest["recalled"]) == ("churn", 1, None)
    assert [f["path"] for f in manifest["files"]] == sorted(contents, key=str.encode)
    for file in manifest["files"]:
        assert (await admin.http.get(file["url"])).content == contents[file["path"]]
    listed = await admin.get(FILES, params={"limit": 2})
    rest = await admin.get(FILES, params={"cursor": listed.json()["next_cursor"]})
    paths = [f["path"] for f in listed.json()["items"] + rest.json()["items"]]
    assert paths == sorted(contents, key=str.encode)


async def test_a_second_put_replaces_and_delete_takes_out(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin)
    assert (await admin.put(f"{FILES}/a", content=b"one")).status_code == 201
    second = await admin.put(f"{FILES}/a", content=b"three")
    assert (second.status_code, second.headers.get("location")) == (200, None)
    version = (await admin.get("/models/churn/versions/1")).json()
    assert (version["files_count"], version["size"]) == (1, 5)
    assert (await admin.get(f"{FILES}/a")).content == b"three"
    assert (await admin.delete(f"{FILES}/a")).status_code == 204
    problem(await admin.get(f"{FILES}/a"), 404, "not-found")
    problem(await admin.delete(f"{FILES}/a"), 404, "not-found")
    version = (await admin.get("/models/churn/versions/1")).json()
    assert (version["files_count"], version["size"]) == (0, 0)
    actions = [e["action"] for e in await events(admin, model="churn")]
    assert actions[2:] == ["file.attached", "file.attached", "file.removed"]


async def test_other_bytes_than_announced_are_not_attached(admin: Api, runtime: Runtime) -> None:
    await make_model(admin)
    await make_draft(admin)
    before = {entry.id async for entry in runtime.store.incoming()}
    answer = await admin.put(f"{FILES}/a", content=DATA, headers={"X-Content-SHA256": "ab" * 32})
    body = problem(answer, 422, "wrong-digest")
    assert (body["expected"], body["found"]) == ("ab" * 32, SHA)
    assert (await admin.get(FILES)).json()["items"] == []
    assert {entry.id async for entry in runtime.store.incoming()} == before
    right = await admin.put(f"{FILES}/a", content=DATA, headers={"X-Content-SHA256": SHA})
    assert right.status_code == 201
    bad = await admin.put(f"{FILES}/a", content=DATA, headers={"X-Content-SHA256": "xyz"})
    problem(bad, 422, "invalid-request")


@pytest.mark.parametrize(
    "path",
    ["%2e%2e/x", "a/%2E%2E/b", "a//b", "%2Fetc/passwd", "a%5Cb", "a%00b", "a/", "%2e",
     "", "x" * 1025, "%C2%85", "%FF", "a%7F"],
)  # fmt: skip
async def test_a_path_that_leads_elsewhere_is_refused(admin: Api, path: str) -> None:
    await make_model(admin)
    await make_draft(admin)
    body = problem(await admin.put(f"{FILES}/{path}", content=b"x"), 422, "invalid-request")
    assert pointers(body) == {"path"}
    assert (await admin.get("/models/churn/versions/1")).json()["files_count"] == 0
    assert (await admin.get(f"{FILES}/{path}")).status_code in (404, 422)


async def test_a_path_cannot_be_a_file_and_a_folder(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin)
    await admin.put(f"{FILES}/a/b", content=b"x")
    for path in ("a", "a/b/c"):
        problem(await admin.put(f"{FILES}/{path}", content=b"x"), 422, "invalid-request")
    assert (await admin.put(f"{FILES}/ab", content=b"x")).status_code == 201


async def test_a_ready_version_takes_no_files(
    admin: Api, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await make_model(admin)
    await make_draft(admin)
    await admin.put(f"{FILES}/a", content=b"x")
    await admin.post("/models/churn/versions/1/finalize")
    problem(await admin.put(f"{FILES}/a", content=b"y"), 409, "version-is-ready")
    problem(await admin.delete(f"{FILES}/a"), 409, "version-is-ready")
    files = {"files": [{"path": "b", "size": 1, "sha256": SHA}]}
    problem(await admin.post("/models/churn/versions/1/uploads", files), 409, "version-is-ready")
    assert (await admin.get(f"{FILES}/a")).content == b"x"
    for statement in (
        "update version_files set size = 2",
        "delete from version_files",
        "insert into version_files (version_id, path, sha256, size, media_type, added_by) "
        "select version_id, 'b', sha256, size, media_type, added_by from version_files",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await sql.execute(statement)


async def test_rights_on_files(admin: Api, team: Team) -> None:
    await make_model(admin)
    await make_draft(admin)
    await admin.put(f"{FILES}/a", content=b"x")
    reader = await team.person("rita", "reader")
    stranger = await team.person("sam")
    assert (await reader.get(f"{FILES}/a")).content == b"x"
    problem(await reader.put(f"{FILES}/a", content=b"y"), 403, "not-allowed")
    for answer in (
        await stranger.get(f"{FILES}/a"),
        await stranger.get(FILES),
        await stranger.get("/models/churn/versions/1/manifest"),
        await stranger.put(f"{FILES}/a", content=b"y"),
    ):
        problem(answer, 404, "not-found")


async def test_identical_bytes_are_stored_once(
    admin: Api, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await make_model(admin)
    for number in (1, 2, 3):
        await make_draft(admin)
        await admin.put(f"/models/churn/versions/{number}/files/w", content=DATA)
    count = await (await sql.execute("select count(*), sum(size) from blobs")).fetchone()
    assert count == (1, len(DATA))


async def test_finalising_again_changes_nothing(admin: Api) -> None:
    await make_model(admin)
    version = await make_ready(admin)
    again = await admin.post("/models/churn/versions/1/finalize")
    assert (again.status_code, again.json()) == (200, version)


async def test_a_page_may_end_on_any_path(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin)
    paths = [f'{sign}{"é" * 500}"' for sign in "ab"]
    for path in paths:
        assert (await admin.put(f"{FILES}/{path}", content=b"x")).status_code == 201
    first = (await admin.get(FILES, params={"limit": 1})).json()
    second = await admin.get(FILES, params={"limit": 1, "cursor": first["next_cursor"]})
    assert second.status_code == 200, second.text
    assert [f["path"] for f in first["items"] + second.json()["items"]] == paths
