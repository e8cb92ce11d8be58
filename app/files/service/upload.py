"""Uploads in parts: begin or resume, complete, give up."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.problems import UploadClosed, wrong_digest, wrong_size
from app.blobs.stores.interface import Link, Part
from app.blobs.stores.interface import Upload as StoreUpload
from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import InvalidRequest, NotFound
from app.core.runtime import Runtime
from app.files import queries
from app.files.schemas import FileToUpload
from app.files.service.attach import check_paths
from app.files.service.declare import declare_one, open_again
from app.files.service.keep import adopt, attach_stored, record
from app.files.tables import Upload
from app.versions import service as versions
from app.versions.dependencies import VersionInModel
from app.versions.service.note import note

LINK_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Offer:
    """An upload with what is left to send: (part, link, whether it has arrived)."""

    upload: Upload
    parts: list[tuple[Part, Link, bool]]


async def begin(
    runtime: Runtime, actor: Actor, target: VersionInModel, files: list[FileToUpload]
) -> list[Offer]:
    """Begin what was not begun and resume what was: asking again gives what is left, with fresh
    links."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        await check_paths(session, version, [file.path for file in files])
        present = await queries.readable_blobs(session, actor, {file.sha256 for file in files})
        rows = [
            await declare_one(
                session, actor, target.model, version, file, present, runtime.store.part_size_for
            )
            for file in files
        ]
        for index, (file, row) in enumerate(zip(files, rows, strict=True)):
            _set_part_digests(index, file, row)
    return [await _offer(runtime, row) for row in rows]


def _set_part_digests(index: int, file: FileToUpload, row: Upload) -> None:
    if file.part_sha256 is None or row.status != "open":
        return
    count = len(_as_store_upload(row).parts)
    if len(file.part_sha256) != count:
        raise InvalidRequest(
            "The number of part digests is not the number of parts.",
            errors=[
                {
                    "pointer": f"/files/{index}/part_sha256",
                    "detail": f"This file is sent in {count} parts of {row.part_size} bytes (the "
                    f"last may be shorter); {len(file.part_sha256)} digests came.",
                }
            ],
        )
    row.part_sha256 = list(file.part_sha256)


def _as_store_upload(row: Upload) -> StoreUpload:
    return StoreUpload(id=row.id, size=row.size, part_size=row.part_size, handle=row.store_handle)


async def _offer(runtime: Runtime, row: Upload) -> Offer:
    if row.status != "open":
        return Offer(row, [])
    if not row.begun:
        begun = await runtime.store.begin(row.id, row.size)
        async with runtime.db.transaction() as session:
            await _begun(session, row, begun)
    upload = _as_store_upload(row)
    here = {part.number for part in await runtime.store.parts_present(upload)}
    digests = row.part_sha256 or [None] * len(upload.parts)
    parts = [
        replace(part, sha256=digest) for part, digest in zip(upload.parts, digests, strict=True)
    ]
    links = await runtime.store.link_parts(upload, parts, LINK_LIFETIME)
    return Offer(
        row,
        [(part, link, part.number in here) for part, link in zip(parts, links, strict=True)],
    )


async def _begun(session: AsyncSession, row: Upload, begun: StoreUpload) -> None:
    row.begun, row.store_handle, row.part_size = True, begun.handle, begun.part_size
    await session.execute(
        update(Upload)
        .where(Upload.id == row.id)
        .values(begun=True, store_handle=begun.handle, part_size=begun.part_size)
    )


async def complete(runtime: Runtime, actor: Actor, target: VersionInModel, upload_id: UUID) -> bool:
    """Prove what was sent and attach it; whether it is proven. Completing again is harmless."""
    async with runtime.db.reading() as session:
        row = await _of(session, target, upload_id)
        await versions.check_draft(session, target.version.id)
    if row.status == "completed":
        return True
    if row.status != "open":
        raise UploadClosed(f"The upload was {row.status}. Ask for a new one where it is wanted.")
    if not await _adopted_before(runtime, row):
        await _prove(runtime, actor, row)
    await attach_stored(
        runtime,
        actor,
        target,
        path=row.path,
        sha256=row.sha256,
        size=row.size,
        media_type=row.media_type,
        upload_id=row.id,
    )
    return True


async def _adopted_before(runtime: Runtime, row: Upload) -> bool:
    """Whether the bytes were proven and adopted by a request that was killed before it could
    attach them."""
    if row.proven_at is None or await runtime.store.size(row.sha256) != row.size:
        return False
    await record(runtime, row.sha256, row.size)
    return True


async def _prove(runtime: Runtime, actor: Actor, row: Upload) -> None:
    await runtime.store.complete(_as_store_upload(row))
    proven = await runtime.store.prove(row.id)
    if (proven.size, proven.sha256) == (row.size, row.sha256):
        await adopt(runtime, row.id, proven)
        return
    async with runtime.db.transaction() as session:
        await open_again(session, actor, row)
    await runtime.store.abort(row.id, row.store_handle)
    if proven.size != row.size:
        raise wrong_size(row.size, proven.size)
    raise wrong_digest(row.sha256, proven.sha256)


async def give_up(runtime: Runtime, actor: Actor, target: VersionInModel, upload_id: UUID) -> None:
    """Forget an upload: the file is not declared any more, and what was sent is freed."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        row = await _of(session, target, upload_id)
        if row.status == "completed":
            raise UploadClosed("The upload was completed. Take the file out by its path.")
        if row.status == "open":
            row.status, row.ended_at = "abandoned", await clock(session)
            note(session, actor, target.model, version, "upload.abandoned", path=row.path)
    await runtime.store.abort(row.id, row.store_handle)


async def _of(session: AsyncSession, target: VersionInModel, upload_id: UUID) -> Upload:
    row = await queries.upload_of(session, target.version.id, upload_id)
    if row is None:
        raise NotFound(f"Version {target.version.number} has no upload `{upload_id}`.")
    return row
