"""What is measured of uploads."""

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.files.tables import Upload


class UnderWay(NamedTuple):
    """How many uploads take bytes (`open`) and wait for their proof (`received`)."""

    open: int
    received: int


async def under_way(session: AsyncSession) -> UnderWay:
    """The uploads that have not ended."""
    uploads = select(func.count()).select_from(Upload)
    statement = select(
        uploads.where(Upload.status == "open").scalar_subquery(),
        uploads.where(Upload.status == "received").scalar_subquery(),
    )
    return UnderWay(*(await session.execute(statement)).one())
