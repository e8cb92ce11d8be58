"""What a reference means, and which stages there are."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
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
    column("number", Integer),
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


# More than one is ambiguous, however many there are: a stage like `archived` may have thousands.
_TWO = 2


def holders(model_id: Any, stage: Any) -> ScalarSelect[UUID]:
    """Versions that hold a stage now, two at most (a subquery)."""
    return (
        select(Tenure.version_id)
        .join(_names, _names.c.id == Tenure.version_id)
        .where(Tenure.model_id == model_id, Tenure.stage == stage, is_open)
        .where(_names.c.deleted_at.is_(None))
        .limit(_TWO)
        .correlate_except(Tenure, _names)
        .scalar_subquery()
    )


def _of_name(model_id: Any, name_key: Any) -> ScalarSelect[UUID]:
    """The version of a model that has this name (a subquery)."""
    return _id_where(model_id, _names.c.name_key == name_key)


def _in_no_stage(model_id: Any) -> ScalarSelect[UUID]:
    """Versions that hold no stage, two at most (a subquery)."""
    return _id_where(model_id, ~exists().where(Tenure.version_id == _names.c.id, is_open))


def _id_where(model_id: Any, condition: ColumnElement[bool]) -> ScalarSelect[UUID]:
    return (
        select(_names.c.id)
        .where(_names.c.model_id == model_id, _names.c.deleted_at.is_(None), condition)
        .limit(_TWO)
        .correlate_except(_names)
        .scalar_subquery()
    )


def _aliased(model_id: Any, name: Any) -> ScalarSelect[UUID]:
    """The version that an alias points at (a subquery)."""
    here = (Alias.model_id == model_id, Alias.name == name)
    return select(Alias.version_id).where(*here).correlate_except(Alias).scalar_subquery()


def _is_stage(model_id: Any, name: Any) -> ColumnElement[bool]:
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
    match ref.kind:
        case RefKind.NUMBER:
            return number == ref.number  # type: ignore[no-any-return]
        case RefKind.LATEST:
            return number == latest_ready  # type: ignore[no-any-return]
        case RefKind.ALIAS:
            return version_id == func.any(_of_alias(model_id, ref.value, word))  # type: ignore[no-any-return]
        case RefKind.WORD if word == NO_STAGE:
            return ~exists().where(Tenure.version_id == version_id, is_open)
        case RefKind.WORD:
            return version_id == func.any(_of_word(model_id, word))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class AskedColumns:
    """References as rows: what `parse_ref` says of each. `word` is the value in lower case."""

    kind: Any
    value: Any
    word: Any
    number: Any


def meant(asked: AskedColumns, *, model_id: Any, latest_ready: Any) -> ColumnElement[list[UUID]]:
    """The ids of what a reference means, the same as `resolves` for references that are rows: of
    those that are not deleted, and two at most. Every way to them is a walk along an index."""
    kind, word = asked.kind, asked.word
    found: ColumnElement[list[UUID]] = case(
        (kind == RefKind.NUMBER.value, _with_number(model_id, asked.number)),
        (kind == RefKind.LATEST.value, _with_number(model_id, latest_ready)),
        (kind == RefKind.ALIAS.value, _of_alias(model_id, asked.value, word)),
        (word == NO_STAGE, func.array(_in_no_stage(model_id))),
        else_=_of_word(model_id, word),
    )
    return found


def _with_number(model_id: Any, number: Any) -> ColumnElement[Any]:
    return func.array(_id_where(model_id, _names.c.number == number))


def _of_alias(model_id: Any, name: Any, word: Any) -> ColumnElement[Any]:
    """An alias that bears a stage's name means that stage's holder."""
    held, aliased = func.array(holders(model_id, word)), func.array(_aliased(model_id, name))
    return case((_is_stage(model_id, word), held), else_=aliased)


def _of_word(model_id: Any, word: Any) -> ColumnElement[Any]:
    # By id in both cases: for "this id or that name" every version would be looked at.
    held, named = func.array(holders(model_id, word)), func.array(_of_name(model_id, word))
    return func.array_cat(held, named)


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
