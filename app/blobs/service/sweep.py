"""Freeing what nothing names any more.

Who dooms a row is the one that frees its bytes, for as long as a lease of a few minutes: two that
did so side by side could free bytes that came again in between.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, func, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import queries
from app.blobs.service.telling import tell
from app.blobs.stores.interface import BlobStore
from app.blobs.tables import Blob
from app.core.db import Database
from app.core.problems import Unavailable
from app.core.queue import periodic
from app.core.runtime import Runtime

GRACE = timedelta(hours=24)
COPIES_KEPT = timedelta(hours=24)
SWEPT_AT_ONCE = 1000
FREED_SIDE_BY_SIDE = 16
LEASE = timedelta(minutes=5)  # longer than a store may take over a delete, all its retries included
REMOVED = "blob.removed"


class Doom(NamedTuple):
    """A blob that is being freed by us since `at`; `is_first` where nobody had begun to before."""

    at: datetime
    size: int
    is_first: bool


Doomed = dict[str, Doom]


async def sweep(
    db: Database, store: BlobStore, grace: timedelta = GRACE, *, lease: timedelta = LEASE
) -> list[str]:
    """Free the blobs that nothing has named for the grace time, a thousand at most, and return
    their digests. What a sweep that was killed left is freed by a later one, after its lease.

    It has no events of its own: those that took a blob's names told already what becomes of it.

    Few are doomed at a time: who brings the same bytes again has to wait for as long as theirs are
    being freed. `Unavailable` where some could not be freed, after all others were.
    """
    freed: list[str] = []
    kept: dict[str, Unavailable] = {}
    while len(freed) < SWEPT_AT_ONCE and len(kept) < FREED_SIDE_BY_SIDE:
        async with db.transaction() as session:
            doomed = await _doom(session, grace, lease, ~queries.one_of(kept))
        if not doomed:
            break
        failed = await _free(db, store, doomed)
        freed += [sha256 for sha256 in doomed if sha256 not in failed]
        kept |= failed
    if kept:
        raise next(iter(kept.values()))
    return freed


async def free(
    db: Database, store: BlobStore, sha256: str, grace: timedelta = GRACE, *, why: str
) -> bool:
    """Free one blob, if nothing has named it for the grace time, and tell why; whether it was."""
    async with db.transaction() as session:
        doomed = await _doom(session, grace, LEASE, Blob.sha256 == sha256)
        _tell_removed(session, doomed, why)
    return await _surely_free(db, store, doomed)


async def expel(db: Database, store: BlobStore, sha256: str, size: int) -> bool:
    """Free what lies under a blob's key and is not that blob, and tell so; whether it was. It was
    not where a blob of this digest is known by now."""
    now = func.clock_timestamp()
    doom = (
        insert(Blob)
        .values(sha256=sha256, size=size, unreferenced_since=now, doomed_at=now)
        .on_conflict_do_nothing()
        .returning(Blob.sha256, Blob.size, Blob.doomed_at, true().label("is_first"))
    )
    async with db.transaction() as session:
        doomed = _as_doomed(await session.execute(doom))
        _tell_removed(session, doomed, "unknown")
    return await _surely_free(db, store, doomed)


async def forget(db: Database, sha256: str) -> bool:
    """Remove the row of a blob whose bytes are missing and that nothing names, and tell so; whether
    it was."""
    async with db.transaction() as session:
        gone = await session.execute(
            delete(Blob)
            .where(
                Blob.sha256 == sha256,
                Blob.damage == "missing",
                Blob.doomed_at.is_(None),
                queries.nothing_names_it(),
            )
            .returning(Blob.size)
            .execution_options(synchronize_session=False)
        )
        size = gone.scalar_one_or_none()
        if size is not None:
            tell(session, REMOVED, sha256, size, why="missing")
        return size is not None


async def _doom(
    session: AsyncSession, grace: timedelta, lease: timedelta, condition: ColumnElement[bool]
) -> Doomed:
    chosen = queries.doomable(grace, lease, condition, FREED_SIDE_BY_SIDE)
    found = await session.execute(
        update(Blob)
        .where(Blob.sha256 == chosen.c.sha256)
        .values(doomed_at=func.clock_timestamp())
        .returning(
            Blob.sha256, Blob.size, Blob.doomed_at, chosen.c.doomed_at.is_(None).label("is_first")
        )
        .execution_options(synchronize_session=False)
    )
    return _as_doomed(found)


def _as_doomed(rows: Iterable[Any]) -> Doomed:
    return {row.sha256: Doom(row.doomed_at, row.size, row.is_first) for row in rows}


def _tell_removed(session: AsyncSession, doomed: Doomed, why: str) -> None:
    for sha256, doom in doomed.items():
        if doom.is_first:
            tell(session, REMOVED, sha256, doom.size, why=why)


async def _surely_free(db: Database, store: BlobStore, doomed: Doomed) -> bool:
    for error in (await _free(db, store, doomed)).values():
        raise error
    return bool(doomed)


async def _free(db: Database, store: BlobStore, doomed: Doomed) -> dict[str, Unavailable]:
    """Free doomed blobs side by side, then remove the rows of those that are gone; what went wrong
    with the others, which stay doomed."""
    outcomes = await asyncio.gather(*map(store.delete, doomed), return_exceptions=True)
    failed: dict[str, Unavailable] = {}
    for sha256, outcome in zip(doomed, outcomes, strict=True):
        if isinstance(outcome, Unavailable):
            failed[sha256] = outcome
        elif outcome is not None:
            raise outcome
    gone = [(sha256, doom.at) for sha256, doom in doomed.items() if sha256 not in failed]
    async with db.transaction() as session:
        # Those that somebody else doomed again, after our lease, are theirs.
        await session.execute(delete(Blob).where(tuple_(Blob.sha256, Blob.doomed_at).in_(gone)))
    return failed


@periodic("blobs.sweep", cron="*/5 * * * *")
async def sweep_regularly(runtime: Runtime) -> None:
    """Free what nothing names any more, and what adopting left half-way."""
    while len(await sweep(runtime.db, runtime.store)) >= SWEPT_AT_ONCE:
        pass
    await runtime.store.clear_copies(datetime.now(UTC) - COPIES_KEPT)
