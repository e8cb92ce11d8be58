"""Every SELECT on files and uploads."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Text, Uuid, and_, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.access.service import visible
from app.blobs.tables import Blob
from app.core.actor import Actor
from app.core.db import Sha256
from app.files.tables import File, Upload
from app.models.tables import Model
from app.versions.tables import Version

# What is declared and not attached: the bytes of what was received are whole in the store, and
# those of what was refused are not the declared ones.
UNDER_WAY = ("open", "received", "expired", "refused")
MISSING = ("open", "expired")
UNPROVEN = ("received", "refused")


def one_of(column: InstrumentedAttribute[str], paths: Collection[str]) -> ColumnElement[bool]:
    """That a path is one of these, sent as one parameter however many they are."""
    return column == any_(literal(list(paths), ARRAY(Text)))


async def files_of(session: AsyncSession, version_id: UUID) -> list[File]:
    """A version's files by path, as bytes."""
    statement = select(File).where(File.version_id == version_id).order_by(File.path)
    return list((await session.execute(statement)).scalars())


async def contents_of(session: AsyncSession, version_id: UUID) -> list[tuple[str, str, int]]:
    """(path, sha256, size) of a version's files: all that its manifest says, and no more."""
    statement = select(File.path, File.sha256, File.size).where(File.version_id == version_id)
    return [(row[0], row[1], row[2]) for row in await session.execute(statement)]


async def missing_paths(session: AsyncSession, version_id: UUID) -> list[str]:
    """What is declared for a version and has not arrived, in order."""
    statement = (
        select(Upload.path)
        .where(Upload.version_id == version_id, Upload.status.in_(MISSING))
        .order_by(Upload.path)
    )
    return list((await session.execute(statement)).scalars())


async def unproven(session: AsyncSession, version_id: UUID) -> list[Upload]:
    """What has arrived for a version and is not attached, by path: to be proven, or refused."""
    statement = (
        select(Upload)
        .where(Upload.version_id == version_id, Upload.status.in_(UNPROVEN))
        .order_by(Upload.path)
        .execution_options(populate_existing=True)
    )
    return list((await session.execute(statement)).scalars())


async def hold_version(session: AsyncSession, version_id: UUID) -> None:
    """Hold a version's row, whatever became of it, until the end of the transaction."""
    statement = select(Version.id).where(Version.id == version_id)
    await session.execute(statement.with_for_update(key_share=True))


async def verified_bytes(session: AsyncSession, version_id: UUID) -> int:
    """How many bytes of a version are proven so far: of its files, and of what is being read."""
    reading = (
        select(func.coalesce(func.sum(Upload.bytes_verified), 0))
        .where(Upload.version_id == version_id, Upload.status.in_(UNPROVEN))
        .scalar_subquery()
    )
    statement = select(Version.size + reading).where(Version.id == version_id)
    return int((await session.execute(statement)).scalar_one())


