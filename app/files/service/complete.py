"""Completing uploads, and giving them up."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.problems import PartsMissing, UploadClosed, wrong_digest, wrong_size
from app.blobs.stores.interface import Proven
from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import NotFound, Problem
from app.core.runtime import Runtime
from app.files import queries
from app.files.service.attach import end_uploads
from app.files.service.begin import as_store_upload
from app.files.service.declare import UPLOAD_LIFETIME
from app.files.service.keep import adopt, attach_upload, closed, is_adopted
from app.files.service.prove import enqueue_proof
from app.files.tables import Upload
from app.versions import service as versions
from app.versions.dependencies import VersionInModel
from app.versions.service.note import note

ENDED_WELL = ("completed", "received")
COPIED = ("version_id", "path", "size", "sha256", "media_type", "part_size")


async def complete(runtime: Runtime, actor: Actor, target: VersionInModel, upload_id: UUID) -> bool:
    """Prove what was sent and attach it, or have a job do so where that takes long; whether it is
    proven. Completing again is harmless."""
    async with runtime.db.reading() as session:
        row = await _of(session, target, upload_id)
        if row.status in ENDED_WELL:
            return row.status == "completed"
        await versions.check_draft(session, target.version.id)
    if row.status == "refused":
        raise _refused(row)
    if row.status != "open":
        raise closed(row)
    if not await is_adopted(runtime, row) and not await _bring(runtime, actor, target, row):
        return False
    await attach_upload(runtime, actor, target, row)
    return True


async def _bring(runtime: Runtime, actor: Actor, target: VersionInModel, row: Upload) -> bool:
    """Bring the bytes of an upload to their blob key; False where a job will, because reading them
    takes longer than a request should."""
    upload = as_store_upload(row)
    try:
        await runtime.store.complete(upload)
        if not runtime.store.proves_soon(upload):
            await _receive(runtime, actor, target, row)
            return False
        proven = await runtime.store.prove(upload)
        if (proven.size, proven.sha256) == (row.size, row.sha256):
            await adopt(runtime, row.id, proven)
            return True
    except (UploadClosed, PartsMissing) as fault:
        async with runtime.db.reading() as session:
            now = await _of(session, target, row.id)
        if now.status == "completed" or await is_adopted(runtime, now):
            return True
        if isinstance(fault, UploadClosed):  # what was sent is lost
            await _open_again(runtime, actor, target, row, None)
        raise
    await _open_again(runtime, actor, target, row, proven)
    await runtime.store.abort(row.id, row.store_handle)
    raise _wrong(row.sha256, row.size, proven.sha256, proven.size)


async def _receive(runtime: Runtime, actor: Actor, target: VersionInModel, row: Upload) -> None:
    """Note that the bytes are whole in the store, and have them proven."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        if not await _received(session, row.id):
            current = await _of(session, target, row.id)
            if current.status in ENDED_WELL:
                return
            raise closed(current)
        details = {"path": row.path, "upload": str(row.id), "sha256": row.sha256, "size": row.size}
        note(session, actor, target.model, version, "upload.received", **details)
        await enqueue_proof(session, row.id)


async def _received(session: AsyncSession, upload_id: UUID) -> bool:
    """Whether this changed it, of all who may end an upload."""
    changed = await session.execute(
        update(Upload)
        .where(Upload.id == upload_id, Upload.status == "open")
        .values(status="received", received_at=await clock(session))
        .returning(Upload.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None


def _wrong(sha256: str, size: int, found_sha256: str, found_size: int) -> Problem:
    if found_size != size:
        return wrong_size(size, found_size)
    return wrong_digest(sha256, found_sha256)


def _refused(row: Upload) -> Problem:
    if row.found is None:
        return UploadClosed("The blob store could not give these bytes back. Send them again.")
    return _wrong(row.sha256, row.size, row.found["sha256"], row.found["size"])


async def _open_again(
    runtime: Runtime, actor: Actor, target: VersionInModel, row: Upload, found: Proven | None
) -> None:
    """Put a fresh upload in the place of one whose bytes are not what was declared, or are lost:
    the file is still missing, as whoever sent it is told at once. (What a job refuses stays
    `refused`, so that the version can say so.) Nothing where it was given up or replaced."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_version(session, target.version.id)
        current = await _of(session, target, row.id)
        if current.status != "open":
            return
        await end_uploads(session, actor, target.model, version, [row.path])
        fresh = Upload(
            **{name: getattr(row, name) for name in COPIED},
            created_by=actor.name,
            created_by_id=actor.identity_id,
            expires_at=await clock(session) + UPLOAD_LIFETIME,
        )
        session.add(fresh)
        await session.flush()
        note(
            session,
            actor,
            target.model,
            version,
            "upload.refused",
            path=row.path,
            upload=str(row.id),
            expected={"sha256": row.sha256, "size": row.size},
            found=found and {"sha256": found.sha256, "size": found.size},
            fresh_upload=str(fresh.id),
        )


async def give_up(runtime: Runtime, actor: Actor, target: VersionInModel, upload_id: UUID) -> None:
    """Forget an upload: the file is not declared any more, and what was sent is freed."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        row = await _of(session, target, upload_id)
        if row.status == "completed":
            raise UploadClosed("The upload was completed. Take the file out by its path.")
        if row.status in queries.UNDER_WAY:
            await end_uploads(session, actor, target.model, version, [row.path])
            note(session, actor, target.model, version, "upload.abandoned", path=row.path)
    await runtime.store.abort(row.id, row.store_handle)


async def _of(session: AsyncSession, target: VersionInModel, upload_id: UUID) -> Upload:
    row = await queries.upload_of(session, target.version.id, upload_id)
    if row is None:
        raise NotFound(f"Version {target.version.number} has no upload `{upload_id}`.")
    return row
