"""Telling what the blobs take."""

from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs import queries
from app.blobs.schemas import StorageReport


async def report(session: AsyncSession) -> StorageReport:
    """What all blobs come to, at one instant."""
    found = await queries.totals(session)
    referenced = found.stored_bytes - found.unreferenced_bytes
    return StorageReport(saved_bytes=found.logical_bytes - referenced, **asdict(found))
