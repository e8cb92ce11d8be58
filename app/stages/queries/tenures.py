"""Who holds a stage, held it, and how it changed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Text,
    Uuid,
    and_,
    case,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.stages.queries.references import IN_ORDER, in_force, is_open
from app.stages.tables import Rollback, Stage, Tenure, Transition

MOST_COUNTED = 10_000  # counting takes time for each; beyond this nobody reads the number

# The columns of a version that this room reads or counts up. Its ORM class lies in a room above.
versions = table(
    "versions",
    column("id", Uuid),
    column("model_id", Uuid),
    column("number", Integer),
    column("name", Text),
    column("name_key", Text),
    column("status", Text),
    column("recalled", JSONB(none_as_null=True)),
    column("deleted_at", DateTime(timezone=True)),
    column("revision", Integer),
    column("overridden", Boolean),
)


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """A version, as far as stages and aliases care."""

    id: UUID
    number: int
    name: str | None
    status: str
    recalled: bool
    deleted: bool


_named = (
    versions.c.id,
    versions.c.number,
    versions.c.name,
    versions.c.status,
    versions.c.recalled.is_not(None),
    versions.c.deleted_at.is_not(None),
)


async def lock_version(
    session: AsyncSession, model_id: UUID, ref: int | str
) -> NamedVersion | None:
    """The version of a number or a name, deleted or not, held until the end of the transaction."""
    named = versions.c.number == ref
    if isinstance(ref, str):
        named = and_(versions.c.name_key == ref.lower(), versions.c.deleted_at.is_(None))
    statement = select(*_named).where(versions.c.model_id == model_id, named).with_for_update()
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else NamedVersion(*row)


async def stage_named(session: AsyncSession, model_id: UUID, name: str) -> Stage | None:
    """The stage of this name that a model has."""
    found = await session.execute(
        select(Stage)
        .where(in_force(model_id), Stage.name == name)
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def was_exclusive(session: AsyncSession, model_id: UUID, name: str) -> bool | None:
    """Whether a stage that a model once had was exclusive when it was entered last; None where
    nothing ever held it."""
    found = await session.execute(
        select(Tenure.exclusive)
        .where(Tenure.model_id == model_id, Tenure.stage == name)
        .order_by(func.lower(Tenure.held).desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Holder:
    """A version that holds or held a stage, and the cause that brought it there."""

    stage: str
    version_id: UUID
    number: int
    name: str | None
    since: datetime
    until: datetime | None
    promotion: UUID | None
    rollback: UUID | None
    overridden: bool


_holder = (
    Tenure.stage,
    Tenure.version_id,
    versions.c.number,
    versions.c.name,
    func.lower(Tenure.held),
    func.upper(Tenure.held),
    Tenure.promotion_id,
    Tenure.rollback_id,
    Tenure.overridden,
)


async def open_tenure(session: AsyncSession, version_id: UUID) -> Holder | None:
    """The stage that a version holds now, since when and why; None for none."""
    found = await session.execute(
        select(*_holder)
        .join(versions, versions.c.id == Tenure.version_id)
        .where(Tenure.version_id == version_id, is_open)
    )
    row = found.one_or_none()
    return None if row is None else Holder(*row)


async def holders_now(
    session: AsyncSession, model_id: UUID, stage: str, limit: int
) -> tuple[list[Holder], int]:
    """Who holds a stage, newest versions first and at most so many, and how many there are."""
    here = (Tenure.model_id == model_id, Tenure.stage == stage, is_open)
    found = await session.execute(
        select(*_holder)
        .join(versions, versions.c.id == Tenure.version_id)
        .where(*here)
        .order_by(Tenure.version_id.desc())
        .limit(limit)
    )
    holding = [Holder(*row) for row in found]
    if len(holding) < limit:
        return holding, len(holding)
    counted = select(literal(1)).where(*here).limit(MOST_COUNTED).subquery()
    statement = select(func.count()).select_from(counted)
    count: int = (await session.execute(statement)).scalar_one()
    return holding, count


@dataclass(slots=True)
class StageView:
    """A stage with its holders, the newest versions first, and how many there are."""

    stage: Stage
    count: int
    holders: list[Holder]


async def stages_with_holders(session: AsyncSession, model_id: UUID, limit: int) -> list[StageView]:
    """The stages of a model in their order, each with at most so many holders, in one statement."""
    here = (Tenure.model_id == model_id, Tenure.stage == Stage.name, is_open)
    holding = (
        select(*_holder)
        .join(versions, versions.c.id == Tenure.version_id)
        .where(*here)
        .order_by(Tenure.version_id.desc())
        .limit(limit)
        .correlate(Stage)
        .lateral()
    )
    counted = select(literal(1)).where(*here).limit(MOST_COUNTED).correlate(Stage).subquery()
    count = select(func.count()).select_from(counted).correlate(Stage).scalar_subquery()
    found = await session.execute(
        select(Stage, count, *holding.c)
        .outerjoin(holding, true())
        .where(in_force(model_id))
        .order_by(*IN_ORDER, holding.c.version_id.desc())
    )
    views: dict[UUID, StageView] = {}
    for stage, number, *holder in found:
        view = views.setdefault(stage.id, StageView(stage, number, []))
        if holder[0] is not None:
            view.holders.append(Holder(*holder))
    return list(views.values())


async def holders_at(
    session: AsyncSession, model_id: UUID, stage: str, at: datetime, limit: int
) -> tuple[list[Holder], int]:
    """Who held a stage at an instant, the latest to enter first, and how many there were."""
    here = (Tenure.model_id == model_id, Tenure.stage == stage, Tenure.held.op("@>")(at))
    found = await session.execute(
        select(*_holder, func.count().over())
        .join(versions, versions.c.id == Tenure.version_id)
        .where(*here, func.lower(Tenure.held) <= at)
        .order_by(func.lower(Tenure.held).desc(), Tenure.version_id.desc())
        .limit(limit)
    )
    rows = found.all()
    return [Holder(*row[:-1]) for row in rows], rows[0][-1] if rows else 0


async def earliest_instant(
    session: AsyncSession, model_id: UUID, stage: Stage, version_ids: list[UUID]
) -> datetime:
    """The first instant from now on at which these versions may change their stages and one of them
    may enter this one: after the beginning of what is open and not before the end of what was."""
    after = case(
        (is_open, func.lower(Tenure.held) + timedelta(microseconds=1)),
        else_=func.upper(Tenure.held),
    )
    concerned: ColumnElement[bool] = Tenure.version_id.in_(version_ids)
    if stage.exclusive:
        concerned = or_(
            concerned,
            and_(Tenure.model_id == model_id, Tenure.stage == stage.name, Tenure.exclusive),
        )
    instant = func.greatest(func.clock_timestamp(), func.max(after))
    found: datetime = (await session.execute(select(instant).where(concerned))).scalar_one()
    return found.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class PastHolder:
    """A version that has held a stage, judged by its latest time there."""

    version: NamedVersion
    until: datetime | None
    rolled_back: bool
    was_approved: bool


async def past_holders(session: AsyncSession, model_id: UUID, stage: str) -> list[PastHolder]:
    """All that have held a stage, those that entered it last first. `was_approved` is whether any
    of their times there began with a promotion that was not overridden."""
    ended_by_rollback = exists().where(
        Rollback.from_version_id == Tenure.version_id,
        Rollback.stage == Tenure.stage,
        Rollback.at == func.upper(Tenure.held),
    )
    entered = func.lower(Tenure.held)
    approved = and_(Tenure.promotion_id.is_not(None), ~Tenure.overridden)
    found = await session.execute(
        select(
            *_named,
            func.upper(Tenure.held),
            ended_by_rollback,
            func.bool_or(approved).over(partition_by=Tenure.version_id),
            entered,
            func.max(entered).over(partition_by=Tenure.version_id),
        )
        .join(versions, versions.c.id == Tenure.version_id)
        .where(Tenure.model_id == model_id, Tenure.stage == stage)
        .order_by(entered.desc())
    )
    return [PastHolder(NamedVersion(*row[:6]), *row[6:9]) for row in found if row[9] == row[10]]


@dataclass(frozen=True, slots=True)
class TransitionView:
    """A transition with the version that it is about."""

    transition: Transition
    number: int
    name: str | None


async def transitions_page(
    session: AsyncSession,
    model_id: UUID,
    *,
    stage: str | None,
    number: int | None,
    before: int | None,
    limit: int,
) -> list[TransitionView]:
    """The transitions of a model, newest first, and one more than `limit`."""
    statement = (
        select(Transition, versions.c.number, versions.c.name)
        .join(versions, versions.c.id == Transition.version_id)
        .where(Transition.model_id == model_id)
        .order_by(Transition.id.desc())
        .limit(limit + 1)
    )
    if stage is not None:
        statement = statement.where(
            or_(Transition.from_stage == stage, Transition.to_stage == stage)
        )
    if number is not None:
        statement = statement.where(versions.c.number == number)
    if before is not None:
        statement = statement.where(Transition.id < before)
    return [TransitionView(*row) for row in await session.execute(statement)]
