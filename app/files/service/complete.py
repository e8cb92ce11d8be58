"""Completing uploads, and giving them up."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.problems import UploadClosed, wrong_digest, wrong_size
from app.blobs.stores.interface import Proven
from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import NotFound
from app.core.runtime import Runtime
from app.files import queries
from app.files.service.attach import end_uploads
from app.files.service.begin import as_store_upload
from app.files.service.declare import UPLOAD_LIFETIME
from app.files.service.keep import adopt, attach_upload, closed, record
from app.files.tables import Upload
from app.versions import service as versions
from app.versions.dependencies import VersionInModel
from app.versions.service.note import note

COPIED = ("version_id", "path", "size", "sha256", "media_type", "part_size")


async def complete(runtime: Runtime, actor: Actor, target: VersionInModel, upload_id: UUID) -> bool:
    """Prove what was sent and attach it; whether it is proven. Completing again is harmless."""
    async with runtime.db.reading() as session:
        row = await _of(session, target, upload_id)
        if row.status == "completed":
            return True
        await versions.check_draft(session, target.version.id)
    if row.status != "open":
        raise closed(row)
    if not await _is_adopted(runtime, row):
        await _prove(runtime, actor, target, row)
    await attach_upload(runtime, actor, target, row)
    return True


async def _is_adopted(runtime: Runtime, row: Upload) -> bool:
    """Whether the bytes were proven and adopted by a request that was killed before it could
    attach them, or that is faster than this one."""
    if row.proven_at is None or await runtime.store.size(row.sha256) != row.size:
        return False
    await record(runtime, row.sha256, row.size)
    return True


async def _prove(runtime: Runtime, actor: Actor, target: VersionInModel, row: Upload) -> None:
    try:
        await runtime.store.complete(as_store_upload(row))
        proven = await runtime.store.prove(as_store_upload(row))
        if (proven.size, proven.sha256) == (row.size, row.sha256):
            await adopt(runtime, row.id, proven)
            return
    except UploadClosed:
        async with runtime.db.reading() as session:
            now = await _of(session, target, row.id)
        if now.status == "completed" or await _is_adopted(runtime, now):
            return
        await _open_again(runtime, actor, target, row, None)  # what was sent is lost
        raise
    await _open_again(runtime, actor, target, row, proven)
    await runtime.store.abort(row.id, row.store_handle)
    if proven.size != row.size:
        raise wrong_size(row.size, proven.size)
    raise wrong_digest(row.sha256, proven.sha256)


async def _open_again(
    runtime: Runtime, actor: Actor, target: VersionInModel, row: Upload, found: Proven | None
) -> None:
    """Put a fresh upload in the place of one whose bytes are not what was declared, or are lost:
    the file is still missing. Nothing where it was given up or replaced meanwhile."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_version(session, target.version.id)
        current = await _of(session, target, row.id)
        if current.status != "open":
            return
        await end_uploads(session, version, [row.path])
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
            await end_uploads(session, version, [row.path])
            note(session, actor, target.model, version, "upload.abandoned", path=row.path)
    await runtime.store.abort(row.id, row.store_handle)


async def _of(session: AsyncSession, target: VersionInModel, upload_id: UUID) -> Upload:
    row = await queries.upload_of(session, target.version.id, upload_id)
    if row is None:
        raise NotFound(f"Version {target.version.number} has no upload `{upload_id}`.")
    return row
