"""Making a version ready."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.files import queries
from app.files.problems import FilesMissing
from app.files.rules import manifest_digest
from app.models import service as models
from app.models.tables import Model
from app.versions import service as versions
from app.versions.tables import Version


async def finalize(session: AsyncSession, actor: Actor, model: Model, version: Version) -> Version:
    """Freeze a draft whose files are all here and proven; one that is ready already stays so."""
    await models.lock(session, model)
    version = await versions.lock_version(session, version.id)
    if version.status == "ready":
        return version
    version = await versions.lock_draft(session, version.id)
    missing = await queries.missing_paths(session, version.id)
    if missing:
        raise FilesMissing(
            f"Version {version.number} lacks {len(missing)} of its files: "
            f"{', '.join(missing[:20])}{' …' if len(missing) > 20 else ''}. Send them, or take "
            "them out.",
            extra={"missing": missing[:1000]},
        )
    files = await queries.contents_of(session, version.id)
    version.files_count = len(files)
    version.size = sum(size for _, _, size in files)
    digest = manifest_digest((path, sha256) for path, sha256, _ in files)
    await versions.make_ready(session, actor, model, version, digest)
    return version
