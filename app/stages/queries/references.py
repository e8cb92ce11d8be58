"""What a reference means, and which stages there are."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    ScalarSelect,
    Text,
    Uuid,
    and_,
    case,
    column,
    exists,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.stages.rules import NO_STAGE, Ref, RefKind
from app.stages.tables import Alias, Stage, Tenure

is_open = func.upper_inf(Tenure.held)
# Versions lie in a room above; of their table this room knows what a name needs.
_names = table(
    "versions",
    column("id", Uuid),
    column("model_id", Uuid),
    column("name_key", Text),
    column("deleted_at", DateTime),
)


IN_ORDER = (Stage.position,)
_Own = aliased(Stage)


def in_force(model_id: Any) -> ColumnElement[bool]:
    """The stages of a model: where it has a policy of its own those of that policy, which has them
    all, and else everybody's."""
    own = select(_Own.id).where(_Own.model_id == model_id).correlate_except(_Own)
    return or_(Stage.model_id == model_id, and_(Stage.model_id.is_(None), ~own.exists()))


def holders(model_id: Any, stage: str) -> ScalarSelect[UUID]:
    """The versions that hold a stage now (a subquery)."""
    return (
        select(Tenure.version_id)
        .where(Tenure.model_id == model_id, Tenure.stage == stage, is_open)
        .scalar_subquery()
    )


def _of_name(model_id: Any, name_key: str) -> ScalarSelect[UUID]:
    """The version of a model that has this name (a subquery)."""
    here = (_names.c.model_id == model_id, _names.c.name_key == name_key)
    return select(_names.c.id).where(*here, _names.c.deleted_at.is_(None)).scalar_subquery()


def _is_stage(model_id: Any, name: str) -> ColumnElement[bool]:
    return exists().where(in_force(model_id), Stage.name == name)


def resolves(
    ref: Ref,
    *,
    model_id: Any,
    latest_ready: Any,
    version_id: Any,
    number: Any,
) -> ColumnElement[bool]:
    """The condition that a version is what a reference of its model means.

    The columns are the caller's: this room lies below the one that has the versions. A stage with
    several holders matches several.
    """
    word = ref.value.lower()
    held = func.array(holders(model_id, word))
    match ref.kind:
        case RefKind.NUMBER:
            return number == ref.number  # type: ignore[no-any-return]
        case RefKind.LATEST:
            return number == latest_ready  # type: ignore[no-any-return]
        case RefKind.ALIAS:
            aliased = func.array(
                select(Alias.version_id)
                .where(Alias.model_id == model_id, Alias.name == ref.value)
                .scalar_subquery()
            )
            return version_id == func.any(case((_is_stage(model_id, word), held), else_=aliased))  # type: ignore[no-any-return]
        case RefKind.WORD if word == NO_STAGE:
            return ~exists().where(Tenure.version_id == version_id, is_open)
        case RefKind.WORD:
            # By id in both cases: for "this id or that name" every version would be looked at.
            named = func.array(_of_name(model_id, word))
            return version_id == func.any(func.array_cat(held, named))  # type: ignore[no-any-return]


def stage_of(version_id: Any) -> ScalarSelect[str]:
    """The stage that a version holds now; null for none (a subquery)."""
    return select(Tenure.stage).where(Tenure.version_id == version_id, is_open).scalar_subquery()


def aliases_of(version_id: Any) -> ScalarSelect[list[str]]:
    """The aliases that point at a version, sorted (a subquery)."""
    return (
        select(func.array_agg(aggregate_order_by(Alias.name, Alias.name)))
        .where(Alias.version_id == version_id)
        .scalar_subquery()
    )


async def stages_of_model(session: AsyncSession, model_id: UUID) -> list[Stage]:
    """The stages that a model has, in their order."""
    found = await session.execute(select(Stage).where(in_force(model_id)).order_by(*IN_ORDER))
    return list(found.scalars())


async def has_stage(session: AsyncSession, model_id: UUID, name: str) -> bool:
    """Whether a model has a stage of this name; `none` counts."""
    if name == NO_STAGE:
        return True
    found: bool = (await session.execute(select(_is_stage(model_id, name)))).scalar_one()
    return found
