"""Recording events, in the transaction of the change that they tell, and reading the record."""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import queries
from app.audit.queries import Asked, Position
from app.audit.schemas import EventOutput, EventPage
from app.audit.tables import Event
from app.core.actor import Actor
from app.core.canonical import canonical, sha256_hex
from app.core.context import origin
from app.core.db import Database, announce
from app.core.pages import bad_cursor, cut, decode_cursor, encode_cursor

SYSTEM = "stageward"
TOPIC = "events"
PENDING_SECONDS = 0.05
Seen = Callable[[], Awaitable[ColumnElement[bool]]]


def record(
    session: AsyncSession,
    actor: Actor | None,
    action: str,
    *,
    subject: str,
    model_id: UUID | None = None,
    model: str | None = None,
    version: int | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Add one event to this transaction: `actor` did `action` (`promotion.applied`) to `subject`
    (`promotion:<id>`). No actor means the service itself. `details` say what differed and never
    hold a secret."""
    told = fact(actor, action, details)
    told["salt"] = bytes.fromhex(told["salt"])
    session.add(Event(**told, model_id=model_id, model=model, version=version, subject=subject))
    announce(session, TOPIC)


def fact(actor: Actor | None, action: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """What an event tells of who did what from where, as JSON for whoever inserts it together with
    its change by one statement; they say about what. Bytes are hex."""
    payload = details or {}
    salt = secrets.token_bytes(16)
    where = origin.get()
    return {
        "action": action,
        "actor_id": actor.identity_id if actor else None,
        "actor": actor.name if actor else SYSTEM,
        "token_id": actor.token_id if actor else None,
        "request_id": where.request_id,
        "address": where.address,
        "salt": salt.hex(),
        "payload": payload,
        "payload_sha256": sha256_hex(salt + canonical(payload)),
    }


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What a change did, for an event: `{field: {"from": …, "to": …}}` of those that differ."""
    return {
        key: {"from": before.get(key), "to": value}
        for key, value in after.items()
        if before.get(key) != value
    }


def position(cursor: str | None, parameter: str) -> Position | None:
    """The place in the record that a parameter names, or the problem with it."""
    try:
        key = decode_cursor(cursor, 3, parameter)
        found = None if key is None else Position(*map(int, key))
    except ValueError as error:
        raise bad_cursor(parameter) from error
    if found is not None and not _storable(found):
        raise bad_cursor(parameter)
    return found


def _storable(place: Position) -> bool:
    return 0 <= place.era < 2**31 and 0 <= place.xid < 2**64 and 0 <= place.id < 2**63


async def follow(db: Database, asked: Asked, seen: Seen, seconds: float) -> EventPage:
    """A page of the record. Where it is empty, wait up to so many seconds for something to show,
    without a connection to PostgreSQL meanwhile.

    `seen` answers the condition of what the reader may see; it is asked for anew after each wait,
    because rights may have changed.
    """
    end = time.monotonic() + seconds
    with db.hub.subscribed(TOPIC) as news:
        while True:
            shown, pending = await _look(db, asked, await seen())
            left = end - time.monotonic()
            if shown.items or left <= 0 or db.hub.closing:
                return shown
            # Nobody says when an older transaction ends that recorded nothing.
            await news.wait(min(left, PENDING_SECONDS) if pending else left)


async def _look(db: Database, asked: Asked, seen: ColumnElement[bool]) -> tuple[EventPage, bool]:
    async with db.reading() as session:
        below = await queries.horizon(session)
        rows, more = cut(await queries.page(session, asked, seen, below), asked.limit)
        pending = not rows and await queries.are_pending(session, asked, seen, below)
    # All that lies below has been looked at, unless the page was full.
    last = Position(rows[-1].era, rows[-1].xid, rows[-1].id) if rows else None
    reached = last if last and more and not asked.newest_first else below
    shown = EventPage(
        items=[_output(row) for row in rows],
        next_cursor=encode_cursor(*last) if last and more else None,
        next_after=encode_cursor(*max(reached, asked.after or reached)),
    )
    return shown, pending


def _output(event: Event) -> EventOutput:
    return EventOutput(
        id=event.id,
        cursor=encode_cursor(event.era, event.xid, event.id),
        at=event.at,
        action=event.action,
        actor=event.actor,
        token_id=event.token_id,
        model=event.model,
        version=event.version,
        subject=event.subject,
        request_id=event.request_id,
        address=event.address,
        details=event.payload,
        payload_sha256=event.payload_sha256,
    )
