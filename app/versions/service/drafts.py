"""Writing into a draft, and the moment at which it is ready."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import Conflict, NotFound
from app.models import service as models
from app.models.tables import Model
from app.versions import queries
from app.versions.problems import VersionIsReady, VersionNotReady
from app.versions.rules import RECIPE_FIELDS, WRITABLE, recipe_digest
from app.versions.service.note import note
from app.versions.tables import Author, Version


async def lock_version(session: AsyncSession, version_id: UUID) -> Version:
    """Hold a version's row, fresh, until the end of the transaction. Lock its model first where
    both are needed."""
    version = await queries.locked(session, version_id)
    if version.deleted_at is not None:
        raise NotFound(f"The version {version.number} was deleted.")
    return version


async def lock_draft(session: AsyncSession, version_id: UUID) -> Version:
    """Hold a version whose content may still change, or the 409 that says why it may not."""
    version = await lock_version(session, version_id)
    _refuse_frozen(version)
    return version


async def lock_ready(session: AsyncSession, model: Model, version_id: UUID, done: str) -> Version:
    """Hold a version that is ready, or the 409 that says why nothing is `done` to it yet."""
    version = await lock_version(session, version_id)
    if version.status != "ready":
        raise VersionNotReady(
            f"Version {version.number} of `{model.name}` is {version.status}. Finalise it first: "
            f"only ready versions are {done}."
        )
    return version


async def check_draft(session: AsyncSession, version_id: UUID) -> None:
    """The same without holding it, before something long begins; it is checked again after."""
    _refuse_frozen(await queries.unlocked(session, version_id))


def _refuse_frozen(version: Version) -> None:
    if version.deleted_at is not None:
        raise NotFound(f"The version {version.number} was deleted.")
    if version.status == "ready":
        raise VersionIsReady(
            f"Version {version.number} is ready: its files and its recipe never change. Register "
            "a new version."
        )
    if version.status not in WRITABLE:
        raise Conflict(
            f"Version {version.number} is {version.status}: its content is being proven. Wait "
            "until it is ready or failed."
        )


async def wrote(session: AsyncSession, actor: Actor, version: Version) -> None:
    """Record that the actor wrote content of a draft: then they do not approve it."""
    row = {
        "version_id": version.id,
        "identity_id": actor.identity_id,
        "name": actor.name,
        "owner_id": actor.owner_id,
    }
    await session.execute(upsert(Author).values(row).on_conflict_do_nothing())


async def make_ready(
    session: AsyncSession,
    actor: Actor | None,
    model: Model,
    version: Version,
    manifest_sha256: str,
) -> None:
    """Freeze a draft whose files are all proven. The caller holds the model's lock and the
    version's, and has set `files_count` and `size`. No actor means the service itself."""
    await session.flush()
    fields: dict[str, Any] = {name: getattr(version, name) for name in RECIPE_FIELDS}
    parents = (await queries.view_of(session, version.id)).parents
    version.recipe_sha256 = recipe_digest(fields, parents)
    version.manifest_sha256 = manifest_sha256
    version.ready_at = version.updated_at = await clock(session)
    version.status = "ready"
    version.failure = version.bytes_verified = version.bytes_to_verify = None
    version.revision += 1
    counter = await models.lock(session, model)
    if counter.latest_ready is None or counter.latest_ready < version.number:
        counter.latest_ready = version.number
        counter.revision += 1
    note(
        session,
        actor,
        model,
        version,
        "version.ready",
        manifest_sha256=manifest_sha256,
        recipe_sha256=version.recipe_sha256,
        files_count=version.files_count,
        size=version.size,
    )
    await session.flush()
