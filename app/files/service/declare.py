"""Saying which files a draft is to have."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.files import queries
from app.files.schemas import DeclaredFile
from app.files.service.attach import DEFAULT_MEDIA_TYPE, attach, check_paths, end_uploads
from app.files.tables import Upload
from app.models.tables import Model
from app.versions.service.note import note
from app.versions.tables import Version

UPLOAD_LIFETIME = timedelta(days=7)
PartSize = Callable[[int], int]


async def declare(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    files: list[DeclaredFile],
    part_size_for: PartSize,
) -> None:
    """Attach what is stored already in a version that the actor can read; open an upload for
    everything else. The caller holds the version's lock."""
    await check_paths(session, version, [file.path for file in files])
    present = await queries.readable_blobs(session, actor, {file.sha256 for file in files})
    for file in files:
        await declare_one(session, actor, model, version, file, present, part_size_for)


async def declare_one(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    file: DeclaredFile,
    present: dict[str, int],
    part_size_for: PartSize,
) -> Upload:
    """The upload for a file: completed where the bytes are `present`, the one under way where the
    same bytes are being sent to this path, else a new one in place of what was under way."""
    upload = await queries.upload_under_way(session, version.id, file.path)
    here = present.get(file.sha256) == file.size
    same = upload is not None and (upload.sha256, upload.size) == (file.sha256, file.size)
    if upload is not None and same and not here:
        upload.media_type = file.media_type or upload.media_type
        return upload
    await end_uploads(session, version, file.path, "abandoned")
    media_type = file.media_type or DEFAULT_MEDIA_TYPE
    now = await clock(session)
    upload = Upload(
        version_id=version.id,
        path=file.path,
        size=file.size,
        sha256=file.sha256,
        media_type=media_type,
        part_size=part_size_for(file.size),
        status="completed" if here else "open",
        ended_at=now if here else None,
        cleared_at=now if here else None,
        created_by=actor.name,
        created_by_id=actor.identity_id,
        expires_at=now + UPLOAD_LIFETIME,
    )
    session.add(upload)
    await session.flush()
    if here:
        await attach(
            session,
            actor,
            model,
            version,
            path=file.path,
            sha256=file.sha256,
            size=file.size,
            media_type=media_type,
        )
    else:
        note(
            session,
            actor,
            model,
            version,
            "upload.begun",
            path=file.path,
            sha256=file.sha256,
            size=file.size,
        )
    return upload


async def open_again(session: AsyncSession, actor: Actor, row: Upload) -> None:
    """Put a fresh upload in the place of one whose bytes were not what was declared: the file is
    still missing."""
    fresh = {
        name: getattr(row, name)
        for name in ("version_id", "path", "size", "sha256", "media_type", "part_size")
    }
    version = await session.get_one(Version, row.version_id)
    if await end_uploads(session, version, row.path, "abandoned"):
        session.add(
            Upload(
                **fresh,
                created_by=actor.name,
                created_by_id=actor.identity_id,
                expires_at=await clock(session) + UPLOAD_LIFETIME,
            )
        )
