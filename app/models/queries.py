"""Every SELECT on models."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import visible
from app.core.actor import Actor
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


async def page(
    session: AsyncSession,
    actor: Actor,
    *,
    terms: list[tuple[str, str]],
    q: str | None,
    after: str | None,
    limit: int,
) -> list[Row[tuple[Model, Counter]]]:
    """Models that the actor can see with their counters, by name: one more than `limit`, to tell
    whether there is a next page."""
    statement = (
        select(Model, Counter)
        .join(Counter, Counter.model_id == Model.id)
        .where(Model.deleted_at.is_(None), visible(actor, Model.name), *map(_equals, terms))
        .order_by(Model.name)
        .limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(Model.name > after)
    if q:
        statement = statement.where(
            or_(
                *(
                    column.icontains(q, autoescape=True)
                    for column in (Model.name, Model.description, cast(Model.tags, Text))
                )
            )
        )
    return list(await session.execute(statement))


def _equals(term: tuple[str, str]) -> Any:
    field, value = term
    if field == "name":
        return Model.name == value
    return Model.tags.contains({field.removeprefix("tags."): value})
