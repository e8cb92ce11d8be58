"""The doctor compares the store with the database both ways, and mends what can be mended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from app.blobs import service as blobs
from app.blobs.stores.interface import Trait
from app.core.problems import Unavailable
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.doctor.findings import MOST_TOLD, Findings
from app.doctor.storage import compare, look_at_store
from tests.blobs.conftest import Bench, in_chunks, sha256_of
from tests.blobs.registry import Registry, Sql, V, registry_over
from tests.factories import make_draft, make_model

BODY = b"weights " * 10_000
SHA = sha256_of(BODY)
ALTERED = BODY[:-1] + b"?"
Examination = Callable[..., Awaitable[tuple[bool, str]]]


@pytest.fixture
async def registry(
    app: FastAPI, bench: Bench, runtime: Runtime, sql: Sql
) -> AsyncIterator[Registry]:
    async with registry_over(bench.store, runtime, sql) as registry:
        yield registry


@pytest.fixture
def doctor(registry: Registry, capsys: pytest.CaptureFixture[str]) -> Examination:
    """Whether all is well, and what is said."""

    async def examine(
        *, deep: bool = False, fix: bool = False, store: Any = None
    ) -> tuple[bool, str]:
        found = Findings()
        runtime = replace(registry.runtime, store=store or registry.store)
        await compare(runtime, found, deep=deep, fix=fix)
        return found.well, capsys.readouterr().out

    return examine


class Aged:
    """A store in which everything has lain for days."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def blobs(self) -> AsyncIterator[Any]:
        async for found in self._store.blobs():
            yield replace(found, modified_at=found.modified_at - timedelta(days=3))

    async def incoming(self) -> AsyncIterator[Any]:
        async for found in self._store.incoming():
            yield replace(found, modified_at=found.modified_at - timedelta(days=3))


@pytest.fixture
def aged(registry: Registry) -> Any:
    return Aged(registry.store)


async def stored(registry: Registry) -> set[str]:
    return {found.sha256 async for found in registry.store.blobs()}


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("fix", [False, True])
async def test_what_is_in_both_places_is_well(
    registry: Registry, doctor: Examination, deep: bool, fix: bool
) -> None:
    await registry.keep(BODY)
    await registry.keep(b"", "empty")
    await registry.keep(b"let go", "gone")
    await registry.release("gone")
    well, said = await doctor(deep=deep, fix=fix)
    assert well, said
    assert "Store and database agree" in said
    assert await registry.told() == []


LOST = {
    "missing": (None, f"is missing ({len(BODY)} bytes)"),
    "truncated": (BODY[:100], f"is truncated (100 bytes are there instead of {len(BODY)})"),
    "altered": (ALTERED, f"is altered (its {len(BODY)} bytes hash to {sha256_of(ALTERED)})"),
}


async def spoil(registry: Registry, damage: str) -> str:
    """Do this damage to the blob behind everybody's back; how the doctor tells it."""
    body, words = LOST[damage]
    if body is None:
        await registry.store.delete(SHA)
    else:
        await registry.put_behind(SHA, body)
    return words


@pytest.mark.parametrize("damage", LOST)
async def test_damage_is_told_with_who_needs_the_bytes_recorded_and_mended_by_sending_them(
    registry: Registry, doctor: Examination, damage: str
) -> None:
    await registry.keep(BODY)
    await make_model(registry.admin, "other")
    for _ in range(6):
        declared = [{"path": "same", "size": len(BODY), "sha256": SHA}]
        await make_draft(registry.admin, "other", files=declared)
    words = await spoil(registry, damage)
    deep = damage == "altered"
    assert (await doctor(deep=False))[0] is deep  # nobody sees that without reading

    well, said = await doctor(deep=deep)
    assert not well
    needed = "needed by churn 1, other 1, other 2, other 3, other 4 and 2 more."
    assert f"WRONG  Blob {SHA} {words}, and {needed}" in said
    assert "Send the same bytes again" in said
    assert await registry.damage_of(SHA) is None  # it only looked

    for _ in range(2):
        assert (await doctor(deep=deep, fix=True))[0] is False
    assert await registry.damage_of(SHA) == damage
    assert [action for action, _ in await registry.told()] == ["blob.damaged"]

    await registry.keep(BODY, "again")
    assert (await doctor(deep=True))[0]
    assert (await registry.admin.get(f"{V}/files/w", follow_redirects=False)).is_error is False
    assert [action for action, _ in await registry.told()] == ["blob.damaged", "blob.repaired"]


