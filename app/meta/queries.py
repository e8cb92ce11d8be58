"""What is measured of the whole service, in one statement."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.tables import Blob
from app.files.tables import Upload


class Counts(NamedTuple):
    """What is there now. `oldest_check_at` is None where no file points at a blob."""

    blobs: int
    bytes: int
    unreferenced_bytes: int
    damaged: int
    oldest_check_at: datetime | None
    open_uploads: int
    received_uploads: int


async def counts(session: AsyncSession) -> Counts:
    """What is there now."""
    in_use = Blob.unreferenced_since.is_(None)
    oldest = select(Blob.checked_at).where(in_use).order_by(Blob.checked_at).limit(1)
    uploads = select(func.count()).select_from(Upload)
    statement = select(
        func.count(),
        cast(func.coalesce(func.sum(Blob.size), 0), BigInteger),
        cast(func.coalesce(func.sum(Blob.size).filter(~in_use), 0), BigInteger),
        func.count(Blob.damage),
        oldest.scalar_subquery(),
        uploads.where(Upload.status == "open").scalar_subquery(),
        uploads.where(Upload.status == "received").scalar_subquery(),
    ).select_from(Blob)
    return Counts(*(await session.execute(statement)).one())
