"""A version whose bytes are being proven, and one whose bytes were not what was declared."""

from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import announce, clock
from app.models.tables import Model
from app.versions.service.note import note
from app.versions.tables import Version


async def begin_verifying(
    session: AsyncSession, actor: Actor, model: Model, version: Version, done: int, total: int
) -> None:
    """Freeze a draft until its bytes are proven, `done` of `total` of them so far. The caller holds
    the version's lock."""
    version.status, version.failure = "verifying", None
    version.bytes_verified, version.bytes_to_verify = done, total
    version.updated_at = await clock(session)
    version.revision += 1
    note(session, actor, model, version, "version.verifying", bytes_to_verify=total)
    await session.flush()


async def tell_progress(session: AsyncSession, version_id: UUID, done: int) -> None:
    """Say how far the proof has come; nothing where the version is not verifying."""
    await session.execute(
        update(Version)
        .where(Version.id == version_id, Version.status == "verifying")
        .values(bytes_verified=done, revision=Version.revision + 1)
        .execution_options(synchronize_session=False)
    )
    announce(session, f"version:{version_id}")


async def make_failed(
    session: AsyncSession, model: Model, version: Version, failure: dict[str, Any]
) -> None:
    """Say which of a version's bytes are not what was declared; replacing them makes it a draft
    again. The caller holds the version's lock."""
    version.status, version.failure = "failed", failure
    version.bytes_verified = version.bytes_to_verify = None
    version.updated_at = await clock(session)
    version.revision += 1
    note(session, None, model, version, "version.failed", failure=failure)
    await session.flush()


def reopen(session: AsyncSession, actor: Actor | None, model: Model, version: Version) -> None:
    """A version that failed is a draft again, because what was wrong with it is being replaced.
    The caller holds the version's lock."""
    if version.status == "failed":
        version.status, version.failure = "draft", None
        version.revision += 1
        note(session, actor, model, version, "version.reopened")
