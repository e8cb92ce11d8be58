"""Laying out the stages that a policy names. The policy's room decides; this one keeps what is
held, and what is called like a stage, in order."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.stages import queries
from app.stages.problems import StageInUse, StageNameTaken
from app.stages.queries import HeldStage
from app.stages.rules import ARCHIVED, StageKind
from app.stages.tables import Stage, Tenure


async def lay_out(
    session: AsyncSession, model_id: UUID | None, wanted: Sequence[StageKind]
) -> None:
    """Make these, in their order, the stages of a model's own (no model: everybody's).

    With none, a model has everybody's again. The open tenures of a stage that changed follow
    it. Raises `StageInUse` where a stage that is held would go, or become exclusive under several
    holders, and `StageNameTaken` where a new one is called like a version or an alias. The caller
    holds the model's lock, or the default policy's, so that nobody enters meanwhile.
    """
    rows = await queries.rows_of(session, model_id)
    shared = set() if model_id is None else set(await queries.rows_of(session, None))
    names = {stage.name for stage in wanted}
    await _check_names(session, model_id, (names or shared) - (set(rows) or shared))
    changed = (names ^ set(rows)) | shared
    for position, stage in enumerate(wanted, 1):
        row = rows.get(stage.name)
        if row is None:
            session.add(_row(model_id, stage, position))
            continue
        if row.exclusive != stage.exclusive:
            changed.add(stage.name)
        row.exclusive, row.position = stage.exclusive, position
    for name, row in rows.items():
        if name not in names and not (model_id is None and name == ARCHIVED):
            await session.delete(row)
    await session.flush()
    await _follow(session, model_id, changed)


async def laid_out(session: AsyncSession) -> dict[UUID, list[StageKind]]:
    """The stages of every model that has its own, in their order."""
    found: dict[UUID, list[StageKind]] = {}
    for stage in await queries.own_rows(session):
        if stage.model_id is not None:
            found.setdefault(stage.model_id, []).append(StageKind(stage.name, stage.exclusive))
    return found


def _row(model_id: UUID | None, stage: StageKind, position: int) -> Stage:
    return Stage(model_id=model_id, name=stage.name, exclusive=stage.exclusive, position=position)


async def _check_names(session: AsyncSession, model_id: UUID | None, added: set[str]) -> None:
    taken = await queries.taken(session, model_id, added)
    if taken:
        listed = "; ".join(
            f"the {each.kind} `{each.name}` of `{each.model}` (version {each.number})"
            for each in taken
        )
        raise StageNameTaken(
            f"A reference to these would mean the new stage: {listed}. Choose another name for "
            "the stage, or rename or remove them first.",
            extra={
                "taken": [
                    {"model": t.model, "kind": t.kind, "name": t.name, "number": t.number}
                    for t in taken
                ]
            },
        )


async def _follow(session: AsyncSession, model_id: UUID | None, changed: set[str]) -> None:
    """Let what is open follow the kinds of its stages, where that is possible."""
    gone = await queries.homeless(session, model_id, changed)
    if gone:
        raise _in_use("is not in the policy any more, and is held", gone)
    crowded = await queries.crowded(session, model_id, changed)
    if crowded:
        raise _in_use("cannot become exclusive: several versions hold it", crowded)
    if changed:
        await session.execute(
            update(Tenure)
            .where(queries.concerned(model_id, changed), queries.differs_in_kind())
            .values(exclusive=queries.kind_of_tenure())
            .execution_options(synchronize_session=False)
        )


def _in_use(why: str, held: list[HeldStage]) -> StageInUse:
    listed = "; ".join(
        f"`{each.stage}` of `{each.model}` by {each.count} "
        f"({', '.join(map(str, each.numbers))}{', …' if each.count > len(each.numbers) else ''})"
        for each in held
    )
    return StageInUse(
        f"A stage {why}: {listed}. Move these versions out of it first.",
        extra={
            "held": [
                {"model": h.model, "stage": h.stage, "versions": h.numbers, "count": h.count}
                for h in held
            ]
        },
    )
