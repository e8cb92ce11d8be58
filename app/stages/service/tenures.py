"""Moving versions between stages: the one place where tenures begin and end."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import announce
from app.models.tables import Counter, Model
from app.stages import queries
from app.stages.moments import moved
from app.stages.queries import Holder, NamedVersion
from app.stages.rules import ARCHIVED, NO_STAGE, Cause, Kind, Move
from app.stages.tables import Stage, Tenure, Transition


async def incumbents(session: AsyncSession, model_id: UUID, stage: Stage) -> list[Holder]:
    """The holder of an exclusive stage, if it has one; of another stage nobody has to make room."""
    if not stage.exclusive:
        return []
    return (await queries.holders_now(session, model_id, stage.name, 2))[0]


async def instant_for(
    session: AsyncSession, model: Model, stage: Stage, version_ids: list[UUID]
) -> datetime:
    """When these versions move: now, but never before what they follow, so that a clock that was
    set back makes no tenure overlap another. Read after the model's lock was taken."""
    return await queries.earliest_instant(session, model.id, stage, version_ids)


async def enter(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    counter: Counter,
    *,
    stage: Stage,
    version_id: UUID,
    number: int,
    leaving: list[Holder],
    cause: Cause,
    at: datetime,
) -> list[Move]:
    """Move a version into a stage, and those that are `leaving` it to `archived`, at one instant.

    The caller holds the model's lock (`counter`) and the rows of all these versions, and has
    written the cause. Every tenure that ends here began before `at` (see `instant_for`).
    """
    current = await queries.open_tenure(session, version_id)
    from_stage = current.stage if current else NO_STAGE
    moves = [Move(version_id, number, from_stage, stage.name, cause.kind)]
    kind = cause.kind_of_leaving
    moves += [Move(h.version_id, h.number, h.stage, ARCHIVED, kind) for h in leaving]
    await _end(session, [move.version_id for move in moves], at)
    for move in moves:
        # `archived` is never exclusive.
        exclusive = stage.exclusive and move is moves[0]
        _begin(session, model, move, exclusive=exclusive, cause=cause, at=at)
        _record(session, actor, model, move, cause, at)
    await _count_up(session, counter, moves)
    await session.flush()
    await moved.tell(session, actor, model, moves)
    return moves


async def _end(session: AsyncSession, version_ids: list[UUID], at: datetime) -> None:
    await session.execute(
        update(Tenure)
        .where(Tenure.version_id.in_(version_ids), queries.is_open)
        .values(held=func.tstzrange(func.lower(Tenure.held), at))
        .execution_options(synchronize_session=False)
    )


def _begin(
    session: AsyncSession, model: Model, move: Move, *, exclusive: bool, cause: Cause, at: datetime
) -> None:
    session.add(
        Tenure(
            model_id=model.id,
            version_id=move.version_id,
            stage=move.to_stage,
            exclusive=exclusive,
            held=Range(at, None),
            promotion_id=cause.promotion_id,
            rollback_id=cause.rollback_id,
            overridden=move.kind is Kind.OVERRIDE,
        )
    )


def _record(
    session: AsyncSession, actor: Actor, model: Model, move: Move, cause: Cause, at: datetime
) -> None:
    session.add(
        Transition(
            model_id=model.id,
            version_id=move.version_id,
            kind=move.kind,
            from_stage=move.from_stage,
            to_stage=move.to_stage,
            promotion_id=cause.promotion_id,
            rollback_id=cause.rollback_id,
            reason=cause.reason,
            actor_id=actor.identity_id,
            actor=actor.name,
            at=at,
        )
    )
    details = {"from": move.from_stage, "to": move.to_stage, "kind": move.kind.value}
    causes = {"promotion": cause.promotion_id, "rollback": cause.rollback_id}
    audit.record(
        session,
        actor,
        "version.moved",
        subject=f"version:{model.name}/{move.number}",
        model_id=model.id,
        model=model.name,
        version=move.number,
        details=details | {kind: str(row_id) for kind, row_id in causes.items() if row_id},
    )
    announce(session, f"version:{move.version_id}")


async def _count_up(session: AsyncSession, counter: Counter, moves: list[Move]) -> None:
    """What the versions and the model show has changed, so their ETags do."""
    await count_up_versions(session, [move.version_id for move in moves])
    overridden = [move.version_id for move in moves if move.kind is Kind.OVERRIDE]
    if overridden:
        of_these = queries.versions.c.id.in_(overridden)
        await session.execute(update(queries.versions).where(of_these).values(overridden=True))
    counter.revision += 1


async def count_up_versions(session: AsyncSession, version_ids: list[UUID]) -> None:
    """Give versions whose stage or alias changed a new revision. By statement and not through
    their rows' class, which lies in a room above."""
    revision = queries.versions.c.revision
    await session.execute(
        update(queries.versions)
        .where(queries.versions.c.id.in_(version_ids))
        .values(revision=revision + 1)
    )


def usable(version: NamedVersion) -> bool:
    """Whether a version may be pointed at or returned to."""
    return version.status == "ready" and not version.recalled and not version.deleted