async def test_bytes_from_a_backup_are_seen_to_be_back(
    registry: Registry, doctor: Examination
) -> None:
    await registry.keep(BODY)
    await spoil(registry, "missing")
    await doctor(fix=True)
    await registry.put_behind(SHA, BODY)
    well, said = await doctor()
    assert not well
    assert f"WRONG  Blob {SHA} is recorded as damaged and is whole again" in said
    well, said = await doctor(fix=True)
    assert well, said
    assert await registry.damage_of(SHA) is None
    assert (await doctor())[0]


async def test_bytes_from_a_backup_that_are_others_repair_nothing(
    registry: Registry, doctor: Examination
) -> None:
    await registry.keep(BODY)
    await spoil(registry, "missing")
    await doctor(fix=True)
    await registry.put_behind(SHA, ALTERED)
    assert not (await doctor(fix=True))[0]
    assert await registry.damage_of(SHA) == "altered"


@pytest.mark.parametrize("damage", LOST)
async def test_a_damaged_blob_that_nothing_names_is_removed_with_its_row(
    registry: Registry, doctor: Examination, damage: str
) -> None:
    await registry.keep(BODY)
    await registry.release()
    await spoil(registry, damage)
    await registry.let_pass("unreferenced_since", "2 days", SHA)
    well, said = await doctor(deep=True)
    assert not well
    assert "nothing names it: --fix removes it." in said
    well, said = await doctor(deep=True, fix=True)
    assert well, said
    assert await registry.known(SHA) is None
    assert await stored(registry) == set()
    removed = ("blob.removed", {"sha256": SHA, "size": len(BODY), "why": damage})
    assert (await registry.told())[1:] == [removed]
    assert (await doctor(deep=True))[0]


async def test_a_damaged_blob_that_may_be_on_its_way_is_left_to_the_sweep(
    registry: Registry, doctor: Examination
) -> None:
    await registry.keep(BODY)
    await registry.release()
    await spoil(registry, "truncated")
    for fix in (False, True):
        well, said = await doctor(fix=fix)
        assert well
        assert "a sweep frees it" in said
    assert await stored(registry) == {SHA}


async def test_a_row_whose_bytes_are_on_their_way_is_nothing_to_tell(
    registry: Registry, doctor: Examination
) -> None:
    upload_id = uuid4()
    proven = await registry.store.receive(upload_id, in_chunks(BODY))

    class Examined:
        """A store into which the doctor looks just before bytes are adopted."""

        def __getattr__(self, name: str) -> Any:
            return getattr(registry.store, name)

        async def adopt(self, *args: Any) -> None:
            assert (await doctor(deep=True, fix=True))[0]
            await registry.store.adopt(*args)

    adopting = replace(registry.runtime, store=Examined())
    await blobs.adopt(adopting, upload_id, proven)
    assert (await doctor(deep=True, fix=True))[0]
    assert await registry.told() == []


async def test_an_unknown_blob_is_recorded_so_that_a_sweep_frees_it(
    registry: Registry, doctor: Examination, aged: Any
) -> None:
    await registry.put_behind(SHA, BODY)
    well, said = await doctor()
    assert well
    assert f"note   Blob {SHA} is unknown to the database, and came within the last day" in said
    assert not (await doctor(store=aged))[0]
    assert await registry.known(SHA) is None

    for _ in range(2):
        well, said = await doctor(store=aged, fix=True)
        assert well, said
    assert await registry.told() == [("blob.found", {"sha256": SHA, "size": len(BODY)})]
    assert await blobs.sweep(registry.runtime.db, registry.store) == []
    await registry.let_pass("unreferenced_since", "2 days", SHA)
    assert await blobs.sweep(registry.runtime.db, registry.store) == [SHA]
    assert await stored(registry) == set()
    assert len(await registry.told()) == 1  # that nothing named it any more was told before


