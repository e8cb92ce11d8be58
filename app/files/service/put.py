"""Taking a file in one request, at the client's pace and in constant memory."""

from collections.abc import AsyncIterable

from app.blobs.problems import wrong_digest
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.files import queries
from app.files.service.attach import Content, check_paths
from app.files.service.condition import check_condition
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
    if_match: str | None = None,
) -> tuple[File, bool]:
    """Store a stream and attach it to a path of a draft, in place of what was there; the file, and
    whether the path is new. Nothing is attached where the bytes are not those that were announced.

    All that can be refused without the bytes is refused before the first of them is read.
    """
    async with runtime.db.reading() as session:
        await versions.check_draft(session, target.version.id)
        await check_paths(session, target.version, [path], lambda _: "path")
        check_condition(if_match, await queries.file_at(session, target.version.id, path))
    incoming = new_id()
    proven = await runtime.store.receive(incoming, chunks, size)
    if sha256 is not None and sha256 != proven.sha256:
        await runtime.store.abort(incoming)
        raise wrong_digest(sha256, proven.sha256)
    await adopt(runtime, incoming, proven)
    content = Content(path, proven.sha256, proven.size, media_type)
    return await attach_stored(runtime, actor, target, content, if_match)
