"""Registering a version together with its files."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.files.rules import manifest_digest
from app.files.schemas import VersionRegistration
from app.files.service.declare import PartSize, declare
from app.files.service.finalize import finalize
from app.models.tables import Model
from app.versions import service as versions
from app.versions.service import Draft
from app.versions.tables import Version

OF_NO_FILES = manifest_digest(())


async def register(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    wanted: VersionRegistration,
    part_size_for: PartSize,
) -> Version:
    """Create a draft, declare its files, and make it ready where that is asked: all or nothing."""
    if not wanted.files and not wanted.parents:
        manifest = OF_NO_FILES if wanted.finalize else None
        return await versions.create(session, actor, model, wanted, manifest)
    version = await versions.create(session, actor, model, wanted)
    if wanted.files:
        await declare(session, actor, model, version, wanted.files, part_size_for)
    if wanted.finalize:
        await finalize(session, actor, model, version)
    return version


def draft_of(actor: Actor, model: str, wanted: VersionRegistration) -> Draft | None:
    """What is asked for as one statement can register it; None where it takes more."""
    if wanted.files or wanted.parents:
        return None
    return versions.drafted(actor, model, wanted, OF_NO_FILES if wanted.finalize else None)
