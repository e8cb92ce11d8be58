"""Which stages a model has, and what stands in the way of having others."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    and_,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.tables import Model
from app.stages.queries.references import in_force, is_open
from app.stages.queries.tenures import versions
from app.stages.tables import Alias, Stage, Tenure

MOST_NAMED = 20
_Own = aliased(Stage)


async def rows_of(session: AsyncSession, model_id: UUID | None) -> dict[str, Stage]:
    """The stages that a model's own policy has made, or everybody's (no model), by name."""
    theirs = Stage.model_id.is_(None) if model_id is None else Stage.model_id == model_id
    return {
        stage.name: stage
        for stage in (await session.execute(select(Stage).where(theirs))).scalars()
    }


async def own_rows(session: AsyncSession) -> list[Stage]:
    """The stages that models' own policies have made, each model's in their order."""
    own = select(Stage).where(Stage.model_id.is_not(None))
    found = await session.execute(own.order_by(Stage.model_id, Stage.position))
    return list(found.scalars())


def kind_of_tenure() -> ScalarSelect[bool]:
    """Whether the stage of a tenure is exclusive by what the model's policy says now; null where
    there is no such stage any more (a subquery)."""
    return (
        select(Stage.exclusive)
        .where(Stage.name == Tenure.stage, in_force(Tenure.model_id))
        .correlate(Tenure)
        .scalar_subquery()
    )


def concerned(model_id: UUID | None, names: set[str]) -> ColumnElement[bool]:
    """The open tenures that a change of some stages is about: of one model, or of every model
    that has everybody's stages."""
    here = and_(is_open, Tenure.stage.in_(names))
    if model_id is not None:
        return and_(here, Tenure.model_id == model_id)
    own = select(_Own.id).where(_Own.model_id == Tenure.model_id)
    return and_(here, ~own.exists())


@dataclass(frozen=True, slots=True)
class HeldStage:
    """A stage of a model with the numbers of versions that hold it, and how many they are."""

    model: str
    stage: str
    numbers: list[int]
    count: int


async def homeless(
    session: AsyncSession, model_id: UUID | None, names: set[str]
) -> list[HeldStage]:
    """What is held although no such stage exists any more."""
    return await _held(session, model_id, names, kind_of_tenure().is_(None), at_least=1)


async def crowded(session: AsyncSession, model_id: UUID | None, names: set[str]) -> list[HeldStage]:
    """What several versions hold although the stage is exclusive now."""
    return await _held(session, model_id, names, kind_of_tenure().is_(True), at_least=2)


async def _held(
    session: AsyncSession,
    model_id: UUID | None,
    names: set[str],
    condition: ColumnElement[bool],
    at_least: int,
) -> list[HeldStage]:
    if not names:
        return []
    number = func.array_agg(versions.c.number)
    found = await session.execute(
        select(Model.name, Tenure.stage, number, func.count())
        .join(versions, versions.c.id == Tenure.version_id)
        .join(Model, Model.id == Tenure.model_id)
        .where(concerned(model_id, names), condition)
        .group_by(Model.name, Tenure.stage)
        .having(func.count() >= at_least)
        .order_by(Model.name, Tenure.stage)
        .limit(MOST_NAMED)
    )
    return [HeldStage(row[0], row[1], sorted(row[2])[:MOST_NAMED], row[3]) for row in found]


@dataclass(frozen=True, slots=True)
class Taken:
    """A name that a stage cannot have, because something of a model has it."""

    model: str
    kind: str
    name: str
    number: int


async def taken(session: AsyncSession, model_id: UUID | None, names: set[str]) -> list[Taken]:
    """The versions and aliases that bear one of these names: of one model, or of every model that
    has everybody's stages."""
    if not names:
        return []
    name_key: ColumnElement[str] = versions.c.name_key
    of_versions: Any = (
        select(Model.name, _word("version"), versions.c.name, versions.c.number)
        .join(Model, Model.id == versions.c.model_id)
        .where(name_key.in_(names), versions.c.deleted_at.is_(None), Model.purged_at.is_(None))
    )
    of_aliases: Any = (
        select(Model.name, _word("alias"), Alias.name, versions.c.number)
        .join(Model, Model.id == Alias.model_id)
        .join(versions, versions.c.id == Alias.version_id)
        .where(func.lower(Alias.name).in_(names), Model.purged_at.is_(None))
    )
    of_which = Model.id == model_id
    if model_id is None:
        of_which = ~select(_Own.id).where(_Own.model_id == Model.id).exists()
    of_versions, of_aliases = of_versions.where(of_which), of_aliases.where(of_which)
    both = of_versions.union_all(of_aliases).subquery()
    found = await session.execute(
        select(both).order_by(both.c[0], both.c[1], both.c[2]).limit(MOST_NAMED)
    )
    return [Taken(*row) for row in found]


def _word(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'").label("kind")


def differs_in_kind() -> ColumnElement[bool]:
    """Whether a tenure is of another kind than its stage."""
    return Tenure.exclusive.is_distinct_from(kind_of_tenure())
