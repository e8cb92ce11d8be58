"""Attaching files to a draft, and taking them out."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import SYSTEM
from app.blobs import service as blobs
from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import InvalidRequest
from app.files import queries
from app.files.rules import PATHS_TOLD, clash, manifest_digest, named_twice
from app.files.service.many import insert_rows
from app.files.tables import File, Upload
from app.models.tables import Model
from app.tensors import service as tensors
from app.versions import service as versions
from app.versions.service.note import note
from app.versions.tables import Version

DEFAULT_MEDIA_TYPE = "application/octet-stream"
WRITTEN = ("version_id", "path", "sha256", "size", "media_type", "added_by")
Pointer = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Content:
    """Proven bytes for a path. No media type leaves that of the same bytes as it was."""

    path: str
    sha256: str
    size: int
    media_type: str | None


@dataclass(frozen=True, slots=True)
class _Change:
    content: Content
    replaced: dict[str, object] | None


async def check_paths(
    session: AsyncSession, version: Version, added: Sequence[str], pointer: Pointer
) -> None:
    """Refuse a path that is named twice, or that would also be another's folder. `pointer` says
    where in the request a path stands."""
    twice = named_twice(added)
    if twice is not None:
        raise _refused(f"`{added[twice]}` is named twice. Name each path once.", pointer(twice))
    found = clash({*await queries.neighbours(session, version.id, added), *added})
    if found is not None:
        folder, path = found
        at = added.index(path if path in added else folder)
        detail = f"`{folder}` would be a file and, for `{path}`, a folder. Rename one of them."
        raise _refused(detail, pointer(at))


def _refused(detail: str, pointer: str) -> InvalidRequest:
    return InvalidRequest(detail, errors=[{"pointer": pointer, "detail": detail}])


async def attach(
    session: AsyncSession,
    actor: Actor | None,
    model: Model,
    version: Version,
    contents: Sequence[Content],
    *,
    added_by: str | None = None,
) -> dict[str, File]:
    """Point paths of a draft at proven blobs, in place of what they pointed at; the files by path.

    The caller holds the version's lock, and has ended what was under way for the paths. No actor
    means the service itself, for somebody (`added_by`) who was recorded as an author before."""
    files = await queries.files_at(session, version.id, [content.path for content in contents])
    leaving = {file.sha256 for file in files.values()}
    by = added_by or (SYSTEM if actor is None else actor.name)
    await blobs.hold(session, {content.sha256 for content in contents}, leaving)
    changes = [
        change
        for content in contents
        if (change := _point(by, version, files, content)) is not None
    ]
    new = [change.content.path for change in changes if change.replaced is None]
    await session.flush()
    await insert_rows(session, File, [_row(files[path]) for path in new])
    if changes:
        await _changed(session, actor, model, version)
        _tell(session, actor, model, version, changes)
    await tensors.expect(session, {each.sha256 for each in contents if tensors.is_named(each.path)})
    await session.flush()
    return files


def _row(file: File) -> dict[str, Any]:
    return {name: getattr(file, name) for name in WRITTEN}


def _point(
    added_by: str, version: Version, files: dict[str, File], content: Content
) -> _Change | None:
    """Point one path at its blob; None where it points at it already, under that media type."""
    file, media_type = files.get(content.path), content.media_type or DEFAULT_MEDIA_TYPE
    replaced: dict[str, object] | None = None
    if file is None:
        file = files[content.path] = File(version_id=version.id, path=content.path)
        version.files_count += 1
        version.size += content.size
    else:
        if file.sha256 == content.sha256 and content.media_type in (None, file.media_type):
            return None
        replaced = {"sha256": file.sha256, "size": file.size, "media_type": file.media_type}
        version.size += content.size - file.size
    file.sha256, file.size, file.media_type = content.sha256, content.size, media_type
    file.added_by = added_by
    return _Change(content, replaced)


def _tell(
    session: AsyncSession,
    actor: Actor | None,
    model: Model,
    version: Version,
    changes: list[_Change],
) -> None:
    """One event for one call."""
    if len(changes) == 1:
        one, replaced = changes[0].content, changes[0].replaced
        details: dict[str, object] = {
            "path": one.path,
            "sha256": one.sha256,
            "size": one.size,
            "media_type": one.media_type or DEFAULT_MEDIA_TYPE,
            "replaced": replaced,
        }
        note(session, actor, model, version, "file.attached", **details)
        return
    replaced_count = sum(change.replaced is not None for change in changes)
    told = summary([change.content for change in changes])
    note(session, actor, model, version, "files.attached", replaced=replaced_count, **told)


def summary(contents: Sequence[Content]) -> dict[str, object]:
    """What an event tells of many files: how many and large, the first paths, and the digest of
    the lines that `sha256sum` prints for all of them."""
    return {
        "count": len(contents),
        "size": sum(content.size for content in contents),
        "paths": [content.path for content in contents[:PATHS_TOLD]],
        "files_sha256": manifest_digest((content.path, content.sha256) for content in contents),
    }


async def detach(
    session: AsyncSession, actor: Actor, model: Model, version: Version, file: File
) -> None:
    """Take a file out of a draft; its blob goes when nothing else names it."""
    await session.delete(file)
    version.files_count -= 1
    version.size -= file.size
    await _changed(session, actor, model, version)
    note(session, actor, model, version, "file.removed", path=file.path, sha256=file.sha256)
    await session.flush()


async def end_uploads(
    session: AsyncSession, actor: Actor, model: Model, version: Version, paths: Collection[str]
) -> list[str]:
    """Abandon what is under way for these paths; for which of them there was something. A version
    that failed is a draft again."""
    ended = await session.execute(
        update(Upload)
        .where(
            Upload.version_id == version.id,
            queries.one_of(Upload.path, paths),
            Upload.status.in_(queries.UNDER_WAY),
        )
        .values(status="abandoned", ended_at=await clock(session))
        .returning(Upload.path)
        .execution_options(synchronize_session=False)
    )
    paths_ended = sorted(ended.scalars())
    if paths_ended:
        versions.reopen(session, actor, model, version)
    return paths_ended


async def _changed(
    session: AsyncSession, actor: Actor | None, model: Model, version: Version
) -> None:
    versions.reopen(session, actor, model, version)
    version.updated_at = await clock(session)
    version.revision += 1
    if actor is not None:
        await versions.wrote(session, actor, version)
