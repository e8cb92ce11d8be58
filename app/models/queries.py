"""Every SELECT on models."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import visible
from app.core.actor import Actor
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
