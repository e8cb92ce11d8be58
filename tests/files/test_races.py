"""What happens when two things happen to one file, blob or upload: each in a fixed order."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi import FastAPI

from app.access.table import Permission
from app.blobs import service as blobs
from app.blobs.problems import UploadClosed
from app.core.actor import Actor
from app.core.problems import Unavailable
from app.core.runtime import Runtime
from app.files import service as files
from app.files.service.attach import Content, attach
from app.versions import service as versions
from app.versions.dependencies import VersionInModel, load_version
from tests.actors import Api
from tests.factories import make_draft, make_model
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
V = "/models/churn/versions/1"
DATA = b"weights " * 1000
SHA = hashlib.sha256(DATA).hexdigest()
DECLARED = {"path": "w", "size": len(DATA), "sha256": SHA}
Step = Callable[[], Awaitable[Any]]


class Interrupted:
    """A store in which something else happens just before one of its steps, once."""

    def __init__(self, store: Any, name: str, first: Step) -> None:
        self._store, self._name, self._first = store, name, [first]

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._store, name)
        if name != self._name or not self._first:
            return step

        async def interrupted(*args: Any) -> Any:
            while self._first:
                await self._first.pop()()
            return await step(*args)

        return interrupted


@pytest.fixture
async def draft(admin: Api) -> Api:
    await make_model(admin)
    await make_draft(admin)
    return admin


@pytest.fixture
async def actor(app: FastAPI, admin: Api) -> Actor:
    found: Actor = await app.state.authenticator.actor_for(f"Bearer {admin.token}")
    return found


async def target_of(runtime: Runtime, actor: Actor, number: int = 1) -> VersionInModel:
    async with runtime.db.reading() as session:
        return await load_version(session, actor, "churn", str(number), Permission.FILES_WRITE)


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def sent(api: Api, version: str = V) -> UUID:
    """An upload all of whose bytes have come."""
    answer = await api.post(f"{version}/uploads", {"files": [DECLARED]})
    (upload,) = answer.json()["uploads"]
    for part in [part for part in upload["parts"] if not part["uploaded"]]:
        body = DATA[part["offset"] : part["offset"] + part["size"]]
        assert (await api.http.put(part["url"], content=body, headers=part["headers"])).is_success
    return UUID(upload["id"])


@pytest.mark.parametrize("moment", ["prove", "adopt"])
async def test_an_upload_that_was_given_up_meanwhile_does_not_come_back(
    draft: Api, runtime: Runtime, actor: Actor, moment: str
) -> None:
    upload_id = await sent(draft)
    target = await target_of(runtime, actor)

    async def give_it_up_and_send_others() -> None:
        assert (await draft.delete(f"{V}/uploads/{upload_id}")).status_code == 204
        assert (await draft.put(f"{V}/files/w", content=b"others")).status_code == 201

    store = Interrupted(runtime.store, moment, give_it_up_and_send_others)
    with pytest.raises(UploadClosed):
        await files.complete(replace(runtime, store=store), actor, target, upload_id)
    assert (await draft.get(f"{V}/files/w")).content == b"others"


async def test_an_upload_that_was_given_up_once_it_was_adopted_does_not_come_back(
    draft: Api, runtime: Runtime, actor: Actor
) -> None:
    upload_id = await sent(draft)
    target = await target_of(runtime, actor)

    async def give_it_up() -> None:
        assert (await draft.delete(f"{V}/uploads/{upload_id}")).status_code == 204
        assert (await draft.put(f"{V}/files/w", content=b"others")).status_code == 201

    store = Interrupted(runtime.store, "size", give_it_up)  # the last step before it is attached
    with pytest.raises(UploadClosed):
        await files.complete(replace(runtime, store=store), actor, target, upload_id)
    assert (await draft.get(f"{V}/files/w")).content == b"others"


@pytest.mark.parametrize("moment", ["complete", "prove", "adopt", "size"])
async def test_an_upload_that_somebody_else_completed_meanwhile_is_complete(
    draft: Api, runtime: Runtime, actor: Actor, moment: str
) -> None:
    upload_id = await sent(draft)
    target = await target_of(runtime, actor)

    async def complete_it() -> None:
        done = await draft.post(f"{V}/uploads/{upload_id}/complete")
        assert done.json() == {"verified": True}

    store = Interrupted(runtime.store, moment, complete_it)
    assert await files.complete(replace(runtime, store=store), actor, target, upload_id)
    listed = (await draft.get(f"{V}/files")).json()["items"]
    assert [f["sha256"] for f in listed] == [SHA]


async def test_completing_a_completed_upload_of_a_ready_version_is_harmless(draft: Api) -> None:
    upload_id = await sent(draft)
    for _ in range(2):
        done = await draft.post(f"{V}/uploads/{upload_id}/complete")
        assert (done.status_code, done.json()) == (200, {"verified": True})
        await draft.post(f"{V}/finalize")


@pytest.mark.local_store
async def test_wrong_bytes_of_a_replaced_upload_do_not_take_its_place_again(
    draft: Api, runtime: Runtime, actor: Actor, sql: Sql
) -> None:
    answer = await draft.post(f"{V}/uploads", {"files": [{**DECLARED, "sha256": "ab" * 32}]})
    (upload,) = answer.json()["uploads"]
    await draft.http.put(upload["parts"][0]["url"], content=DATA)
    target = await target_of(runtime, actor)

    async def declare_others() -> None:
        await draft.post(f"{V}/uploads", {"files": [{**DECLARED, "sha256": "cd" * 32}]})

    store = Interrupted(runtime.store, "prove", declare_others)
    with pytest.raises(Exception, match="was announced"):
        await files.complete(replace(runtime, store=store), actor, target, UUID(upload["id"]))
    rows = await (await sql.execute("select encode(sha256, 'hex'), status from uploads")).fetchall()
    assert sorted(rows) == [("ab" * 32, "abandoned"), ("cd" * 32, "open")]


async def test_what_was_sent_and_is_lost_can_be_sent_again(draft: Api, runtime: Runtime) -> None:
    upload_id = await sent(draft)
    await runtime.store.abort(upload_id)
    lost = await draft.post(f"{V}/uploads/{upload_id}/complete")
    assert lost.status_code == 409, lost.text
    again = await sent(draft)
    assert again == upload_id or not runtime.store.is_direct
    done = await draft.post(f"{V}/uploads/{again}/complete")
    assert done.json() == {"verified": True}


async def test_an_upload_goes_on_after_a_kill_once_its_bytes_were_adopted(
    draft: Api, runtime: Runtime, actor: Actor
) -> None:
    upload_id = await sent(draft)
    target = await target_of(runtime, actor)

    class KilledError(Exception):
        pass

    async def kill() -> None:
        raise KilledError

    store = Interrupted(runtime.store, "size", kill)
    with pytest.raises(KilledError):
        await files.complete(replace(runtime, store=store), actor, target, upload_id)
    assert await sent(draft) == upload_id  # asked again, there is nothing left to send
    done = await draft.post(f"{V}/uploads/{upload_id}/complete")
    assert (done.status_code, done.json()) == (200, {"verified": True})


async def unreferenced(sql: Sql) -> list[str]:
    rows = await sql.execute(
        "select encode(sha256, 'hex') from blobs where unreferenced_since is not null"
    )
    return [row[0] for row in await rows.fetchall()]


@pytest.mark.parametrize("gone", ["version", "file", "model"])
async def test_a_blob_is_in_use_when_its_last_name_goes_while_another_is_given(
    draft: Api, runtime: Runtime, actor: Actor, sql: Sql, gone: str
) -> None:
    await draft.put(f"{V}/files/w", content=DATA)
    await make_draft(draft)
    other = await target_of(runtime, actor, 2)
    address = {"version": V, "file": f"{V}/files/w", "model": "/models/other"}[gone]
    if gone == "model":
        await make_model(draft, "other")
        await make_draft(draft, "other", files=[DECLARED])
        await draft.delete(f"{V}/files/w")
        address += "?purge=true"

    async def waits() -> bool:
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        row = await (await sql.execute(waiting)).fetchone()
        return row is not None and row[0] > 0

    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, other.version.id)
        content = Content("w", SHA, len(DATA), None)
        await attach(session, actor, other.model, version, [content])
        going = asyncio.create_task(draft.delete(address))
        await eventually(waits, what="the delete to wait for the blob")
    assert (await going).status_code == 204
    assert await unreferenced(sql) == []
    assert await blobs.sweep(runtime.db, runtime.store, grace=timedelta(0)) == []
    assert (await draft.get("/models/churn/versions/2/files/w")).content == DATA


async def test_a_blob_that_a_file_names_is_never_swept_however_it_was_counted(
    draft: Api, runtime: Runtime, sql: Sql
) -> None:
    await draft.put(f"{V}/files/w", content=DATA)
    await sql.execute("update blobs set unreferenced_since = now() - interval '2 days'")
    assert await blobs.sweep(runtime.db, runtime.store) == []
    assert (await draft.get(f"{V}/files/w")).content == DATA


class Freed:
    """What a sweep frees blobs from: it frees them once it may."""

    def __init__(self, store: Any) -> None:
        self.store, self.is_asked, self.may = store, asyncio.Event(), asyncio.Event()

    async def delete(self, sha256: str) -> None:
        self.is_asked.set()
        await self.may.wait()
        await self.store.delete(sha256)


async def test_bytes_that_a_sweep_freed_after_they_were_adopted_are_not_recorded(
    draft: Api, runtime: Runtime
) -> None:
    await draft.put(f"{V}/files/w", content=DATA)
    await draft.delete(f"{V}/files/w")
    freed: Any = Freed(runtime.store)
    sweep = asyncio.create_task(blobs.sweep(runtime.db, freed, grace=timedelta(0)))
    await freed.is_asked.wait()  # the blob is doomed
    incoming = uuid4()
    proven = await runtime.store.receive(incoming, chunks(DATA))
    await runtime.store.adopt(incoming, proven)
    freed.may.set()
    assert await sweep == [SHA]
    with pytest.raises(Unavailable):
        await blobs.record(runtime, SHA, len(DATA))
    assert (await draft.put(f"{V}/files/w", content=DATA)).status_code == 201
    assert (await draft.get(f"{V}/files/w")).content == DATA


async def test_two_that_exchange_their_bytes_wait_for_each_other(draft: Api) -> None:
    """Each takes up the blob that the other lets go, over and over: no deadlock, no 503."""
    await make_draft(draft)
    other = b"other " * 1000
    declared = [DECLARED, {**DECLARED, "sha256": hashlib.sha256(other).hexdigest()}]
    declared[1]["size"] = len(other)
    addresses = [V, "/models/churn/versions/2"]
    for address, data in zip(addresses, (DATA, other), strict=True):
        assert (await draft.put(f"{address}/files/w", content=data)).status_code == 201

    async def exchange(turn: int) -> list[int]:
        found = []
        for index in range(10):
            wanted = {"files": [declared[(turn + index + 1) % 2]]}
            answer = await draft.post(f"{addresses[turn]}/uploads", wanted)
            found.append(answer.status_code)
        return found

    assert await asyncio.gather(exchange(0), exchange(1)) == [[201] * 10] * 2


async def test_ten_completions_at_once_all_succeed(draft: Api, sql: Sql) -> None:
    upload_id = await sent(draft)
    answers = await asyncio.gather(
        *(draft.post(f"{V}/uploads/{upload_id}/complete") for _ in range(10))
    )
    assert {a.status_code for a in answers} == {200}, [a.text for a in answers]
    row = await (await sql.execute("select count(*) from version_files")).fetchone()
    assert row == (1,)


async def test_two_that_ask_for_the_same_uploads_get_the_same(draft: Api) -> None:
    wanted = {"files": [{**DECLARED, "path": f"{n}"} for n in range(40)]}
    answers = await asyncio.gather(*(draft.post(f"{V}/uploads", wanted) for _ in range(4)))
    ids = [[u["id"] for u in answer.json()["uploads"]] for answer in answers]
    assert ids == [ids[0]] * 4
