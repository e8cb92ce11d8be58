"""Marking a version as not to be used."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.etags import check_if_match
from app.core.problems import Conflict
from app.models import service as models
from app.models.tables import Model
from app.versions.moments import withdrawn
from app.versions.service.drafts import lock_version
from app.versions.service.note import note
from app.versions.service.show import tag_of
from app.versions.tables import Version


async def recall(
    session: AsyncSession, actor: Actor, model: Model, version: Version, reason: str
) -> Version:
    """Mark a version as not to be used, and void what is open for it. It keeps its stage: taking
    it out is a change to that stage, and has its own way."""
    await models.lock(session, model)
    version = await lock_version(session, version.id)
    if version.recalled is not None:
        raise Conflict(f"Version {version.number} was recalled already.")
    at = await clock(session)
    version.recalled = {
        "reason": reason,
        "by": actor.name,
        "at": at.isoformat().replace("+00:00", "Z"),
    }
    version.updated_at = at
    version.revision += 1
    note(session, actor, model, version, "version.recalled", reason=reason)
    await session.flush()
    await withdrawn.tell(session, actor, model, version, f"version {version.number} was recalled")
    return version


async def lift_recall(
    session: AsyncSession, actor: Actor, model: Model, version: Version, if_match: str | None
) -> Version:
    """Let a recalled version be used again."""
    await models.lock(session, model)
    version = await lock_version(session, version.id)
    check_if_match(if_match, tag_of(version))
    if version.recalled is None:
        raise Conflict(f"Version {version.number} is not recalled.")
    was = version.recalled
    version.recalled = None
    version.updated_at = await clock(session)
    version.revision += 1
    note(session, actor, model, version, "version.recall_lifted", was=was)
    await session.flush()
    return version
