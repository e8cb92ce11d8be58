"""Every SELECT on models."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.tables import Counter, Model


async def by_name(session: AsyncSession, name: str) -> Model | None:
    """The model of this name, as written; deleted ones count, purged ones do not."""
    return (
        await session.execute(select(Model).where(Model.name == name, Model.purged_at.is_(None)))
    ).scalar_one_or_none()


async def counter_of(session: AsyncSession, model_id: UUID, *, lock: bool = False) -> Counter:
    """The model's counter row, locked until the end of the transaction if asked."""
    statement = select(Counter).where(Counter.model_id == model_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await session.execute(statement)).scalar_one()
