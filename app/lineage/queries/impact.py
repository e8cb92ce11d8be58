"""The versions that saw a data set or descend from a version."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Integer, Select, Uuid, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.lineage.queries.datasets import Wanted, users
from app.lineage.queries.places import Place, held, places, seen
from app.models.tables import Model
from app.stages.rules import NO_STAGE
from app.stages.service import stage_of
from app.versions.tables import Parent, Version


@dataclass(frozen=True, slots=True)
class Way:
    """One step of a way: a version, the parent by which it was reached, and how far it is."""

    id: UUID
    via: UUID
    distance: int
    stage: str


async def descendants(
    session: AsyncSession, actor: Actor, beginning: Wanted | UUID, *, depth: int, most: int
) -> list[Way]:
    """The ways from those that used a data set, or from a version, to all that descend from them,
    nearest first and at most so many. Who has no children costs nothing here."""
    line = _first_step(actor, beginning).cte("line", recursive=True)
    further = (
        select(Parent.version_id, line.c.id, line.c.distance + 1)
        .select_from(line)
        .join(Parent, Parent.parent_id == line.c.id)
        .join(Version, Version.id == Parent.version_id)
        .join(Model, Model.id == Version.model_id)
        .where(line.c.distance < depth, seen(actor))
    )
    line = line.union(further)
    some = select(line.c.id, line.c.via, line.c.distance).limit(most).subquery("some")
    statement = select(
        some.c.id, some.c.via, some.c.distance, func.coalesce(stage_of(some.c.id), NO_STAGE)
    )
    return [Way(*row) for row in await session.execute(statement)]


def _first_step(actor: Actor, beginning: Wanted | UUID) -> Select[UUID, UUID, int]:
    child = (
        select(
            Parent.version_id.label("id"),
            Parent.parent_id.label("via"),
            literal(1, Integer).label("distance"),
        )
        .join(Version, Version.id == Parent.version_id)
        .join(Model, Model.id == Version.model_id)
        .where(seen(actor))
    )
    if isinstance(beginning, UUID):
        return child.where(Parent.parent_id == literal(beginning, Uuid))
    used = users(actor, beginning, select(Version.id).join(Model, Model.id == Version.model_id))
    seeds = used.cte("seeds")
    return child.join(seeds, seeds.c.id == Parent.parent_id)


async def direct(
    session: AsyncSession,
    actor: Actor,
    wanted: Wanted,
    *,
    stage: str | None,
    every: bool,
    most: int,
) -> Sequence[Place]:
    """Those that used a data set themselves, newest first and at most so many."""
    statement = users(actor, wanted, places(), stage).where(*held(stage, every=every))
    newest = statement.order_by(Version.created_at.desc(), Version.id.desc()).limit(most)
    return [Place(*row) for row in await session.execute(newest)]
