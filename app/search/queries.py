"""Every SELECT on models in searches."""

import re
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import visible
from app.core.actor import Actor
from app.models.tables import Counter, Model
from app.search.keyset import Keyset

_LIKE_SPECIAL = re.compile(r"[\\%_]")
_text = func.stageward_model_text(Model.name, Model.description, Model.tags)


def says(words: str) -> ColumnElement[bool]:
    """Whether a model's name, description or tags have these words, in any case."""
    return _text.ilike("%" + _LIKE_SPECIAL.sub(r"\\\g<0>", words) + "%")


async def page_of_models(
    session: AsyncSession,
    actor: Actor,
    conditions: list[ColumnElement[bool]],
    keys: Keyset,
    limit: int,
) -> list[Row[Any]]:
    """Models that the actor can see, with their counters and then the values of the keys: one more
    than `limit`, to tell whether there is a next page."""
    statement = (
        select(Model, Counter, *keys.columns)
        .join(Counter, Counter.model_id == Model.id)
        .where(Model.deleted_at.is_(None), visible(actor, Model.name), *conditions)
        .order_by(*keys.order_by)
        .limit(limit + 1)
    )
    return list(await session.execute(statement))
