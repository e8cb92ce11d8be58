"""Every SELECT on models."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.tables import Counter, Model


async def by_name(session: AsyncSession, name: str) -> Model | None:
    """The model of this name, as written; deleted ones count, purged ones do not."""
    return (
        await session.execute(select(Model).where(Model.name == name, Model.purged_at.is_(None)))
    ).scalar_one_or_none()


# Held together by all who hold a model, and alone by whoever changes what holds for every model.
EVERY_MODEL = 0x5354_4147_4557_4D53  # "STAGEWMS"


async def counter_of(session: AsyncSession, model_id: UUID) -> Counter:
    """The model's counter row as it is now."""
    return (await session.execute(select(Counter).where(Counter.model_id == model_id))).scalar_one()


async def lock_counter(session: AsyncSession, model_id: UUID) -> Counter:
    """The model's counter row, held until the end of the transaction; with it, in one round trip,
    a share in the lock on all models."""
    share = func.pg_advisory_xact_lock_shared(EVERY_MODEL)
    statement = select(Counter, share).where(Counter.model_id == model_id).with_for_update()
    found = await session.execute(statement.execution_options(populate_existing=True))
    counter: Counter = found.scalar_one()
    return counter


async def lock_every_model(session: AsyncSession) -> None:
    """Wait until nobody holds a model, and hold them all until the end of the transaction."""
    await session.execute(select(func.pg_advisory_xact_lock(EVERY_MODEL)))


async def with_counter(session: AsyncSession, model_id: UUID) -> tuple[Model, Counter]:
    """A model and its counter as they are at one instant."""
    statement = (
        select(Model, Counter)
        .join(Counter, Counter.model_id == Model.id)
        .where(Model.id == model_id)
        .execution_options(populate_existing=True)
    )
    model, counter = (await session.execute(statement)).one()
    return model, counter
