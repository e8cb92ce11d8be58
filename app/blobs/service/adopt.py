"""Adopting proven bytes: reserve their row, move them inside the store, record them.

Whoever is killed in between leaves a row that nothing names, which a sweep clears away together
with the bytes, if they came that far.
"""

import asyncio
import time
from uuid import UUID

from sqlalchemy import case, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import queries
from app.blobs.service.health import heal
from app.blobs.service.hold import not_now
from app.blobs.stores.interface import Proven
from app.blobs.tables import Blob
from app.core.db import Database, clock
from app.core.runtime import Runtime

WAIT_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.05


async def adopt(
    runtime: Runtime, upload_id: UUID, proven: Proven, *, patience: float = WAIT_SECONDS
) -> None:
    """Move proven bytes to their blob key and record them; whatever becomes of the file, a sweep
    knows the bytes.

    A sweep that is freeing the same bytes at this moment is waited for, up to `patience` seconds
    and without a connection, so that nobody learns from the answer that they were here.
    """
    await _reserve(runtime.db, proven, patience)
    await runtime.store.adopt(upload_id, proven)
    await record(runtime, proven.sha256, proven.size)


async def _reserve(db: Database, proven: Proven, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        async with db.transaction() as session:
            if await _reserved(session, proven.sha256, proven.size):
                return
        if time.monotonic() >= end:
            raise not_now()
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _reserved(session: AsyncSession, sha256: str, size: int) -> bool:
    """Make the row, or give one that nothing names its grace time again; the same statement, so
    that it takes the same time. False where its bytes are being freed."""
    since = case((Blob.unreferenced_since.is_not(None), func.clock_timestamp()))
    statement = (
        insert(Blob)
        .values(sha256=sha256, size=size)
        .on_conflict_do_update(
            index_elements=[Blob.sha256],
            set_={"unreferenced_since": since},
            where=Blob.doomed_at.is_(None),
        )
        .returning(Blob.sha256)
    )
    return (await session.execute(statement)).first() is not None


async def record(runtime: Runtime, sha256: str, size: int) -> None:
    """Record a blob that was just adopted, in a transaction of its own."""
    async with runtime.db.transaction() as session:
        await _record_proven(session, sha256, size)
    await _require_bytes(runtime, sha256, size)


async def _require_bytes(runtime: Runtime, sha256: str, size: int) -> None:
    # Now that the row is there, a sweep that frees the bytes shows in it. One that began before
    # may have freed them since they were adopted, where they lay unused for the whole grace time.
    if await runtime.store.size(sha256) != size:
        raise not_now()


async def _record_proven(session: AsyncSession, sha256: str, size: int) -> None:
    """After adopting: record that the store holds these bytes, which were just proven. What was
    wrong with them before is mended."""
    row = await _make_and_hold(session, sha256, size)
    await heal(session, row)
    row.checked_at = await clock(session)
    await session.flush()


async def recover(runtime: Runtime, sha256: str, size: int) -> bool:
    """Record a blob whose bytes are no longer under `incoming/` and were proven there: somebody
    adopted them and was killed before they could record it, or is faster than this. False where
    the store does not hold them, or holds what was seen to be damaged: then they are lost."""
    if await runtime.store.size(sha256) != size:
        return False
    async with runtime.db.transaction() as session:
        row = await _make_and_hold(session, sha256, size)
        if row.damage is not None:
            return False
    await _require_bytes(runtime, sha256, size)
    return True


async def _make_and_hold(session: AsyncSession, sha256: str, size: int) -> Blob:
    """The row, made where it is not there, and held."""
    await session.execute(insert(Blob).values(sha256=sha256, size=size).on_conflict_do_nothing())
    row = await queries.locked(session, sha256)
    if row is None or row.doomed_at is not None:
        raise not_now()
    return row
