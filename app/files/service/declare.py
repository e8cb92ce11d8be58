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
from app.versions.tables import Version

UPLOAD_DAYS = 7
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
    expires_at = await clock(session) + timedelta(days=UPLOAD_DAYS)
    for file in files:
        if present.get(file.sha256) == file.size:
            await attach(
                session,
                actor,
                model,
                version,
                path=file.path,
                sha256=file.sha256,
                size=file.size,
                media_type=file.media_type,
            )
            continue
        await end_uploads(session, version, file.path, "abandoned")
        session.add(
            Upload(
                version_id=version.id,
                path=file.path,
                size=file.size,
                sha256=file.sha256,
                media_type=file.media_type or DEFAULT_MEDIA_TYPE,
                part_size=part_size_for(file.size),
                created_by=actor.name,
                created_by_id=actor.identity_id,
                expires_at=expires_at,
            )
        )
        await session.flush()
