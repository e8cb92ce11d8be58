"""Which versions saw a data set, or descend from a version."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.lineage import rules
from app.lineage.queries import impact as queries
from app.lineage.queries import places
from app.lineage.queries.datasets import Wanted
from app.lineage.queries.impact import Way
from app.lineage.queries.places import Place
from app.lineage.schemas import ImpactItem, ImpactOutput
from app.lineage.service.showing import fields, roles, shown
from app.stages.rules import ARCHIVED, NO_STAGE
from app.versions.service import VersionView

MOST = 1_000
MOST_WAYS = 20_000


async def impact(
    session: AsyncSession,
    actor: Actor,
    beginning: Wanted | VersionView,
    *,
    stage: str | None,
    every: bool,
    depth: int,
) -> ImpactOutput:
    """The versions in a stage that used a data set themselves, or are the version that was named,
    and those that descend from one. What is hidden from the actor ends a way."""
    start = beginning.version.id if isinstance(beginning, VersionView) else beginning
    # One step more than was asked for tells whether there is more.
    steps = await queries.descendants(session, actor, start, depth=depth + 1, most=MOST_WAYS + 1)
    near = [step for step in steps if step.distance <= depth]
    direct: list[Place] = []
    if isinstance(start, Wanted):
        direct = list(
            await queries.direct(session, actor, start, stage=stage, every=every, most=MOST + 1)
        )
    ways = rules.shortest(near)
    chosen = _in_stage(near, stage, every=every) - {place.id for place in direct}
    order = sorted(chosen, key=lambda each: (ways[each][0], each))[:MOST]
    wanted = {*order, *(step for each in order for step in rules.way(ways, each))}
    if isinstance(beginning, VersionView) and _fits(beginning.stage, stage, every=every):
        wanted.add(beginning.version.id)
    found = {place.id: place for place in await places.some(session, actor, list(wanted))}
    if isinstance(beginning, VersionView) and _fits(beginning.stage, stage, every=every):
        direct = [place for place in found.values() if place.id == start]
    items = [_item(place, start, []) for place in direct]
    items += [
        _item(found[each], start, _through(found, ways, each)) for each in order if each in found
    ]
    items.sort(key=lambda item: (item.distance, item.model, item.number))
    cut = len(near) < len(steps) or len(steps) > MOST_WAYS
    return ImpactOutput(items=items[:MOST], truncated=cut or len(chosen) + len(direct) > MOST)


def _fits(held: str | None, stage: str | None, *, every: bool) -> bool:
    now = held or NO_STAGE
    return now == stage if stage is not None else every or now not in (NO_STAGE, ARCHIVED)


def _in_stage(steps: list[Way], stage: str | None, *, every: bool) -> set[UUID]:
    return {step.id for step in steps if _fits(step.stage, stage, every=every)}


def _through(
    found: Mapping[UUID, Place], ways: Mapping[UUID, tuple[int, UUID]], to: UUID
) -> list[Place]:
    return [found[step] for step in rules.way(ways, to) if step in found]


def _item(place: Place, start: Wanted | UUID, through: list[Place]) -> ImpactItem:
    return ImpactItem(
        **fields(place),
        distance=len(through),
        through=[shown(each) for each in through],
        roles=roles(place, start) if isinstance(start, Wanted) else [],
    )
