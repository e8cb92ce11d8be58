"""Every SELECT on files and uploads."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import visible
from app.blobs.tables import Blob
from app.core.actor import Actor
from app.files.tables import File, Upload
from app.models.tables import Model
from app.versions.tables import Version

UNDER_WAY = ("open", "expired")


async def files_of(session: AsyncSession, version_id: UUID) -> list[File]:
    """A version's files by path, as bytes."""
    statement = select(File).where(File.version_id == version_id).order_by(File.path)
    return list((await session.execute(statement)).scalars())


async def missing_files(session: AsyncSession, version_id: UUID) -> list[Upload]:
    """What is declared for a version and has not arrived, by path."""
    statement = (
        select(Upload)
        .where(Upload.version_id == version_id, Upload.status.in_(UNDER_WAY))
        .order_by(Upload.path)
    )
    return list((await session.execute(statement)).scalars())


async def upload_under_way(session: AsyncSession, version_id: UUID, path: str) -> Upload | None:
    """The upload of a path that is open."""
    statement = select(Upload).where(
        Upload.version_id == version_id, Upload.path == path, Upload.status == "open"
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def upload_of(session: AsyncSession, version_id: UUID, upload_id: UUID) -> Upload | None:
    """An upload of a version, whatever became of it."""
    statement = select(Upload).where(Upload.version_id == version_id, Upload.id == upload_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def file_at(session: AsyncSession, version_id: UUID, path: str) -> File | None:
    """The file at a path of a version."""
    statement = select(File).where(File.version_id == version_id, File.path == path)
    return (await session.execute(statement)).scalar_one_or_none()


async def page(
    session: AsyncSession, version_id: UUID, after: str | None, limit: int
) -> list[File]:
    """A version's files by path, and one more than `limit`."""
    statement = (
        select(File).where(File.version_id == version_id).order_by(File.path).limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(File.path > after)
    return list((await session.execute(statement)).scalars())


async def paths_of(session: AsyncSession, version_id: UUID) -> set[str]:
    """The paths that a version has or is to have."""
    attached = select(File.path).where(File.version_id == version_id)
    declared = select(Upload.path).where(
        Upload.version_id == version_id, Upload.status.in_(UNDER_WAY)
    )
    return set((await session.execute(attached.union(declared))).scalars())


async def readable_blobs(session: AsyncSession, actor: Actor, digests: set[str]) -> dict[str, int]:
    """{sha256: size} of those blobs that stand in a version this actor can read, held so that no
    sweep takes them before the transaction ends. Of others nothing is told, not even that they
    exist."""
    if not digests:
        return {}
    stands = (
        select(File.sha256)
        .join(Version, Version.id == File.version_id)
        .join(Model, Model.id == Version.model_id)
        .where(
            File.sha256 == Blob.sha256,
            Blob.doomed_at.is_(None),
            Version.deleted_at.is_(None),
            Model.deleted_at.is_(None),
            visible(actor, Model.name),
        )
        .exists()
    )
    statement = (
        select(Blob.sha256, Blob.size)
        .where(Blob.sha256.in_(digests), stands)
        .order_by(Blob.sha256)
        .with_for_update(key_share=True, of=Blob)
    )
    rows = await session.execute(statement)
    return {row.sha256: row.size for row in rows}


async def uncleared(session: AsyncSession, limit: int) -> list[Upload]:
    """Ended uploads whose bytes under `incoming/` may still be there, oldest first."""
    statement = (
        select(Upload)
        .where(Upload.status != "open", Upload.cleared_at.is_(None))
        .order_by(Upload.ended_at)
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def is_open(session: AsyncSession, upload_id: UUID) -> bool:
    """Whether an upload of this id may still go on."""
    statement = select(Upload.id).where(Upload.id == upload_id, Upload.status == "open")
    return (await session.execute(statement)).first() is not None
