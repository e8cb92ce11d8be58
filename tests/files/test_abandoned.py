"""Many uploads are left at random steps: the sweeps leave exactly what versions name."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from app.blobs import service as blobs
from app.blobs.stores.interface import BlobStore
from app.blobs.stores.interface import Upload as StoreUpload
from app.core.runtime import Runtime
from app.files import queries
from app.files import service as files
from app.files.service.keep import adopt
from tests.actors import Api
from tests.factories import make_model

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
UPLOADS, UPLOADS_TO_S3 = 1000, 250  # each of them asks an S3 server a dozen times
AT_ONCE = 16
LONG_AGO = timedelta(seconds=-60)
TWO_PARTS = 64 * 1024 * 1024 + 1


@dataclass
class Try:
    """One file on its way into a draft of its own."""

    api: Api
    runtime: Runtime
    body: bytes
    version: str = ""

    @property
    def declared(self) -> dict[str, Any]:
        sha256 = hashlib.sha256(self.body).hexdigest()
        return {"path": "w.bin", "size": len(self.body), "sha256": sha256}

    async def begin(self) -> dict[str, Any]:
        answer = await self.api.post(f"{self.version}/uploads", {"files": [self.declared]})
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["uploads"][0])

    async def sent(self) -> dict[str, Any]:
        upload = await self.begin()
        for part in upload["parts"]:
            body = self.body[part["offset"] : part["offset"] + part["size"]]
            answer = await self.api.http.put(part["url"], content=body, headers=part["headers"])
            assert answer.status_code in (200, 204), answer.text
        return upload

    async def completed(self) -> dict[str, Any]:
        upload = await self.sent()
        done = await self.api.post(f"{self.version}/uploads/{upload['id']}/complete")
        assert done.status_code == 200, done.text
        return upload


async def only_declared(one: Try) -> None:
    made = await one.api.post("/models/churn/versions", {"files": [one.declared]})
    assert made.status_code == 201, made.text


async def begun(one: Try) -> None:
    await one.begin()


async def half_sent(one: Try) -> None:
    declared = {**one.declared, "size": TWO_PARTS}
    answer = await one.api.post(f"{one.version}/uploads", {"files": [declared]})
    [*_, last] = answer.json()["uploads"][0]["parts"]
    assert last["size"] < 64 * 1024 * 1024
    body = bytes(min(last["size"], 1))
    await one.api.http.put(last["url"], content=body, headers=last["headers"])


async def all_sent(one: Try) -> None:
    await one.sent()


async def received(one: Try) -> None:
    """Whole in the store, but the job that proves it never came to it."""
    await one.completed()


async def adopted(one: Try) -> None:
    """The server was killed between moving the bytes to their place and naming them."""
    upload = await one.sent()
    if upload["status"] == "present":
        return
    handle = await _handle(one.runtime, upload["id"])
    upload_id, sha256 = UUID(upload["id"]), one.declared["sha256"]
    at_store = StoreUpload(upload_id, len(one.body), TWO_PARTS, handle, sha256)
    await one.runtime.store.complete(at_store)
    await adopt(one.runtime, at_store.id, await one.runtime.store.prove(at_store))


async def streamed(one: Try) -> None:
    """The server was killed when a plain PUT had come in, before its bytes were moved."""

    async def chunks() -> AsyncIterator[bytes]:
        yield one.body

    await one.runtime.store.receive(uuid4(), chunks())


async def given_up(one: Try) -> None:
    upload = await one.sent()
    if upload["status"] == "required":
        answer = await one.api.delete(f"{one.version}/uploads/{upload['id']}")
        assert answer.status_code == 204, answer.text


async def taken_out(one: Try) -> None:
    await kept(one)
    assert (await one.api.delete(f"{one.version}/files/w.bin")).status_code == 204


async def deleted(one: Try) -> None:
    await kept(one)
    assert (await one.api.delete(one.version)).status_code == 204


async def kept(one: Try) -> None:
    upload = await one.completed()
    await files.prove(one.runtime, UUID(upload["id"]))


async def put(one: Try) -> None:
    answer = await one.api.put(f"{one.version}/files/w.bin", content=one.body)
    assert answer.status_code == 201, answer.text


STEPS: tuple[Callable[[Try], Awaitable[None]], ...] = (
    only_declared,
    begun,
    half_sent,
    all_sent,
    received,
    adopted,
    streamed,
    given_up,
    taken_out,
    deleted,
    kept,
    put,
)


async def _handle(runtime: Runtime, upload_id: str) -> str | None:
    async with runtime.db.reading() as session:
        found = await queries.upload_in(session, UUID(upload_id))
    assert found is not None
    return found[0].store_handle


@pytest.fixture
async def empty_store(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    """The store, empty, and one of a kind that proves later."""
    found: BlobStore = runtime.store
    async for entry in found.incoming():
        await found.abort(entry.id, entry.handle)
    async for blob in found.blobs():
        await found.delete(blob.sha256)
    monkeypatch.setattr(type(found), "proves_soon", lambda self, upload: False)
    return found


async def test_abandoned_uploads_leave_exactly_what_versions_name(
    admin: Api, runtime: Runtime, empty_store: BlobStore, sql: Sql
) -> None:
    uploads = UPLOADS_TO_S3 if empty_store.is_direct else UPLOADS
    chance = random.Random(20261123)
    await make_model(admin)
    turns = asyncio.Semaphore(AT_ONCE)
    taken: Counter[str] = Counter()

    async def one() -> None:
        step = chance.choice(STEPS)
        body = chance.randbytes(chance.randint(1, 5000)) if chance.random() < 0.8 else b"shared"
        taken[step.__name__] += 1
        async with turns:
            made = await admin.post("/models/churn/versions", {})
            number = made.json()["number"]
            await step(Try(admin, runtime, body, f"/models/churn/versions/{number}"))

    await asyncio.gather(*(one() for _ in range(uploads)))
    assert set(taken) == {step.__name__ for step in STEPS}
    assert {entry async for entry in empty_store.incoming()}

    await sql.execute("update uploads set expires_at = now() - interval '1 minute'")
    waiting = await sql.execute("select id from uploads where status = 'received'")
    for (upload_id,) in await waiting.fetchall():
        await files.prove(runtime, upload_id)  # what is whole is proven after all, by its job
    while await files.expire(runtime):
        pass
    while await files.clear_ended(runtime):
        pass
    await files.clear_orphans(runtime, LONG_AGO)
    while await blobs.sweep(runtime.db, empty_store, timedelta(0)):
        pass

    named = await (
        await sql.execute("select distinct encode(sha256, 'hex') from version_files")
    ).fetchall()
    held = {blob.sha256 async for blob in empty_store.blobs()}
    assert held == {sha256 for (sha256,) in named}
    assert len(held) > uploads / 10
    assert [entry async for entry in empty_store.incoming()] == []
    rows = await (await sql.execute("select encode(sha256, 'hex') from blobs")).fetchall()
    assert {sha256 for (sha256,) in rows} == held
