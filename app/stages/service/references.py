"""What a reference of a model means, as conditions for the rooms that have the versions."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.stages import queries
from app.stages.queries import (
    AskedColumns,
    Holder,
    aliases_of,
    is_open,
    meant,
    open_tenure,
    resolves,
    stage_named,
    stage_of,
    stages_of_model,
)

__all__ = [
    "AskedColumns",
    "Holder",
    "aliases_of",
    "is_open",
    "is_stage",
    "meant",
    "open_tenure",
    "resolves",
    "stage_named",
    "stage_of",
    "stages_of_model",
]


async def is_stage(session: AsyncSession, model_id: UUID, name: str) -> bool:
    """Whether a model has a stage of this name, in any case; `none` counts."""
    return await queries.has_stage(session, model_id, name.lower())
