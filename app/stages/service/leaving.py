"""What a version leaves behind when it is deleted."""

from uuid import UUID

from sqlalchemy import delete, func, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import clock
from app.stages.queries import is_open
from app.stages.tables import Alias, Tenure


async def leave(session: AsyncSession, version_id: UUID) -> None:
    """End the open tenure of a version that is being deleted (only `archived` may be open then)."""
    began = func.lower(Tenure.held)
    at = func.greatest(await clock(session), began + text("interval '1 microsecond'"))
    await session.execute(
        update(Tenure)
        .where(Tenure.version_id == version_id, is_open)
        .values(held=func.tstzrange(began, at))
        .execution_options(synchronize_session=False)
    )


async def drop_aliases(session: AsyncSession, version_id: UUID) -> None:
    """Remove the aliases of a version whose model is purged."""
    await session.execute(delete(Alias).where(Alias.version_id == version_id))