async def upload_in(session: AsyncSession, upload_id: UUID) -> tuple[Upload, Version, Model] | None:
    """An upload as it is now, with its version and model; None where it is gone."""
    statement = (
        select(Upload, Version, Model)
        .join(Version, Version.id == Upload.version_id)
        .join(Model, Model.id == Version.model_id)
        .where(Upload.id == upload_id)
        .execution_options(populate_existing=True)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def version_in(session: AsyncSession, version_id: UUID) -> tuple[Version, Model]:
    """A version and its model."""
    statement = (
        select(Version, Model)
        .join(Model, Model.id == Version.model_id)
        .where(Version.id == version_id)
    )
    row = (await session.execute(statement)).one()
    return row[0], row[1]


async def waiting_for_proof(session: AsyncSession, age: timedelta, limit: int) -> list[Upload]:
    """What was received longer ago than this and is still not proven, oldest first."""
    statement = (
        select(Upload)
        .where(Upload.status == "received", Upload.received_at < func.clock_timestamp() - age)
        .order_by(Upload.received_at)
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def uploads_now(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Upload]:
    """Uploads as they are now, by id."""
    statement = (
        select(Upload)
        .where(Upload.id == any_(literal(list(ids), ARRAY(Uuid))))
        .execution_options(populate_existing=True)
    )
    return {upload.id: upload for upload in (await session.execute(statement)).scalars()}


async def first_try(session: AsyncSession, upload_id: UUID) -> datetime | None:
    """When a job first tried to prove an upload; None where none has failed at it yet."""
    statement = select(Upload.proof_tried_at).where(Upload.id == upload_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def verifying_in(session: AsyncSession, model_id: UUID) -> list[UUID]:
    """The versions of a model whose bytes are being proven."""
    statement = select(Version.id).where(
        Version.model_id == model_id, Version.status == "verifying", Version.deleted_at.is_(None)
    )
    return list((await session.execute(statement)).scalars())


async def unsettled(session: AsyncSession, age: timedelta, limit: int) -> list[UUID]:
    """Versions that have been verifying for longer than this although nothing is left to prove."""
    proving = select(1).where(Upload.version_id == Version.id, Upload.status == "received").exists()
    statement = (
        select(Version.id)
        .join(Model, Model.id == Version.model_id)
        .where(
            Version.status == "verifying",
            Version.deleted_at.is_(None),
            Model.deleted_at.is_(None),
            Version.updated_at < func.clock_timestamp() - age,
            ~proving,
        )
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def under_way(
    session: AsyncSession, version_id: UUID, paths: Collection[str]
) -> dict[str, Upload]:
    """What is declared for these paths of a version and has not arrived, by path, held."""
    statement = (
        select(Upload)
        .where(
            Upload.version_id == version_id,
            one_of(Upload.path, paths),
            Upload.status.in_(UNDER_WAY),
        )
        .with_for_update(key_share=True)
    )
    return {upload.path: upload for upload in (await session.execute(statement)).scalars()}


async def upload_of(session: AsyncSession, version_id: UUID, upload_id: UUID) -> Upload | None:
    """An upload of a version, whatever became of it, fresh."""
    statement = (
        select(Upload)
        .where(Upload.version_id == version_id, Upload.id == upload_id)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def file_at(session: AsyncSession, version_id: UUID, path: str) -> File | None:
    """The file at a path of a version."""
    return (await files_at(session, version_id, [path])).get(path)


async def files_at(
    session: AsyncSession, version_id: UUID, paths: Collection[str]
) -> dict[str, File]:
    """The files at these paths of a version, by path."""
    statement = select(File).where(File.version_id == version_id, one_of(File.path, paths))
    return {file.path: file for file in (await session.execute(statement)).scalars()}


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


async def neighbours(session: AsyncSession, version_id: UUID, paths: Sequence[str]) -> set[str]:
    """Of the paths that a version has or is to have, at least those that could be a folder of one
    of `paths`, or lie in it: for one path only these, for several all."""
    attached = select(File.path).where(File.version_id == version_id)
    declared = select(Upload.path).where(
        Upload.version_id == version_id, Upload.status.in_(UNDER_WAY)
    )
    if len(paths) == 1:
        attached = attached.where(_near(File.path, paths[0]))
        declared = declared.where(_near(Upload.path, paths[0]))
    return set((await session.execute(attached.union(declared))).scalars())


def _near(column: InstrumentedAttribute[str], path: str) -> ColumnElement[bool]:
    parts = path.split("/")
    folders = ["/".join(parts[:end]) for end in range(1, len(parts))]
    # "0" follows "/", so what lies in between, as bytes, is inside of the folder
    return or_(one_of(column, folders), and_(column > f"{path}/", column < f"{path}0"))


async def readable_blobs(
    session: AsyncSession, actor: Actor, digests: Collection[str]
) -> dict[str, int]:
    """{sha256: size} of those blobs that stand in a version this actor can read. Of others nothing
    is told, not even that they exist."""
    stands = (
        select(File.sha256)
        .join(Version, Version.id == File.version_id)
        .join(Model, Model.id == Version.model_id)
        .where(
            File.sha256 == Blob.sha256,
            Blob.doomed_at.is_(None),
            Blob.damage.is_(None),
            Version.deleted_at.is_(None),
            Model.deleted_at.is_(None),
            visible(actor, Model.name),
        )
        .exists()
    )
    statement = select(Blob.sha256, Blob.size).where(
        Blob.sha256 == any_(literal(sorted(digests), ARRAY(Sha256))), stands
    )
    rows = await session.execute(statement)
    return {row.sha256: row.size for row in rows}


async def digests_of(session: AsyncSession, version_id: UUID) -> set[str]:
    """The blobs that a version's files name."""
    statement = select(File.sha256).where(File.version_id == version_id)
    return set((await session.execute(statement)).scalars())


async def overdue(session: AsyncSession, limit: int) -> list[tuple[Upload, Version, Model]]:
    """Open uploads whose time is over, held, the oldest first, but for those that somebody is
    working on at this moment."""
    statement = (
        select(Upload, Version, Model)
        .join(Version, Version.id == Upload.version_id)
        .join(Model, Model.id == Version.model_id)
        .where(Upload.status == "open", Upload.expires_at < func.clock_timestamp())
        .order_by(Upload.expires_at)
        .limit(limit)
        .with_for_update(of=Upload, key_share=True, skip_locked=True)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(statement)]


async def uncleared(session: AsyncSession, limit: int) -> list[Upload]:
    """Ended uploads whose bytes under `incoming/` may still be there, oldest first."""
    statement = (
        select(Upload)
        .where(Upload.status.not_in(("open", "received")), Upload.cleared_at.is_(None))
        .order_by(Upload.ended_at)
        .limit(limit)
    )
    return list((await session.execute(statement)).scalars())


async def is_open(session: AsyncSession, upload_id: UUID) -> bool:
    """Whether an upload of this id may still go on."""
    statement = select(Upload.id).where(
        Upload.id == upload_id, Upload.status.in_(("open", "received"))
    )
    return (await session.execute(statement)).first() is not None
