"""Parts of an upload, in every order, split, repeated, cut, wrong and at the same time."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.blobs.problems import PartClash, PartsMissing, UploadClosed, WrongDigest, WrongSize
from app.blobs.stores.interface import Part, Upload
from app.blobs.stores.local import LocalStore
from tests.blobs.conftest import in_chunks, sha256_of
from tests.blobs.serving import local_store

PART_SIZE = 50


class Cut(Exception):
    """The connection ended."""


@dataclass(frozen=True)
class Sending:
    """One request: which part, in chunks of how many bytes, and what goes wrong."""

    which: int
    chunk: int
    fault: str | None
    at: int

    async def body(self, right: bytes) -> AsyncIterator[bytes]:
        sent = altered(right, self.at) if self.fault == "altered" else right
        if self.fault == "long":
            sent += b"!"
        if self.fault == "short":
            sent = sent[: self.at % len(right)] if right else sent
        cut = self.at % (len(right) + 1) if self.fault == "cut" else None
        for start in range(0, len(sent), self.chunk):
            await asyncio.sleep(0)
            if cut is not None and start >= cut:
                raise Cut
            yield sent[start : start + self.chunk]
        if cut is not None:
            raise Cut


def altered(body: bytes, at: int) -> bytes:
    if not body:
        return b"x"
    at %= len(body)
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


sendings = st.builds(
    Sending,
    which=st.integers(0, 5),
    chunk=st.integers(1, 60),
    fault=st.none() | st.sampled_from(["cut", "altered", "short", "long"]),
    at=st.integers(0, 100),
)


@settings(deadline=None, max_examples=60)
@given(
    body=st.binary(max_size=260),
    rounds=st.lists(st.lists(sendings, max_size=5), max_size=6),
)
async def test_any_sequence_of_sendings_ends_in_the_right_bytes(
    body: bytes, rounds: list[list[Sending]]
) -> None:
    """Requests of one round run at the same time. A part with a digest in its link counts once it
    came whole, whatever else went wrong before, beside or after it."""
    async with a_store() as store:
        upload = await store.begin(uuid4(), len(body))
        whole: set[int] = set()
        for sending in rounds:
            results = await asyncio.gather(*(attempt(store, upload, body, one) for one in sending))
            whole |= {number for number in results if number is not None}
            present = await store.parts_present(upload)
            assert {part.number for part in present} == whole
            assert all(part.sha256 == expected(upload, body, part.number) for part in present)
        missing = [part for part in upload.parts if part.number not in whole]
        if missing:
            with pytest.raises(PartsMissing) as refused:
                await store.complete(upload)
            assert refused.value.extra["missing"] == [part.number for part in missing]
        for part in reversed(missing):
            await store.write_part(upload.id, part, in_chunks(piece(body, part), 7))
        await store.complete(upload)
        proven = await store.prove(upload)
        assert (proven.sha256, proven.size) == (sha256_of(body), len(body))
        await store.adopt(upload.id, proven)
        assert b"".join([block async for block in store.read(proven.sha256)]) == body


async def attempt(store: LocalStore, upload: Upload, body: bytes, one: Sending) -> int | None:
    """Send a part as its link with a digest would let it; its number if it was accepted."""
    part = upload.parts[one.which % len(upload.parts)]
    right = piece(body, part)
    bound = replace(part, sha256=sha256_of(right))
    try:
        stored = await store.write_part(upload.id, bound, one.body(right))
    except (Cut, WrongSize, WrongDigest):
        assert one.fault is not None
        return None
    assert one.fault is None or (one.fault == "short" and not right)
    return stored.number


def piece(body: bytes, part: Part) -> bytes:
    return body[part.offset : part.offset + part.size]


def expected(upload: Upload, body: bytes, number: int) -> str:
    return sha256_of(piece(body, upload.parts[number - 1]))


class a_store:  # noqa: N801 (reads like a function where it is used)
    """A fresh store for each example; fixtures live longer than that."""

    async def __aenter__(self) -> LocalStore:
        self._path = Path(tempfile.mkdtemp())
        self._store = local_store(self._path, PART_SIZE)
        await self._store.prepare()
        return self._store

    async def __aexit__(self, *_: object) -> None:
        await self._store.close()
        shutil.rmtree(self._path)


class Gate:
    """A body that stops in the middle until it is let through."""

    def __init__(self, first: bytes, rest: bytes) -> None:
        self.first, self.rest = first, rest
        self.waits = asyncio.Event()
        self.open = asyncio.Event()
        self.seen: Callable[[], object] = lambda: None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.first
        self.waits.set()
        await self.open.wait()
        yield self.rest
        self.seen()


async def halfway(
    store: LocalStore, upload: Upload, body: bytes
) -> tuple[Gate, "asyncio.Task[object]"]:
    """A sender of the first part whose first half is on the disk already."""
    half = len(body) // 2
    gate = Gate(body[:half], body[half:])
    task = asyncio.create_task(store.write_part(upload.id, upload.parts[0], gate))
    await gate.waits.wait()
    return gate, task


SIZE = 3_000_000
RIGHT, WRONG = b"r" * SIZE, b"w" * SIZE


@pytest.fixture
async def wide(tmp_path: Path) -> AsyncIterator[LocalStore]:
    """Parts of several blocks each."""
    store = local_store(tmp_path / "store", SIZE)
    await store.prepare()
    yield store
    await store.close()


async def test_a_stuck_sender_does_not_stand_in_the_way_of_its_retry(wide: LocalStore) -> None:
    upload = await wide.begin(uuid4(), SIZE)
    gate, stuck = await halfway(wide, upload, RIGHT)
    await wide.write_part(upload.id, upload.parts[0], in_chunks(RIGHT))
    [part] = await wide.parts_present(upload)
    assert part.sha256 == sha256_of(RIGHT)
    gate.open.set()
    await stuck  # the same bytes: nothing to complain about
    await wide.complete(upload)
    assert (await wide.prove(upload)).sha256 == sha256_of(RIGHT)


async def test_a_slow_sender_of_other_bytes_is_told_and_changes_nothing(wide: LocalStore) -> None:
    upload = await wide.begin(uuid4(), SIZE)
    gate, slow = await halfway(wide, upload, WRONG)
    await wide.write_part(upload.id, upload.parts[0], in_chunks(RIGHT))
    gate.open.set()
    with pytest.raises(PartClash):
        await slow
    await wide.complete(upload)
    assert (await wide.prove(upload)).sha256 == sha256_of(RIGHT)


async def test_a_sender_that_is_still_at_it_cannot_touch_a_completed_upload(
    wide: LocalStore,
) -> None:
    upload = await wide.begin(uuid4(), SIZE)
    gate, late = await halfway(wide, upload, WRONG)
    await wide.write_part(upload.id, upload.parts[0], in_chunks(RIGHT))
    await wide.complete(upload)
    proven = await wide.prove(upload)
    await wide.adopt(upload.id, proven)
    gate.open.set()
    with pytest.raises(UploadClosed):
        await late
    content = b"".join([block async for block in wide.read(proven.sha256)])
    assert content == RIGHT


async def test_a_sender_that_is_still_at_it_cannot_revive_what_was_given_up(
    wide: LocalStore,
) -> None:
    upload = await wide.begin(uuid4(), SIZE)
    gate, late = await halfway(wide, upload, RIGHT)
    await wide.abort(upload.id)
    gate.open.set()
    with pytest.raises(UploadClosed):
        await late
    assert [found async for found in wide.incoming()] == []


async def test_a_part_whose_bytes_were_not_all_written_never_counts(
    wide: LocalStore, tmp_path: Path
) -> None:
    """Somebody else's bytes came while these came, and then that other part was lost again: its
    replacement was killed between taking the old record away and writing the new one."""
    upload = await wide.begin(uuid4(), SIZE)
    body = RIGHT[: SIZE // 2] + WRONG[: SIZE // 2]
    gate, slow = await halfway(wide, upload, body)
    await wide.write_part(upload.id, upload.parts[0], in_chunks(RIGHT))
    gate.open.set()
    gate.seen = (tmp_path / "store" / "incoming" / str(upload.id) / "1.part").unlink
    with pytest.raises(PartClash):
        await slow
    assert await wide.parts_present(upload) == []
    await wide.write_part(upload.id, upload.parts[0], in_chunks(RIGHT))
    await wide.complete(upload)
    assert (await wide.prove(upload)).sha256 == sha256_of(RIGHT)


async def test_a_part_that_came_whole_too_late_is_refused(wide: LocalStore) -> None:
    upload = await wide.begin(uuid4(), SIZE)
    gate = Gate(RIGHT, b"")
    late = asyncio.create_task(wide.write_part(upload.id, upload.parts[0], gate))
    await gate.waits.wait()
    await wide.abort(upload.id)
    gate.open.set()
    with pytest.raises(UploadClosed):
        await late


async def test_a_cancelled_sender_leaves_the_part_to_the_next(wide: LocalStore) -> None:
    upload = await wide.begin(uuid4(), SIZE)
    _, task = await halfway(wide, upload, WRONG)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await wide.parts_present(upload) == []
    await wide.write_part(upload.id, upload.parts[0], in_chunks(RIGHT))
    await wide.complete(upload)
    assert (await wide.prove(upload)).sha256 == sha256_of(RIGHT)


async def test_many_senders_of_every_part_at_once_end_in_the_right_bytes(wide: LocalStore) -> None:
    body = os.urandom(4 * SIZE + 1)
    upload = await wide.begin(uuid4(), len(body))
    await asyncio.gather(
        *(
            wide.write_part(upload.id, part, in_chunks(piece(body, part), 70_000))
            for part in upload.parts
            for _ in range(3)
        )
    )
    await wide.complete(upload)
    assert (await wide.prove(upload)).sha256 == sha256_of(body)
