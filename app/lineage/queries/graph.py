"""The versions around a version, up and down, in one statement."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import CTE, Integer, Uuid, func, literal, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.lineage.queries.places import Place, places, seen
from app.models.tables import Model
from app.versions.tables import Parent, Version

Direction = Literal["up", "down", "both"]
STEPS = 4  # ways walked for each version that is shown: several may lead to one


@dataclass(frozen=True, slots=True)
class Around:
    """The versions that were found with their distance, nearest first, and whether there may be
    more of them than were looked at."""

    nodes: list[tuple[Place, int]]
    truncated: bool


def _line(actor: Actor, root: UUID, depth: int, most: int, *, up: bool) -> CTE:
    """The ways from a version to its ancestors or its descendants, nearest first.

    PostgreSQL makes the rows of a recursive query as they are asked for, so that the LIMIT of
    whoever reads it ends the walk; and of one version no more than `most` neighbours are taken, the
    newest first."""
    here, there = Parent.version_id, Parent.parent_id
    if not up:
        here, there = there, here
    line = select(literal(root, Uuid).label("id"), literal(0, Integer).label("distance")).cte(
        "up" if up else "down", recursive=True
    )
    near = (
        select(Version.id)
        .join(Parent, there == Version.id)
        .join(Model, Model.id == Version.model_id)
        .where(here == line.c.id, seen(actor))
        .order_by(there.desc())
        .limit(most + 1)
        .lateral("near_up" if up else "near_down")
    )
    step = select(near.c.id, line.c.distance + 1).select_from(line).join(near, true())
    return line.union(step.where(line.c.distance < depth))


async def around(
    session: AsyncSession, actor: Actor, root: UUID, *, direction: Direction, depth: int, most: int
) -> Around:
    """At most so many versions within a distance, the version itself included."""
    walked = most * STEPS
    ways = [
        select(line.c.id, line.c.distance, literal(up).label("up")).limit(walked).subquery()
        for up, wanted in ((True, "up"), (False, "down"))
        if direction in (wanted, "both")
        for line in [_line(actor, root, depth, most, up=up)]
    ]
    found = union_all(*(select(way) for way in ways)).cte("found")
    full = select(func.max(func.count()).over()).select_from(found).group_by(found.c.up).limit(1)
    nearest = (
        select(found.c.id, func.min(found.c.distance).label("distance"))
        .group_by(found.c.id)
        .order_by(func.min(found.c.distance), found.c.id.desc())
        .limit(most + 1)
        .subquery("nearest")
    )
    statement = (
        places()
        .add_columns(nearest.c.distance, full.scalar_subquery().label("walked"))
        .join(nearest, nearest.c.id == Version.id)
        .order_by(nearest.c.distance, Model.name, Version.number)
    )
    rows = (await session.execute(statement)).all()
    nodes = [(Place(*row[:-2]), row.distance) for row in rows[:most]]
    return Around(nodes, len(rows) > most or any(row.walked >= walked for row in rows[:1]))
