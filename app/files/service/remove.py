"""Taking a file out of a draft."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.problems import NotFound
from app.files import queries
from app.files.rules import is_path
from app.files.service.attach import detach, end_uploads
from app.files.service.condition import check_condition
from app.versions import service as versions
from app.versions.dependencies import VersionInModel
from app.versions.service.note import note


async def remove(
    session: AsyncSession,
    actor: Actor,
    target: VersionInModel,
    path: str,
    if_match: str | None = None,
) -> None:
    """Take out a file of a draft, and the declaration of one that has not arrived."""
    version = await versions.lock_draft(session, target.version.id)
    file, ended = None, []
    if is_path(path):
        file = await queries.file_at(session, version.id, path)
        ended = await end_uploads(session, actor, target.model, version, [path])
    if file is None and not ended:
        raise NotFound(f"Version {version.number} has no file `{path[:200]}`.")
    check_condition(if_match, file)
    if ended:
        note(session, actor, target.model, version, "upload.abandoned", path=path)
    if file is not None:
        await detach(session, actor, target.model, version, file)
