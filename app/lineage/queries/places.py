"""A version as lineage shows it, and which versions an actor may come upon."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import visible
from app.core.actor import Actor
from app.models.tables import Model
from app.stages.rules import ARCHIVED, NO_STAGE
from app.stages.service import is_open, stage_of
from app.stages.tables import Tenure
from app.versions.tables import Parent, Version


@dataclass(frozen=True, slots=True)
class Place:
    """A version, and what one wants to know of it before one looks at it."""

    id: UUID
    model: str
    number: int
    name: str | None
    status: str
    stage: str
    recalled: bool
    datasets: list[dict[str, Any]]
    created_at: Any


def places() -> Select[Any]:
    """The columns of `Place`, of versions with their models; the caller says which."""
    return select(
        Version.id,
        Model.name.label("model"),
        Version.number,
        Version.name,
        Version.status,
        func.coalesce(stage_of(Version.id), NO_STAGE).label("stage"),
        Version.recalled.is_not(None).label("recalled"),
        Version.datasets,
        Version.created_at,
    ).join(Model, Model.id == Version.model_id)


def seen(actor: Actor) -> ColumnElement[bool]:
    """That a version is there and that the actor may see it. What is hidden is not passed either:
    a way through it would tell of it."""
    return and_(
        Version.deleted_at.is_(None), Model.deleted_at.is_(None), visible(actor, Model.name)
    )


def held(stage: str | None, *, every: bool) -> list[ColumnElement[bool]]:
    """The condition on the stage of a version: this one or, where none is asked for, any but
    `archived`; `every` takes those in no stage as well."""
    now = exists().where(Tenure.version_id == Version.id, is_open)
    if stage == NO_STAGE:
        return [~now]
    if stage is not None:
        return [now.where(Tenure.stage == stage)]
    return [] if every else [now.where(Tenure.stage != ARCHIVED)]


def fact_key(field: str, value: str) -> ColumnElement[int]:
    """The key of the fact that a version has this text in this field (migration 0009)."""
    name = func.hashtextextended(literal(field, Text), literal(0, BigInteger))
    return func.hashtextextended(literal(value, Text), name, type_=BigInteger)


async def some(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> list[Place]:
    """These versions, as far as the actor may see them."""
    among = Version.id == func.any(literal(list(ids), ARRAY(Uuid)))
    rows = await session.execute(places().where(among, seen(actor)))
    return [Place(*row) for row in rows]


async def edges(session: AsyncSession, ids: Sequence[UUID], limit: int) -> list[tuple[UUID, UUID]]:
    """(parent, child) where both are among these versions, each child's parents in order."""
    among = func.any(literal(list(ids), ARRAY(Uuid)))
    statement = (
        select(Parent.parent_id, Parent.version_id)
        .where(Parent.version_id == among, Parent.parent_id == among)
        .order_by(Parent.version_id, Parent.position)
        .limit(limit)
    )
    return [(parent, child) for parent, child in await session.execute(statement)]
