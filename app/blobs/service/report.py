"""Telling what the blobs take."""

from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import queries
from app.blobs.queries import Totals
from app.blobs.schemas import StorageReport

__all__ = ["Totals", "report", "totals"]


async def report(session: AsyncSession) -> StorageReport:
    """What all blobs come to, and all files, at one instant."""
    logical_bytes, found = await queries.logical_bytes_and_totals(session)
    referenced = found.stored_bytes - found.unreferenced_bytes
    return StorageReport(
        logical_bytes=logical_bytes, saved_bytes=logical_bytes - referenced, **asdict(found)
    )


async def totals(session: AsyncSession) -> Totals:
    """What all blobs come to, without looking at files: for who asks over and over."""
    return await queries.totals(session)
