"""Making a file of proven bytes: the short transactions around the move inside the store."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import service as blobs
from app.blobs.stores.interface import Proven
from app.core.actor import Actor
from app.core.db import clock
from app.core.runtime import Runtime
from app.files.service.attach import attach, check_paths
from app.files.tables import File, Upload
from app.versions import service as versions
from app.versions.dependencies import VersionInModel


async def adopt(runtime: Runtime, upload_id: UUID, proven: Proven) -> None:
    """Move proven bytes to their blob key and record the blob."""
    async with runtime.db.transaction() as session:
        await blobs.spare(session, proven.sha256)
        await _mark_proven(session, upload_id)
    await runtime.store.adopt(upload_id, proven)
    await record(runtime, proven.sha256, proven.size)


async def record(runtime: Runtime, sha256: str, size: int) -> None:
    """Record a blob that the store holds, in a transaction of its own: whatever becomes of the
    file, a sweep will know the bytes."""
    async with runtime.db.transaction() as session:
        await blobs.stored(session, sha256, size)


async def _mark_proven(session: AsyncSession, upload_id: UUID) -> None:
    await session.execute(
        update(Upload)
        .where(Upload.id == upload_id, Upload.status == "open")
        .values(proven_at=await clock(session))
    )


async def attach_stored(
    runtime: Runtime,
    actor: Actor,
    target: VersionInModel,
    *,
    path: str,
    sha256: str,
    size: int,
    media_type: str | None,
    upload_id: UUID | None = None,
) -> File:
    """Point a path at a blob that is stored, and end the upload that brought it as completed."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        await check_paths(session, version, [path])
        if upload_id is not None:
            await session.execute(
                update(Upload)
                .where(Upload.id == upload_id)
                .values(status="completed", ended_at=await clock(session))
            )
        return await attach(
            session,
            actor,
            target.model,
            version,
            path=path,
            sha256=sha256,
            size=size,
            media_type=media_type,
        )