async def test_an_unknown_blob_that_is_not_what_its_name_says_is_removed_once_it_is_old(
    registry: Registry, doctor: Examination, aged: Any
) -> None:
    await registry.put_behind(SHA, ALTERED)
    well, said = await doctor(fix=True)
    assert not well
    assert "Run this again in a day" in said
    assert await stored(registry) == {SHA}
    well, said = await doctor(store=aged, fix=True)
    assert well, said
    assert await stored(registry) == set()
    assert await registry.known(SHA) is None
    removed = {"sha256": SHA, "size": len(ALTERED), "why": "unknown"}
    assert await registry.told() == [("blob.removed", removed)]
    assert (await doctor(store=aged))[0]


async def test_what_is_brought_while_it_is_removed_is_not_lost(
    registry: Registry, doctor: Examination, aged: Any
) -> None:
    """Somebody sends the blob while the doctor removes other bytes that lay under its name."""
    await registry.put_behind(SHA, ALTERED)
    removing, may_go_on = asyncio.Event(), asyncio.Event()

    class Slow(Aged):
        async def delete(self, sha256: str) -> None:
            removing.set()
            await may_go_on.wait()
            await registry.store.delete(sha256)

        async def incoming(self) -> AsyncIterator[Any]:
            async for found in registry.store.incoming():
                yield found

    examination = asyncio.create_task(doctor(store=Slow(registry.store), fix=True))
    await removing.wait()
    upload_id = uuid4()
    proven = await registry.store.receive(upload_id, in_chunks(BODY))
    adoption = asyncio.create_task(blobs.adopt(registry.runtime, upload_id, proven, patience=100))
    may_go_on.set()
    assert (await examination)[0]
    await adoption
    assert (await blobs.examine(registry.store, SHA, len(BODY), whole=True)).damage is None
    assert (await doctor(store=aged, deep=True))[0]


async def test_a_blob_that_came_meanwhile_is_not_removed_as_unknown(registry: Registry) -> None:
    await registry.put_behind(SHA, ALTERED)
    await registry.keep(BODY)
    assert not await blobs.expel(registry.runtime.db, registry.store, SHA, len(BODY))
    assert (await blobs.examine(registry.store, SHA, len(BODY), whole=True)).damage is None


async def test_a_missing_blob_that_came_again_is_not_forgotten(registry: Registry) -> None:
    await registry.keep(BODY)
    await registry.sql.execute("update blobs set damage = 'missing'")
    assert not await blobs.forget(registry.runtime.db, SHA)  # a version names it
    await registry.release()
    await registry.keep(BODY)
    await registry.release()
    assert not await blobs.forget(registry.runtime.db, SHA)  # its bytes are there


async def test_what_lies_under_incoming_for_nobody_is_freed(
    registry: Registry, doctor: Examination, aged: Any
) -> None:
    declared = [
        {"path": name, "size": len(BODY), "sha256": sha256_of(name.encode())}
        for name in ("open", "received", "ended")
    ]
    begun = await registry.admin.post(f"{V}/uploads", {"files": declared})
    ids = {upload["path"]: upload["id"] for upload in begun.json()["uploads"]}
    for status in ("received", "expired"):
        path = "received" if status == "received" else "ended"
        await registry.sql.execute(
            "update uploads set status = %s, received_at = now() where path = %s", [status, path]
        )
    orphan = uuid4()
    for upload_id in (orphan, *map(UUID, ids.values())):
        await registry.store.receive(upload_id, in_chunks(BODY))

    async def incoming() -> set[str]:
        return {str(found.id) async for found in registry.store.incoming()}

    before = await incoming()
    assert before == {*ids.values(), str(orphan)}
    assert (await doctor())[0]  # young: they may be on their way
    well, said = await doctor(store=aged)
    assert not well
    assert "--fix frees them now" in said
    assert await incoming() == before
    held: list[int] = []

    class Watched(Aged):
        async def abort(self, *args: Any) -> None:
            held.append(registry.runtime.db.engine.pool.checkedout())
            await registry.store.abort(*args)

    well, said = await doctor(store=Watched(registry.store), fix=True)
    assert well, said
    assert held == [0, 0]  # no connection waits for the store
    assert await incoming() == before - {ids["ended"], str(orphan)}
    assert (await doctor(store=aged))[0]


