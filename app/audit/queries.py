"""Every SELECT on events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, and_, func, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.tables import Event, Xid8
from app.core.actor import Actor

_place = tuple_(Event.era, Event.xid, Event.id)


class Position(NamedTuple):
    """A place in the record: behind the event of this era, transaction and id."""

    era: int
    xid: int
    id: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of the record is asked for: what follows `after` and, where a list goes on, lies
    behind `cursor`."""

    after: Position | None
    cursor: Position | None
    model: str | None
    actor: str | None
    action: str | None
    newest_first: bool
    limit: int


def seen_by(actor: Actor, model_seen: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that an event is one this actor may see: of models they can see, and for the
    rest what they did themself; an admin sees all."""
    if actor.is_admin:
        return true()
    return or_(
        and_(Event.model.is_not(None), model_seen),
        and_(Event.model.is_(None), Event.actor_id == actor.identity_id),
    )


async def horizon(session: AsyncSession) -> Position:
    """Where the oldest transaction of the current era that is still running (or the next one)
    begins: all before it have ended, so their events are there for good and no more will join
    them."""
    xmin = func.pg_snapshot_xmin(func.pg_current_snapshot(), type_=Xid8())
    era, oldest = (await session.execute(select(func.stageward_era(type_=Integer()), xmin))).one()
    return Position(era, oldest, 0)


def _asked_for(asked: Asked, seen: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    conditions = [seen]
    equal = {Event.model: asked.model, Event.actor: asked.actor, Event.action: asked.action}
    conditions += [column == value for column, value in equal.items() if value is not None]
    if asked.after is not None:
        conditions.append(_place > asked.after)
    if asked.cursor is not None:
        conditions.append(_place < asked.cursor if asked.newest_first else _place > asked.cursor)
    return conditions


async def page(
    session: AsyncSession, asked: Asked, seen: ColumnElement[bool], below: Position
) -> Sequence[Event]:
    """The events asked for that lie before `below`: one more than the limit, to tell
    whether there is a next page."""
    order: list[Any] = [Event.era, Event.xid, Event.id]
    statement = (
        select(Event)
        .where(_place < below, *_asked_for(asked, seen))
        .order_by(*(column.desc() if asked.newest_first else column for column in order))
        .limit(asked.limit + 1)
    )
    return (await session.execute(statement)).scalars().all()


async def are_pending(
    session: AsyncSession, asked: Asked, seen: ColumnElement[bool], below: Position
) -> bool:
    """Whether such events are committed and only wait for older transactions to end."""
    found = select(Event.id).where(_place >= below, *_asked_for(asked, seen)).limit(1)
    return (await session.execute(found)).first() is not None
