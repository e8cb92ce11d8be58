"""Making a file of proven bytes: the short transactions around the move inside the store.

Locks are taken in one order: the version, its uploads, then blobs.
"""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import service as blobs
from app.blobs.problems import UploadClosed
from app.blobs.stores.interface import Proven
from app.core.actor import Actor
from app.core.db import clock
from app.core.runtime import Runtime
from app.files import queries
from app.files.service.attach import Content, attach, check_paths, end_uploads
from app.files.service.condition import check_condition
from app.files.tables import File, Upload
from app.versions import service as versions
from app.versions.dependencies import VersionInModel
from app.versions.service.note import note


async def adopt(runtime: Runtime, upload_id: UUID, proven: Proven) -> None:
    """Move proven bytes to their blob key and record the blob."""
    async with runtime.db.transaction() as session:
        await _mark_proven(session, upload_id)
    await blobs.adopt(runtime, upload_id, proven)


async def is_adopted(runtime: Runtime, upload: Upload) -> bool:
    """Whether the bytes were proven and adopted by somebody who was killed before they could
    attach them, or who is faster than this one."""
    was_proven = upload.proven_at is not None
    return was_proven and await blobs.recover(runtime, upload.sha256, upload.size)


async def _mark_proven(session: AsyncSession, upload_id: UUID) -> None:
    await session.execute(
        update(Upload)
        .where(Upload.id == upload_id, Upload.status.in_(("open", "received")))
        .values(proven_at=await clock(session))
    )


async def attach_stored(
    runtime: Runtime,
    actor: Actor,
    target: VersionInModel,
    content: Content,
    if_match: str | None = None,
) -> tuple[File, bool]:
    """Point a path at a blob that is stored, in place of what is under way for it; the file, and
    whether the path is new."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        await check_paths(session, version, [content.path], lambda _: "path")
        there = await queries.file_at(session, version.id, content.path)
        check_condition(if_match, there)
        if await end_uploads(session, actor, target.model, version, [content.path]):
            note(session, actor, target.model, version, "upload.abandoned", path=content.path)
        files = await attach(session, actor, target.model, version, [content])
        return files[content.path], there is None


async def attach_upload(
    runtime: Runtime, actor: Actor, target: VersionInModel, upload: Upload
) -> None:
    """Complete an upload whose bytes are stored, and attach its file; nothing where it was
    completed meanwhile. `UploadClosed` where it was given up or replaced meanwhile: then other
    bytes may stand at its path."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        if await _completed(session, upload):
            content = Content(upload.path, upload.sha256, upload.size, upload.media_type)
            await attach(session, actor, target.model, version, [content])
            return
        now = await queries.upload_of(session, version.id, upload.id)
    if now is None or now.status != "completed":
        raise closed(now)


async def _completed(session: AsyncSession, upload: Upload) -> bool:
    """Whether this ended the upload, of all who may try."""
    ended = await session.execute(
        update(Upload)
        .where(Upload.id == upload.id, Upload.status == "open")
        .values(status="completed", ended_at=await clock(session))
        .returning(Upload.id)
        .execution_options(synchronize_session=False)
    )
    return ended.first() is not None


def closed(upload: Upload | None) -> UploadClosed:
    """The problem with an upload that does not go on."""
    fate = "has expired" if upload is not None and upload.status == "expired" else "was given up"
    return UploadClosed(
        f"The upload {fate}, or other bytes took its place. Where the file is still wanted, ask "
        "for a new one."
    )
