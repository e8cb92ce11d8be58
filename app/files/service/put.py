"""Taking a file in one request, at the client's pace and in constant memory."""

from collections.abc import AsyncIterable

from app.blobs.problems import wrong_digest
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.files.rules import check_path
from app.files.service.attach import check_paths
from app.files.service.keep import adopt, attach_stored
from app.files.tables import File
from app.versions import service as versions
from app.versions.dependencies import VersionInModel


async def put(
    runtime: Runtime,
    actor: Actor,
    target: VersionInModel,
    path: str,
    chunks: AsyncIterable[bytes],
    *,
    size: int | None,
    sha256: str | None,
    media_type: str | None,
) -> File:
    """Store a stream and attach it to a path of a draft, in place of what was there. Nothing is
    attached where the bytes are not those that were announced."""
    async with runtime.db.transaction() as session:
        version = await versions.lock_draft(session, target.version.id)
        await check_paths(session, version, [check_path(path)])
    incoming = new_id()
    proven = await runtime.store.receive(incoming, chunks, size)
    if sha256 is not None and sha256 != proven.sha256:
        await runtime.store.abort(incoming)
        raise wrong_digest(sha256, proven.sha256)
    await adopt(runtime, incoming, proven)
    return await attach_stored(
        runtime,
        actor,
        target,
        path=path,
        sha256=proven.sha256,
        size=proven.size,
        media_type=media_type,
    )