async def test_of_many_like_each_other_the_first_are_told(
    registry: Registry, doctor: Examination
) -> None:
    for number in range(MOST_TOLD + 3):
        await registry.keep(f"{number}".encode(), f"{number}")
        await registry.store.delete(sha256_of(f"{number}".encode()))
    well, said = await doctor()
    assert not well
    assert said.count("WRONG") == MOST_TOLD
    assert "Blobs missing: and 3 more like these." in said


class Away:
    """A store that goes away while it is looked at."""

    def __init__(self, store: Any, *steps: str) -> None:
        self._store, self._steps = store, steps

    def __getattr__(self, name: str) -> Any:
        if name in self._steps:
            raise Unavailable("The blob store cannot be used at this moment.")
        return getattr(self._store, name)


BROKEN_OFF = "the comparison was broken off. The blob store cannot be used"
UNREADABLE = f"WRONG  Blob {SHA} cannot be read at this moment, although the store works."


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (["blobs"], BROKEN_OFF),
        (["incoming"], BROKEN_OFF),
        (["size", "check"], BROKEN_OFF),
        (["read", "check"], BROKEN_OFF),
        (["size"], UNREADABLE),
        (["read"], UNREADABLE),
    ],
)
async def test_a_store_that_goes_away_is_no_reason_to_call_anything_damaged(
    registry: Registry, doctor: Examination, steps: list[str], words: str
) -> None:
    await registry.keep(BODY)
    well, said = await doctor(store=Away(registry.store, *steps), fix=True, deep=True)
    assert not well
    assert words in said
    assert await registry.damage_of(SHA) is None
    assert await registry.told() == []


class Probed:
    """A store of which some things are known."""

    is_direct = False

    def __init__(self, *traits: Trait) -> None:
        self._traits = list(traits)

    async def prepare(self) -> None:
        """There is nothing to prepare."""

    check = prepare

    async def probe(self) -> list[Trait]:
        return self._traits


async def test_what_a_store_enforces_is_told_in_a_table(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Findings()
    store: Any = Probed(
        Trait("refuses altered links", True, "Nobody writes without one.", needed=True),
        Trait("refuses wrong digests", False, "Files are read back."),
        Trait("copies", True, "Quickly."),
    )
    assert await look_at_store(store, settings, found)
    assert found.well
    assert capsys.readouterr().out.splitlines()[1:] == [
        "ok     Blob store: refuses altered links  yes  Nobody writes without one.",
        "note   Blob store: refuses wrong digests  no   Files are read back.",
        "ok     Blob store: copies                 yes  Quickly.",
    ]
    lacking: Any = Probed(Trait("refuses altered links", False, "Or anybody writes.", needed=True))
    assert await look_at_store(lacking, settings, found)
    assert not found.well
    assert "WRONG  Blob store: refuses altered links  no" in capsys.readouterr().out


async def test_a_store_that_is_away_is_wrong_and_not_compared(
    registry: Registry, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Findings()
    assert not await look_at_store(Away(registry.store, "check"), settings, found)  # type: ignore[arg-type]
    assert not found.well
    assert "cannot be used. The blob store" in capsys.readouterr().out


async def test_every_trait_of_a_real_store_is_told(
    registry: Registry, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Findings()
    assert await look_at_store(registry.store, settings, found)
    said = capsys.readouterr().out
    for trait in await registry.store.probe():
        assert f"Blob store: {trait.name} " in said
    assert found.well, said
