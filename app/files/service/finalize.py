"""Making a version ready: at once where its bytes are proven, else once they are."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.queue import enqueue, task
from app.core.runtime import Runtime
from app.files import queries
from app.files.problems import FilesMissing
from app.files.rules import failure_of, manifest_digest
from app.files.tables import Upload
from app.models import service as models
from app.models.moments import restored
from app.models.tables import Model
from app.versions import service as versions
from app.versions.tables import Version


async def finalize(session: AsyncSession, actor: Actor, model: Model, version: Version) -> Version:
    """Freeze a draft whose files are all here: `ready` where they are proven, else `verifying`
    until they are. One that is ready or verifying already stays so."""
    await models.lock(session, model)
    version = await versions.lock_version(session, version.id)
    if version.status in ("ready", "verifying"):
        return version
    version = await versions.lock_draft(session, version.id)
    await _refuse_missing(session, version)
    unproven = await queries.unproven(session, version.id)
    if unproven:
        await _verify(session, actor, model, version, unproven)
    else:
        await _freeze(session, actor, model, version)
    return version


async def _refuse_missing(session: AsyncSession, version: Version) -> None:
    missing = await queries.missing_paths(session, version.id)
    if missing:
        raise FilesMissing(
            f"Version {version.number} lacks {len(missing)} of its files: "
            f"{', '.join(missing[:20])}{' …' if len(missing) > 20 else ''}. Send them, or take "
            "them out.",
            extra={"missing": missing[:1000]},
        )


async def _verify(
    session: AsyncSession, actor: Actor, model: Model, version: Version, unproven: Sequence[Upload]
) -> None:
    done = version.size + sum(upload.bytes_verified for upload in unproven)
    total = version.size + sum(upload.size for upload in unproven)
    await versions.begin_verifying(session, actor, model, version, done, total)
    await enqueue_settling(session, version.id)


async def _freeze(
    session: AsyncSession, actor: Actor | None, model: Model, version: Version
) -> None:
    files = await queries.contents_of(session, version.id)
    version.files_count = len(files)
    version.size = sum(size for _, _, size in files)
    digest = manifest_digest((path, sha256) for path, sha256, _ in files)
    await versions.make_ready(session, actor, model, version, digest)


async def settle(runtime: Runtime, version_id: UUID) -> None:
    """End the verifying of a version once nothing of it is left to prove: `ready`, or `failed`
    where other bytes came. One whose model is deleted waits for its return."""
    async with runtime.db.transaction() as session:
        version, model = await queries.version_in(session, version_id)
        await models.lock_any(session, model)
        await session.refresh(model)
        await session.refresh(version, with_for_update=True)
        if version.status != "verifying" or version.deleted_at or model.deleted_at:
            return
        unproven = await queries.unproven(session, version.id)
        if any(upload.status == "received" for upload in unproven):
            return
        if unproven:
            await versions.make_failed(
                session,
                model,
                version,
                failure_of([(u.path, u.sha256, u.size, u.found) for u in unproven]),
            )
        else:
            await _freeze(session, None, model, version)


@restored.subscribe
async def settle_restored(session: AsyncSession, model: Model) -> None:
    """What was proven while a model was deleted is settled when it returns."""
    for version_id in await queries.verifying_in(session, model.id):
        await enqueue_settling(session, version_id)


@task("versions.settle")
async def settle_later(runtime: Runtime, *, version_id: str) -> None:
    """See whether a version that is verifying is ready or failed by now."""
    await settle(runtime, UUID(version_id))


async def enqueue_settling(session: AsyncSession, version_id: UUID) -> None:
    """Have a job look at a version that is verifying."""
    key = f"settle:{version_id}"
    await enqueue(session, settle_later, args={"version_id": str(version_id)}, queueing_lock=key)
