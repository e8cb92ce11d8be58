"""What `GET /storage` tells."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.blobs import service as blobs
from app.core.runtime import Runtime
from tests.actors import Api, Team
from tests.blobs.conftest import sha256_of
from tests.factories import make_draft, make_model, make_ready, problem

BYTES = ("logical_bytes", "stored_bytes", "saved_bytes", "unreferenced_bytes", "blobs")
KIB = 1024
SHARED = {f"shared/{n}.bin": bytes([n]) * 64 * KIB for n in range(4)}
V = "/models/churn/versions"


async def report(api: Api) -> dict[str, Any]:
    answer = await api.get("/storage")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def figures(api: Api) -> list[int]:
    found = await report(api)
    return [found[name] for name in BYTES]


async def test_an_empty_registry_takes_nothing(admin: Api) -> None:
    assert await report(admin) == {
        "logical_bytes": 0,
        "stored_bytes": 0,
        "saved_bytes": 0,
        "unreferenced_bytes": 0,
        "blobs": 0,
        "unreferenced_blobs": 0,
        "damaged_blobs": 0,
        "oldest_check_at": None,
    }


async def test_only_an_admin_with_all_of_their_rights_may_ask(
    http: httpx.AsyncClient, team: Team
) -> None:
    problem(await http.get("/api/v1/storage"), 401, "not-authenticated")
    await team.person("mia", "maintainer")
    for name, options in (
        ("mia", {}),
        ("admin", {"scopes": ["read", "write", "review"]}),
        ("admin", {"models": ["churn"]}),
    ):
        api = await team.token(name, **options)  # type: ignore[arg-type]
        problem(await api.get("/storage"), 403, "not-allowed")
    assert (await (await team.token("admin")).get("/storage")).status_code == 200


@pytest.fixture
async def model(admin: Api) -> Api:
    await make_model(admin)
    return admin


async def freed(runtime: Runtime) -> int:
    return len(await blobs.sweep(runtime.db, runtime.store, grace=timedelta(0)))


async def held(runtime: Runtime) -> int:
    """The bytes under `blobs/` in the store, whoever put them there."""
    return sum([blob.size async for blob in runtime.store.blobs()])


async def test_equal_bytes_are_stored_once_and_counted_each_time(
    model: Api, runtime: Runtime
) -> None:
    for number in (1, 2):
        await make_draft(model)
        await model.put(f"{V}/{number}/files/same", content=b"x" * 1000)
    await model.put(f"{V}/2/files/twice", content=b"x" * 1000)
    await model.put(f"{V}/2/files/other", content=b"y" * 10)
    assert await figures(model) == [3010, 1010, 2000, 0, 2]
    await model.delete(f"{V}/2/files/other")
    assert await figures(model) == [3000, 1010, 2000, 10, 2]
    assert (await report(model))["unreferenced_blobs"] == 1
    assert await freed(runtime) == 1
    assert await figures(model) == [3000, 1000, 2000, 0, 1]


async def test_a_deleted_model_takes_its_bytes_until_it_is_purged(
    model: Api, runtime: Runtime
) -> None:
    await make_draft(model)
    await model.put(f"{V}/1/files/w", content=b"x" * 1000)
    await model.delete("/models/churn")
    assert await figures(model) == [1000, 1000, 0, 0, 1]
    await model.delete("/models/churn?purge=true")
    assert await figures(model) == [0, 1000, 0, 1000, 1]
    assert await freed(runtime) == 1
    assert await figures(model) == [0, 0, 0, 0, 0]


async def test_two_hundred_versions_that_share_all_but_one_file_take_one_copy_and_the_changes(
    model: Api, runtime: Runtime
) -> None:
    """Fewer where the blobs are in S3, whose server is asked ten times for each change."""
    count = 20 if runtime.store.is_direct else 200
    shared = sum(map(len, SHARED.values()))
    await make_draft(model)
    for path, body in SHARED.items():
        assert (await model.put(f"{V}/1/files/{path}", content=body)).status_code == 201
    declared = [
        {"path": path, "size": len(body), "sha256": sha256_of(body)}
        for path, body in SHARED.items()
    ]
    before = await held(runtime)

    async def version(_: int) -> None:
        number = (await make_draft(model, files=declared))["number"]
        changed = f"version {number} ".encode() * 64
        put = await model.put(f"{V}/{number}/files/changed.bin", content=changed[:KIB].ljust(KIB))
        assert put.status_code == 201, put.text
        assert (await model.post(f"{V}/{number}/finalize")).json()["status"] == "ready"

    for start in range(0, count, 20):
        await asyncio.gather(*map(version, range(start, start + 20)))
    logical = (count + 1) * shared + count * KIB
    stored = shared + count * KIB
    assert await figures(model) == [logical, stored, count * shared, 0, count + 4]
    assert await held(runtime) == before + count * KIB

    half = count // 2
    for number in range(2, half + 2):
        assert (await model.delete(f"{V}/{number}")).status_code == 204
    logical -= half * (shared + KIB)
    left = count - half
    assert await figures(model) == [logical, stored, left * shared, half * KIB, count + 4]
    assert await freed(runtime) == half
    stored -= half * KIB
    assert await figures(model) == [logical, stored, left * shared, 0, left + 4]
    assert await held(runtime) == before + left * KIB
    await make_ready(model, files=declared)  # all that is shared is still there
