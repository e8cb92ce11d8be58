"""Comparing the store with what the database says of it, both ways."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import queries
from app.blobs.queries import KnownBlob
from app.blobs.service import health
from app.blobs.service.health import Condition
from app.blobs.service.sweep import GRACE
from app.blobs.service.telling import tell
from app.blobs.stores.interface import BlobStore, StoredBlob
from app.blobs.tables import Blob
from app.core.db import Database

AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """Something about a blob that is not in both places as it should be.

    `kind` is a damage, `recovered` (it was damaged and is whole again), `unreadable` (at this
    moment, although the store works) or `unknown` (the store has it, the database does not).
    `is_named`: a version has a file with it. `is_young`: nothing names it, and it may be on its way
    in or out at this moment.
    """

    kind: str
    sha256: str
    size: int
    is_named: bool
    is_young: bool
    condition: Condition | None = None


async def differences(
    db: Database, store: BlobStore, *, deep: bool, recording: bool
) -> AsyncGenerator[Difference]:
    """Everything that is not as it should be; with `deep`, all bytes are read and hashed; with
    `recording`, what was seen is recorded. Servers may run meanwhile: what changes under our hands
    is no difference. Memory grows with the number of blobs, some hundred bytes each."""
    whole: set[bytes] = set()
    async with aclosing(_unknown(db, store, whole)) as unknown:
        async for difference in unknown:
            yield difference
    after: str | None = None
    while True:
        async with db.reading() as session:
            rows = await queries.page(session, after, AT_ONCE)
        for row in rows:
            if deep or row.damage is not None or bytes.fromhex(row.sha256) not in whole:
                found = await _examine(db, store, row, deep=deep, recording=recording)
                if found is not None:
                    yield found
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].sha256


async def _unknown(db: Database, store: BlobStore, whole: set[bytes]) -> AsyncGenerator[Difference]:
    """What the store has and the database does not know; those that both have are put down."""
    async with aclosing(store.blobs()) as listed:
        async for batch in _in_batches(listed):
            async with db.reading() as session:
                known = await queries.known(session, [found.sha256 for found in batch])
            for found in batch:
                if found.sha256 not in known:
                    if await store.size(found.sha256) is not None:  # else it was freed meanwhile
                        yield _as_unknown(found)
                elif known[found.sha256] == found.size:
                    whole.add(bytes.fromhex(found.sha256))


async def _in_batches(listed: AsyncIterable[StoredBlob]) -> AsyncGenerator[list[StoredBlob]]:
    batch: list[StoredBlob] = []
    async for found in listed:
        batch.append(found)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    yield batch


def _as_unknown(found: StoredBlob) -> Difference:
    return Difference(
        "unknown", found.sha256, found.size, is_named=False, is_young=_is_young(found.modified_at)
    )


def _is_young(since: datetime, age: timedelta = GRACE) -> bool:
    return since > datetime.now(UTC) - age


async def _examine(
    db: Database, store: BlobStore, row: KnownBlob, *, deep: bool, recording: bool
) -> Difference | None:
    """What is wrong with a blob, or no longer; None where nothing is, or where it changed while it
    was looked at."""
    whole = deep or row.damage is not None
    is_named = row.unreferenced_since is None
    is_young = row.unreferenced_since is not None and _is_young(row.unreferenced_since)
    condition = await health.try_to_examine(store, row.sha256, row.size, whole=whole)
    if condition is None:
        return Difference("unreadable", row.sha256, row.size, is_named, is_young)
    if condition.damage is None and not whole:
        return None
    if condition.damage == "missing" and is_young:
        return None  # its row is there first: the bytes may be on their way
    if not await _stands(db, row, condition, recording=recording):
        return None
    kind = condition.damage or ("recovered" if row.damage is not None else None)
    if kind is None:
        return None
    return Difference(kind, row.sha256, row.size, is_named, is_young, condition)


async def _stands(db: Database, row: KnownBlob, condition: Condition, *, recording: bool) -> bool:
    if recording:
        return await health.note(db, row, condition)
    async with db.reading() as session:
        return await queries.is_as_it_was(session, row)


async def take_in(db: Database, store: BlobStore, sha256: str, size: int) -> Condition:
    """Read an unknown blob and, where it is what its name says, record it as one that nothing
    names: a sweep frees it after the grace time. What the reading has shown."""
    condition = await health.examine(store, sha256, size, whole=True)
    if condition.damage is None:
        async with db.transaction() as session:
            await _record_found(session, sha256, size)
    return condition


async def _record_found(session: AsyncSession, sha256: str, size: int) -> None:
    made = await session.execute(
        insert(Blob)
        .values(sha256=sha256, size=size)
        .on_conflict_do_nothing()
        .returning(Blob.sha256)
    )
    if made.first() is not None:
        tell(session, "blob.found", sha256, size)
