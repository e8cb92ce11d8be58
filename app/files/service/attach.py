"""Attaching files to a draft, and taking them out."""

from collections.abc import Iterable

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import service as blobs
from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import InvalidRequest
from app.files import queries
from app.files.rules import clash
from app.files.tables import File, Upload
from app.models.tables import Model
from app.versions import service as versions
from app.versions.service.note import note
from app.versions.tables import Version

DEFAULT_MEDIA_TYPE = "application/octet-stream"


async def check_paths(session: AsyncSession, version: Version, added: Iterable[str]) -> None:
    """Refuse paths of which one would also be another's folder."""
    found = clash({*await queries.paths_of(session, version.id), *added})
    if found is not None:
        folder, path = found
        raise InvalidRequest(
            f"`{folder}` would be a file and, for `{path}`, a folder. Rename one of them.",
            errors=[{"pointer": "/path", "detail": f"`{folder}` is also a folder of `{path}`."}],
        )


async def attach(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    *,
    path: str,
    sha256: str,
    size: int,
    media_type: str | None,
) -> File:
    """Point a path of a draft at a proven blob, in place of what it pointed at. The caller holds
    the version's lock."""
    await blobs.hold(session, sha256)
    await end_uploads(session, version, path, "abandoned")
    file = await queries.file_at(session, version.id, path)
    was = None
    if file is None:
        version.files_count += 1
        version.size += size
        file = File(version_id=version.id, path=path, added_by=actor.name)
        session.add(file)
    else:
        was = file.sha256
        version.size += size - file.size
    file.sha256, file.size, file.added_by = sha256, size, actor.name
    file.media_type = media_type or DEFAULT_MEDIA_TYPE
    if was != sha256:
        await _changed(session, actor, version)
        note(
            session,
            actor,
            model,
            version,
            "file.attached",
            path=path,
            sha256=sha256,
            size=size,
            replaced=was,
        )
    await session.flush()
    return file


async def detach(
    session: AsyncSession, actor: Actor, model: Model, version: Version, file: File
) -> None:
    """Take a file out of a draft; its blob goes when nothing else names it."""
    await session.delete(file)
    version.files_count -= 1
    version.size -= file.size
    await _changed(session, actor, version)
    note(session, actor, model, version, "file.removed", path=file.path, sha256=file.sha256)
    await session.flush()


async def end_uploads(session: AsyncSession, version: Version, path: str, status: str) -> bool:
    """End what is under way for a path; whether there was anything."""
    ended = await session.execute(
        update(Upload)
        .where(
            Upload.version_id == version.id,
            Upload.path == path,
            Upload.status.in_(queries.UNDER_WAY),
        )
        .values(status=status, ended_at=await clock(session))
        .returning(Upload.id)
        .execution_options(synchronize_session=False)
    )
    return ended.first() is not None


async def _changed(session: AsyncSession, actor: Actor, version: Version) -> None:
    if version.status == "failed":
        version.status, version.failure = "draft", None
    version.updated_at = await clock(session)
    version.revision += 1
    await versions.wrote(session, actor, version)
