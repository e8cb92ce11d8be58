"""Returning a stage to an earlier holder."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.problems import NotFound
from app.models import service as models
from app.models.tables import Model
from app.stages import queries
from app.stages.problems import CannotRollBack, IncumbentChanged, StageNotExclusive
from app.stages.queries import Holder, NamedVersion
from app.stages.rules import Candidate, Cause, Kind, NobodyToReturn, choose
from app.stages.schemas import RollbackInput, RollbackOutput
from app.stages.service.tenures import enter, incumbents, instant_for, usable
from app.stages.tables import Rollback, Stage


async def roll_back(
    session: AsyncSession, actor: Actor, model: Model, wanted: RollbackInput
) -> RollbackOutput:
    """Return the stage to an earlier holder and archive the incumbent, without an approval and
    also under a freeze. Of two that are under way at once, the second is refused, so that the
    stage goes back one step and not two."""
    seen = await _incumbent(session, model, await _stage(session, model, wanted.stage))
    counter = await models.lock(session, model)
    stage = await _stage(session, model, wanted.stage)  # a policy may have changed it meanwhile
    incumbent = await _incumbent(session, model, stage)
    _check_incumbent(model, stage, wanted, seen, incumbent)
    chosen = await _choose(session, model, stage, incumbent, wanted.to)
    held = [incumbent] if incumbent else []
    at = await instant_for(
        session, model, stage, [chosen.id, *(holder.version_id for holder in held)]
    )
    rollback = Rollback(
        id=new_id(),
        model_id=model.id,
        stage=stage.name,
        from_version_id=incumbent.version_id if incumbent else None,
        to_version_id=chosen.id,
        reason=wanted.reason,
        actor_id=actor.identity_id,
        actor=actor.name,
        at=at,
    )
    session.add(rollback)
    await session.flush()
    _record(session, actor, model, rollback, chosen, incumbent)
    await enter(
        session,
        actor,
        model,
        counter,
        stage=stage,
        version_id=chosen.id,
        number=chosen.number,
        leaving=held,
        cause=Cause(Kind.ROLLBACK, wanted.reason, rollback_id=rollback.id),
        at=at,
    )
    return RollbackOutput(
        id=rollback.id,
        model=model.name,
        stage=stage.name,
        number=chosen.number,
        name=chosen.name,
        rolled_back=incumbent.number if incumbent else None,
        reason=wanted.reason,
        by=actor.name,
        at=at,
    )


async def _stage(session: AsyncSession, model: Model, name: str) -> Stage:
    stage = await queries.stage_named(session, model.id, name.lower())
    if stage is None:
        raise NotFound(f"The model `{model.name}` has no stage `{name}`.")
    if not stage.exclusive:
        raise StageNotExclusive(
            f"Several versions may hold `{stage.name}`, so it has no incumbent to roll back. Ask "
            "for a promotion instead."
        )
    return stage


async def _incumbent(session: AsyncSession, model: Model, stage: Stage) -> Holder | None:
    found = await incumbents(session, model.id, stage)
    return found[0] if found else None


def _check_incumbent(
    model: Model, stage: Stage, wanted: RollbackInput, seen: Holder | None, now: Holder | None
) -> None:
    holds = f"version {now.number} holds" if now else "nobody holds"
    where = f"`{stage.name}` of `{model.name}`"
    if "expected_incumbent" in wanted.model_fields_set:
        check_expected(wanted.expected_incumbent, now, stage, model)
    if (seen and (seen.version_id, seen.since)) != (now and (now.version_id, now.since)):
        raise IncumbentChanged(
            f"Somebody else was faster: {holds} {where} now. Look again before you roll back.",
            extra={"incumbent": now.number if now else None},
        )


def check_expected(expected: int | None, now: Holder | None, stage: Stage, model: Model) -> None:
    """Refuse to go on where another version holds the stage than the caller believes."""
    holder = now.number if now else None
    if holder != expected:
        believed = "nobody" if expected is None else f"version {expected}"
        holds = "nobody holds" if holder is None else f"version {holder} holds"
        raise IncumbentChanged(
            f"You expected {believed} in `{stage.name}` of `{model.name}`, but {holds} it. Look "
            "again, and decide anew.",
            extra={"incumbent": holder},
        )


async def _choose(
    session: AsyncSession,
    model: Model,
    stage: Stage,
    incumbent: Holder | None,
    to: int | str | None,
) -> NamedVersion:
    past = await queries.past_holders(session, model.id, stage.name)
    held_by = incumbent.version_id if incumbent else None
    candidates = [
        Candidate(
            p.version.number, p.version.name, usable(p.version), p.rolled_back, p.was_approved
        )
        for p in past
        if p.version.id != held_by
    ]
    try:
        chosen = choose(candidates, to)
    except NobodyToReturn as refusal:
        raise _cannot(model, stage, str(refusal), refusal.alternatives) from refusal
    version = await queries.lock_version(session, model.id, chosen.number)
    if version is None or not usable(version):
        raise _cannot(model, stage, f"version {chosen.number} was recalled or deleted", [])
    return version


def _cannot(model: Model, stage: Stage, why: str, alternatives: list[int]) -> CannotRollBack:
    could = (
        f"These could: {', '.join(map(str, alternatives))} (name one as `to`)."
        if alternatives
        else "No other version could either: promote one."
    )
    return CannotRollBack(
        f"`{stage.name}` of `{model.name}` cannot be rolled back: {why}. {could}",
        extra={"alternatives": alternatives},
    )


def _record(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    rollback: Rollback,
    chosen: NamedVersion,
    incumbent: Holder | None,
) -> None:
    audit.record(
        session,
        actor,
        "stage.rolled_back",
        subject=f"rollback:{rollback.id}",
        model_id=model.id,
        model=model.name,
        version=chosen.number,
        details={
            "stage": rollback.stage,
            "from": incumbent.number if incumbent else None,
            "to": chosen.number,
            "reason": rollback.reason,
        },
    )
