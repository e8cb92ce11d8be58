"""Clearing away what uploads left half-way."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import service as blobs
from app.core.db import clock
from app.core.queue import periodic
from app.core.runtime import Runtime
from app.files import queries
from app.files.tables import File, Upload
from app.versions.moments import deleted
from app.versions.service.note import note
from app.versions.tables import Version

ORPHAN_AGE = timedelta(hours=24)
CLEARED_AT_ONCE = 1000
EXPIRED_AT_ONCE = 500


@deleted.subscribe
async def release(session: AsyncSession, version: Version) -> None:
    """A deleted version lets go of its files and of what was on its way to it."""
    await session.execute(
        update(Upload)
        .where(Upload.version_id == version.id, Upload.status.in_(queries.UNDER_WAY))
        .values(status="abandoned", ended_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
    await blobs.hold(session, (), await queries.digests_of(session, version.id))
    await session.execute(delete(File).where(File.version_id == version.id))


async def expire(runtime: Runtime) -> int:
    """End uploads whose time is over; how many. The files stay declared: a version is not ready
    without."""
    async with runtime.db.transaction() as session:
        found = await queries.overdue(session, EXPIRED_AT_ONCE)
        now = await clock(session)
        for upload, version, model in found:
            upload.status, upload.ended_at = "expired", now
            details = {"path": upload.path, "upload": str(upload.id)}
            note(session, None, model, version, "upload.expired", **details)
    return len(found)


async def clear_ended(runtime: Runtime) -> int:
    """Free what ended uploads left under `incoming/`; how many were cleared."""
    async with runtime.db.reading() as session:
        ended = await queries.uncleared(session, CLEARED_AT_ONCE)
    for upload in ended:
        await runtime.store.abort(upload.id, upload.store_handle)
        async with runtime.db.transaction() as session:
            await session.execute(
                update(Upload)
                .where(Upload.id == upload.id)
                .values(cleared_at=func.clock_timestamp())
            )
    return len(ended)


async def clear_orphans(runtime: Runtime, age: timedelta = ORPHAN_AGE) -> int:
    """Free what lies under `incoming/` without a sign of life for `age` and belongs to no open
    upload (a stream whose server was killed); how many were cleared."""
    found = 0
    before = datetime.now(UTC) - age
    async for entry in runtime.store.incoming():
        if entry.modified_at >= before:
            continue
        async with runtime.db.reading() as session:
            if await queries.is_open(session, entry.id):
                continue
        await runtime.store.abort(entry.id, entry.handle)
        found += 1
    return found


@periodic("uploads.sweep", cron="*/10 * * * *")
async def sweep(runtime: Runtime) -> None:
    """Expire uploads and clear what was left."""
    while await expire(runtime) == EXPIRED_AT_ONCE:
        pass
    while await clear_ended(runtime) == CLEARED_AT_ONCE:
        pass
    await clear_orphans(runtime)
