"""Tensors of files: read once by a job, from either store, and shown."""

import hashlib
import struct
from collections.abc import AsyncGenerator
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from app.tensors.service import catch_up, read
from tests.actors import Api
from tests.factories import make_draft, make_model, pointers, problem
from tests.tensors.writing import packed, read_tensors, two_tensors, with_tensors, written

Sql = psycopg.AsyncConnection[tuple[object, ...]]
TENSORS = "/models/churn/versions/1/tensors?path=m.safetensors"


async def jobs(sql: Sql) -> int:
    found = await sql.execute(
        "select count(*) from procrastinate_jobs where task_name = 'tensors.read'"
    )
    row = await found.fetchone()
    return int(str(row and row[0]))


async def shown(api: Api, number: int = 1, **query: Any) -> dict[str, Any]:
    path = f"/models/churn/versions/{number}/tensors"
    found = await api.get(path, params={"path": "m.safetensors", **query})
    assert found.status_code == 200, found.text
    return dict(found.json())


async def test_a_header_is_read_and_each_tensor_hashed(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await make_model(admin)
    await make_draft(admin)
    put = await admin.put("/models/churn/versions/1/files/m.safetensors", content=two_tensors())
    assert put.status_code == 201, put.text
    assert await jobs(sql) == 1
    assert ((await shown(admin))["status"], (await shown(admin))["items"]) == ("pending", [])
    await read_tensors(runtime, two_tensors())
    found = await shown(admin)
    assert (found["status"], found["reason"], found["hashed"]) == ("read", None, True)
    assert (found["tensors_count"], found["parameters"]) == (2, 3)
    assert found["metadata"] == {"format": "pt"}
    first, second = found["items"]
    assert (first["name"], first["dtype"], first["shape"]) == ("a", "F32", [2])
    assert first["sha256"] == hashlib.sha256(struct.pack("<2f", 1.0, 2.0)).hexdigest()
    assert second["sha256"] == hashlib.sha256(struct.pack("<f", 3.0)).hexdigest()
    assert two_tensors()[second["start"] : second["stop"]] == struct.pack("<f", 3.0)


async def test_equal_bytes_are_read_once(admin: Api, runtime: Runtime, sql: Sql) -> None:
    await make_model(admin)
    await with_tensors(admin, runtime, two_tensors())
    await with_tensors(admin, runtime, two_tensors())
    assert await jobs(sql) == 1
    assert (await shown(admin, 2))["items"] == (await shown(admin, 1))["items"]


async def test_a_page_of_many(admin: Api, runtime: Runtime) -> None:
    await make_model(admin)
    await with_tensors(admin, runtime, written({f"t{n:03}": [float(n)] for n in range(5)}))
    page = await shown(admin, limit=2)
    names = [each["name"] for each in page["items"]]
    while page["next_cursor"]:
        page = await shown(admin, limit=2, cursor=page["next_cursor"])
        names += [each["name"] for each in page["items"]]
    assert names == [f"t{n:03}" for n in range(5)]


@pytest.mark.parametrize("data", [b"", b"no tensors at all", packed(b"[" * 10_000)])
async def test_a_hostile_file_is_noted_and_the_version_is_ready(
    admin: Api, runtime: Runtime, data: bytes
) -> None:
    await make_model(admin)
    await with_tensors(admin, runtime, data)
    found = await shown(admin)
    assert (found["status"], found["items"]) == ("unreadable", [])
    assert found["reason"]
    assert (await admin.get("/models/churn/versions/1")).json()["status"] == "ready"


async def test_a_reader_that_is_killed_is_done_again(
    admin: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It breaks off where the header is kept and the tensors are being hashed."""

    class Killed(BaseException):
        pass

    data = two_tensors()
    await make_model(admin)
    await make_draft(admin)
    await admin.put("/models/churn/versions/1/files/m.safetensors", content=data)
    whole = runtime.store.read

    async def breaks_off(
        sha256: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        if start > 8:
            raise Killed
        async for piece in whole(sha256, start, end):
            yield piece

    sha256 = hashlib.sha256(data).hexdigest()
    with monkeypatch.context() as patched:
        patched.setattr(runtime.store, "read", breaks_off)
        with pytest.raises(Killed):
            await read(runtime, sha256)
    found = await shown(admin)
    assert (found["status"], found["hashed"], found["items"][0]["sha256"]) == ("read", False, None)
    await read(runtime, sha256)
    assert (await shown(admin))["hashed"] is True


async def test_what_was_attached_before_is_taken_up(admin: Api, runtime: Runtime, sql: Sql) -> None:
    await make_model(admin)
    await make_draft(admin)
    await admin.put("/models/churn/versions/1/files/M.SafeTensors", content=two_tensors())
    await admin.put("/models/churn/versions/1/files/other.bin", content=b"other")
    await sql.execute("delete from procrastinate_jobs")
    await catch_up(runtime)
    assert await jobs(sql) == 1
    await catch_up(runtime)
    assert await jobs(sql) == 1
    await sql.execute("delete from procrastinate_jobs")
    await read_tensors(runtime, two_tensors())
    await catch_up(runtime)
    assert await jobs(sql) == 0


async def test_a_blob_that_goes_takes_its_tensors_along(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await make_model(admin)
    await with_tensors(admin, runtime, two_tensors(), ready=False)
    await admin.delete("/models/churn/versions/1/files/m.safetensors")
    await sql.execute("delete from blobs")
    assert await (await sql.execute("select name from tensors")).fetchall() == []
    await read_tensors(runtime, two_tensors())
    assert await (await sql.execute("select status from tensor_headers")).fetchall() == []


async def test_only_safetensors_are_read(admin: Api, sql: Sql) -> None:
    await make_model(admin)
    await make_draft(admin)
    await admin.put("/models/churn/versions/1/files/m.bin", content=two_tensors())
    assert await jobs(sql) == 0
    other = await admin.get("/models/churn/versions/1/tensors?path=m.bin")
    assert pointers(problem(other, 422, "invalid-request")) == {"path"}
    problem(await admin.get(TENSORS), 404, "not-found")
