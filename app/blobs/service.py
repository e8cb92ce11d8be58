"""Blobs as rows: keeping what the database says of them and what the store holds in step.

Bytes are adopted between two transactions. The first (`spare`) restarts the grace time of a blob
that is stored already, so that no sweep frees it meanwhile; the second (`stored`) records it. A
sweep first dooms a row, then frees the bytes, then removes the row, and nothing names a doomed one.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import any_, column, delete, func, literal, or_, select, table, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.stores.interface import BlobStore
from app.blobs.tables import Blob
from app.core.db import Database, Sha256, clock
from app.core.problems import Unavailable, on_violation
from app.core.queue import periodic
from app.core.runtime import Runtime

GRACE = timedelta(hours=24)
SWEPT_AT_ONCE = 1000
_REFERENCES = table("version_files", column("sha256", Sha256))

on_violation(
    "ck_blobs_doomed",
    Unavailable,
    "The same bytes are being freed at this moment. Wait a second and send the request again.",
)
on_violation(
    "fk_version_files_sha256",
    Unavailable,
    "The same bytes were freed a moment ago. Wait a second and send the request again.",
)


async def spare(session: AsyncSession, sha256: str) -> None:
    """Before adopting: give a blob that is stored already, and that nothing names, its grace time
    again. One that is being freed at this moment is refused for a second."""
    row = await _locked(session, sha256)
    if row is None:
        return
    if row.doomed_at is not None:
        raise being_freed()
    if row.unreferenced_since is not None:
        row.unreferenced_since = await clock(session)
        await session.flush()


async def stored(session: AsyncSession, sha256: str, size: int) -> None:
    """After adopting: record that the store holds these proven bytes."""
    await session.execute(insert(Blob).values(sha256=sha256, size=size).on_conflict_do_nothing())
    await hold(session, [sha256])


async def hold(
    session: AsyncSession, digests: Collection[str], leaving: Collection[str] = ()
) -> None:
    """Before naming blobs: see that they are there and stay there until the transaction ends.

    Those that are about to lose a name (`leaving`) are held along, all of them in one order, so
    that two who exchange blobs wait for each other in turn. Call it once in a transaction.
    """
    wanted = sorted({*digests, *leaving})
    statement = (
        select(Blob.sha256, Blob.doomed_at)
        .where(Blob.sha256 == any_(literal(wanted, ARRAY(Sha256))))
        .order_by(Blob.sha256)
        .with_for_update(key_share=True)
    )
    doomed = {row.sha256: row.doomed_at for row in await session.execute(statement)}
    if any(digest not in doomed or doomed[digest] is not None for digest in digests):
        raise being_freed()


async def _locked(session: AsyncSession, sha256: str) -> Blob | None:
    # The weakest lock that keeps a sweep away; taken before a foreign key takes its weaker one,
    # because going from that one to this could meet a sweep that waits.
    return (
        await session.execute(
            select(Blob)
            .where(Blob.sha256 == sha256)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()


def being_freed() -> Unavailable:
    """These bytes were stored, and are going away at this moment."""
    return Unavailable(
        "The same bytes are being freed at this moment. Wait a second and send them again.",
        retry_after=1,
    )


async def sweep(db: Database, store: BlobStore, grace: timedelta = GRACE) -> list[str]:
    """Free the blobs that nothing has named for the grace time, and return their digests. A sweep
    that was killed is finished by the next one."""
    async with db.transaction() as session:
        doomed = await _doom(session, grace)
    for sha256 in doomed:
        await store.delete(sha256)
        async with db.transaction() as session:
            await session.execute(
                delete(Blob).where(Blob.sha256 == sha256, Blob.doomed_at.is_not(None))
            )
    return list(doomed)


async def _doom(session: AsyncSession, grace: timedelta) -> Sequence[str]:
    chosen = (
        select(Blob.sha256)
        .where(
            or_(
                Blob.doomed_at.is_not(None),
                Blob.unreferenced_since < func.clock_timestamp() - grace,
            ),
            # The trigger that counts says so already. A room above has the table, so it is only
            # named here; a mistake in the counting must not cost the bytes of a version.
            ~select(1).select_from(_REFERENCES).where(_REFERENCES.c.sha256 == Blob.sha256).exists(),
        )
        .order_by(Blob.unreferenced_since)
        .limit(SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = await session.execute(
        update(Blob)
        .where(Blob.sha256.in_(chosen))
        .values(doomed_at=func.coalesce(Blob.doomed_at, func.clock_timestamp()))
        .returning(Blob.sha256)
        .execution_options(synchronize_session=False)
    )
    return list(found.scalars())


@periodic("blobs.sweep", cron="17 * * * *")
async def sweep_hourly(runtime: Runtime) -> None:
    """Free what nothing names any more."""
    while len(await sweep(runtime.db, runtime.store)) == SWEPT_AT_ONCE:
        pass
