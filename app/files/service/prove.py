"""Proving what was received: a job that reads the bytes back, in parallel with others.

It may be killed anywhere and is then done again; every step begins by looking at what is left.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.problems import UploadClosed
from app.blobs.stores.interface import Progress, Proven
from app.core.db import clock
from app.core.problems import Unavailable
from app.core.queue import enqueue, periodic, task
from app.core.runtime import Runtime
from app.files import queries
from app.files.service.attach import Content, attach
from app.files.service.begin import as_store_upload
from app.files.service.declare import UPLOAD_LIFETIME
from app.files.service.finalize import enqueue_settling, settle
from app.files.service.keep import adopt, is_adopted
from app.files.tables import Upload
from app.models.tables import Model
from app.versions import service as versions
from app.versions.service.note import note
from app.versions.tables import Version

TOLD_EVERY_SECONDS = 1.0
FORGOTTEN_AFTER = timedelta(minutes=5)
LOOKED_AT_ONCE = 1000
log = structlog.get_logger()


async def enqueue_proof(session: AsyncSession, upload_id: UUID) -> None:
    """Have a job prove an upload; of two for the same one, the second waits for the first."""
    key = f"prove:{upload_id}"
    args = {"upload_id": str(upload_id)}
    await enqueue(session, prove_later, args=args, lock=key, queueing_lock=key)


@task("uploads.prove")
async def prove_later(runtime: Runtime, *, upload_id: str) -> None:
    """Prove an upload that was received and attach its file, or say what came instead."""
    await prove(runtime, UUID(upload_id))


async def prove(runtime: Runtime, upload_id: UUID) -> None:
    """Prove one upload; nothing where that was done, or where it was given up meanwhile."""
    async with runtime.db.reading() as session:
        found = await queries.upload_in(session, upload_id)
    if found is None:
        return
    upload, version, _ = found
    if upload.status == "received":
        await _end(runtime, upload)
    await settle(runtime, version.id)


async def _end(runtime: Runtime, upload: Upload) -> None:
    if not await is_adopted(runtime, upload):
        try:
            proven = await _read_back(runtime, upload)
        except Unavailable:
            if not await _has_been_tried_long_enough(runtime, upload.id):
                raise
            proven = None
        if proven is None or (proven.size, proven.sha256) != (upload.size, upload.sha256):
            await _refuse(runtime, upload.id, proven)
            return
        await adopt(runtime, upload.id, proven)
    await _attach(runtime, upload.id)


async def _has_been_tried_long_enough(runtime: Runtime, upload_id: UUID) -> bool:
    """Whether the first try was longer ago than an upload lives. The first one is noted."""
    async with runtime.db.transaction() as session:
        now = await clock(session)
        tried_at = await queries.first_try(session, upload_id)
        if tried_at is None:
            await session.execute(
                update(Upload).where(Upload.id == upload_id).values(proof_tried_at=now)
            )
        return tried_at is not None and tried_at < now - UPLOAD_LIFETIME


async def _read_back(runtime: Runtime, upload: Upload) -> Proven | None:
    """What the store gives back; None where it has lost the bytes."""
    async with _telling(runtime, upload) as progress:
        try:
            proven: Proven = await runtime.store.prove(as_store_upload(upload), progress)
        except UploadClosed:
            return None
    return proven


async def _attach(runtime: Runtime, upload_id: UUID) -> None:
    async with runtime.db.transaction() as session:
        found = await _received(session, upload_id)
        if found is None:
            return
        upload, version, model = found
        upload.status, upload.ended_at = "completed", await clock(session)
        await session.flush()
        content = Content(upload.path, upload.sha256, upload.size, upload.media_type)
        await attach(session, None, model, version, [content], added_by=upload.created_by)


async def _refuse(runtime: Runtime, upload_id: UUID, proven: Proven | None) -> None:
    async with runtime.db.transaction() as session:
        found = await _received(session, upload_id)
        if found is None:
            return
        upload, version, model = found
        upload.status, upload.ended_at = "refused", await clock(session)
        upload.bytes_verified = upload.size
        if proven is not None:
            upload.found = {"sha256": proven.sha256, "size": proven.size}
        note(
            session,
            None,
            model,
            version,
            "upload.refused",
            path=upload.path,
            upload=str(upload.id),
            expected={"sha256": upload.sha256, "size": upload.size},
            found=upload.found,
        )
    await runtime.store.abort(upload_id, upload.store_handle)


async def _received(session: AsyncSession, upload_id: UUID) -> tuple[Upload, Version, Model] | None:
    """The upload, if it still waits for its proof, with its version held."""
    found = await queries.upload_in(session, upload_id)
    if found is None:
        return None
    await session.refresh(found[1], with_for_update=True)
    await session.refresh(found[0])
    return found if found[0].status == "received" else None


@asynccontextmanager
async def _telling(runtime: Runtime, upload: Upload) -> AsyncIterator[Progress]:
    """Writes down how far the proof has come, every second at most, while the block runs."""
    read = 0

    def progress(done: int) -> None:
        nonlocal read
        read = done

    async def tell() -> None:
        told = 0
        while True:
            await asyncio.sleep(TOLD_EVERY_SECONDS)
            if read != told:
                told = read
                await _tell(runtime, upload, told)

    telling = asyncio.create_task(tell())
    try:
        yield progress
    finally:
        telling.cancel()
        await asyncio.wait([telling])


async def _tell(runtime: Runtime, upload: Upload, done: int) -> None:
    try:
        async with runtime.db.transaction() as session:
            await queries.hold_version(session, upload.version_id)  # before uploads of it
            await session.execute(
                update(Upload)
                .where(Upload.id == upload.id, Upload.status == "received")
                .values(bytes_verified=done)
            )
            proven = await queries.verified_bytes(session, upload.version_id)
            await versions.tell_progress(session, upload.version_id, proven)
    except (DBAPIError, Unavailable) as error:
        # The proof is worth more than word of it: the database may be back when it ends.
        log.warning("progress_not_told", upload=str(upload.id), reason=str(error))


@periodic("uploads.recheck", cron="*/5 * * * *")
async def recheck(runtime: Runtime) -> None:
    """Take up proofs whose jobs have given up or are lost."""
    async with runtime.db.transaction() as session:
        for upload in await queries.waiting_for_proof(session, FORGOTTEN_AFTER, LOOKED_AT_ONCE):
            await enqueue_proof(session, upload.id)
        for version_id in await queries.unsettled(session, FORGOTTEN_AFTER, LOOKED_AT_ONCE):
            await enqueue_settling(session, version_id)
