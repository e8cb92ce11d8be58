"""Saying which files a draft is to have."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.ids import new_id
from app.files import queries
from app.files.schemas import DeclaredFile
from app.files.service.attach import (
    DEFAULT_MEDIA_TYPE,
    Content,
    attach,
    check_paths,
    end_uploads,
    summary,
)
from app.files.service.many import insert_rows
from app.files.tables import Upload
from app.models.tables import Model
from app.versions import service as versions
from app.versions.service.note import note
from app.versions.tables import Version

UPLOAD_LIFETIME = timedelta(days=7)
WRITTEN = (
    "id",
    "version_id",
    "path",
    "size",
    "sha256",
    "media_type",
    "part_size",
    "status",
    "created_by",
    "created_by_id",
    "expires_at",
    "ended_at",
    "cleared_at",
)
GOES_ON = ("open", "received")
PartSize = Callable[[int], int]


async def declare(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    files: Sequence[DeclaredFile],
    part_size_for: PartSize,
) -> list[Upload]:
    """The upload of each file, in their order: completed where the bytes stand in a version that
    the actor can read (then the file is attached), the one under way where the same bytes are on
    their way to this path, else a new one in place of what was under way.

    The caller holds the version's lock. How many statements this takes does not depend on how many
    files there are.
    """
    await check_paths(session, version, [file.path for file in files], "/files/{}/path".format)
    readable = await queries.readable_blobs(session, actor, {file.sha256 for file in files})
    resumed = await _take_up(session, actor, model, version, files)
    now = await clock(session)
    uploads, present, begun = [], [], []
    for file in files:
        goes_on = file.path in resumed
        upload = resumed[file.path] if goes_on else _new(actor, version, file, part_size_for)
        upload.expires_at = now + UPLOAD_LIFETIME
        content = Content(file.path, file.sha256, file.size, file.media_type)
        if readable.get(file.sha256) == file.size:
            upload.status, upload.ended_at = "completed", now
            upload.cleared_at = None if goes_on else now
            present.append(content)
        elif not goes_on:
            begun.append(content)
        uploads.append(upload)
    await session.flush()
    await insert_rows(session, Upload, [_row(u) for u in uploads if u.path not in resumed])
    if present:
        await attach(session, actor, model, version, present)
    if begun:
        await versions.wrote(session, actor, version)  # what the draft is to hold is their choice
        _tell(session, actor, model, version, begun)
    return uploads


async def _take_up(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    version: Version,
    files: Sequence[DeclaredFile],
) -> dict[str, Upload]:
    """What goes on by path, because the same bytes are on their way; everything else is ended."""
    there = await queries.under_way(session, version.id, [file.path for file in files])
    same = {}
    for file in files:
        upload = there.get(file.path)
        if upload is None or upload.status not in GOES_ON:
            continue
        if (upload.sha256, upload.size) == (file.sha256, file.size):
            upload.media_type = file.media_type or upload.media_type
            same[file.path] = upload
    if len(same) < len(there):
        await end_uploads(session, actor, model, version, there.keys() - same.keys())
    return same


def _new(actor: Actor, version: Version, file: DeclaredFile, part_size_for: PartSize) -> Upload:
    return Upload(
        id=new_id(),
        version_id=version.id,
        path=file.path,
        size=file.size,
        sha256=file.sha256,
        media_type=file.media_type or DEFAULT_MEDIA_TYPE,
        part_size=part_size_for(file.size),
        status="open",
        begun=False,
        created_by=actor.name,
        created_by_id=actor.identity_id,
    )


def _row(upload: Upload) -> dict[str, Any]:
    return {name: getattr(upload, name) for name in WRITTEN}


def _tell(
    session: AsyncSession, actor: Actor, model: Model, version: Version, begun: list[Content]
) -> None:
    if len(begun) == 1:
        one = begun[0]
        details: dict[str, object] = {"path": one.path, "sha256": one.sha256, "size": one.size}
        note(session, actor, model, version, "upload.begun", **details)
    else:
        note(session, actor, model, version, "files.declared", **summary(begun))
