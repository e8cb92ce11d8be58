"""The SQL of seals and checkpoints, and of events as they are sealed.

Plain SQL, with times and ids as texts: a million rows are read by it, and what is hashed must not
depend on how a driver or a session writes a time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.seals.rules import Checkpoint, Event, Place, Seal

_AT = "(to_json({} at time zone 'UTC') #>> '{{}}') || 'Z'"
_EVENT = (
    f"e.id, e.era, e.xid::text, {_AT.format('e.at')}, e.action, e.actor_id::text, e.actor, "
    "e.token_id::text, e.model_id::text, e.model, e.version, e.subject, e.request_id, e.address, "
    "e.salt, e.payload::text, encode(e.payload_sha256, 'hex'), e.redaction_id::text"
)
_SEAL = (
    "s.seq, s.event_id, s.era, s.xid::text, encode(s.texts_sha256, 'hex'), encode(s.hash, 'hex')"
)
_CHECKPOINT = f"c.seq, encode(c.hash, 'hex'), {_AT.format('c.at')}, c.key_id, c.signature"
_PLACE = "(e.era, e.xid, e.id)"
_AFTER = f"{_PLACE} > (:after_era, cast(:after_xid as xid8), :after_id)"
_THROUGH = f"{_PLACE} <= (:through_era, cast(:through_xid as xid8), :through_id)"
_HORIZON = "(stageward_era(), pg_snapshot_xmin(pg_current_snapshot()), 0::bigint)"
_IN_ORDER = "ORDER BY e.era, e.xid, e.id LIMIT :limit"
# The fragments are this file's own.
_LINKS = text(
    f"SELECT {_SEAL}, {_EVENT} FROM (SELECT * FROM seals WHERE seq > :seq ORDER BY seq LIMIT "  # noqa: S608
    ":limit) s LEFT JOIN events e ON e.id = s.event_id ORDER BY s.seq"
)
_BEHIND = text(f"SELECT {_EVENT} FROM events e WHERE {_AFTER} {_IN_ORDER}")  # noqa: S608
_STRAYS = text(
    f"SELECT {_EVENT} FROM events e WHERE {_AFTER} AND {_THROUGH} AND NOT EXISTS "  # noqa: S608
    f"(SELECT FROM seals s WHERE s.event_id = e.id) {_IN_ORDER}"
)
_ENDED = text(
    f"SELECT {_EVENT} FROM events e WHERE {_AFTER} AND {_PLACE} < {_HORIZON} {_IN_ORDER}"  # noqa: S608
)
_CHECKPOINTS = text(
    f"SELECT {_CHECKPOINT} FROM checkpoints c WHERE seq > :after AND seq <= :through ORDER BY seq"  # noqa: S608
)
_NEWEST = text(
    f"SELECT {_CHECKPOINT} FROM checkpoints c WHERE seq < :below ORDER BY seq DESC LIMIT :limit"  # noqa: S608
)
_SEALING = text(
    "INSERT INTO seals (seq, event_id, era, xid, texts_sha256, hash) SELECT * FROM unnest("
    "cast(:seq AS bigint[]), cast(:event_id AS bigint[]), cast(:era AS int[]), "
    "cast(cast(:xid AS text[]) AS xid8[]), cast(:texts AS bytea[]), cast(:hash AS bytea[]))"
)
_SIGNING = text(
    "INSERT INTO checkpoints (seq, hash, at, key_id, signature) "
    "VALUES (:seq, :hash, cast(:at AS timestamptz), :key_id, :signature)"
)
_ONE_SEAL = text(f"SELECT {_SEAL} FROM seals s WHERE seq = :seq")  # noqa: S608
_HEAD = text(f"SELECT {_SEAL} FROM seals s ORDER BY seq DESC LIMIT 1")  # noqa: S608
_STATE = text(
    f"SELECT EXISTS (SELECT FROM events e WHERE {_AFTER} AND {_PLACE} < {_HORIZON}), "  # noqa: S608
    f"EXISTS (SELECT FROM events e WHERE {_AFTER} AND {_PLACE} >= {_HORIZON}), "
    "(SELECT max(seq) FROM checkpoints), (SELECT at FROM checkpoints ORDER BY seq DESC LIMIT 1), "
    "clock_timestamp()"
)
_NOW = text(f"SELECT now, {_AT.format('now')} FROM (SELECT clock_timestamp() AS now) t")  # noqa: S608
_OLDEST_UNSEALED = text(f"SELECT e.at FROM events e WHERE {_AFTER} {_IN_ORDER}")  # noqa: S608


class State(NamedTuple):
    """What there is to do behind the head of the chain."""

    ended: bool  # events to seal
    pending: bool  # events that wait for older transactions
    signed_seq: int | None
    signed_at: datetime | None
    now: datetime


def _event(row: Any) -> Event:
    return Event._make([*row[:14], bytes(row[14]), *row[15:]])


def _after(place: Place) -> dict[str, Any]:
    return {"after_era": place.era, "after_xid": str(place.xid), "after_id": place.id}


async def links(session: AsyncSession, seq: int, limit: int) -> list[tuple[Seal, Event | None]]:
    """The seals after `seq`, each with its event, wherever that stands now."""
    rows = await session.execute(_LINKS, {"seq": seq, "limit": limit})
    return [(Seal(*row[:6]), None if row[6] is None else _event(row[6:])) for row in rows]


async def strays(session: AsyncSession, after: Place, through: Place, limit: int) -> list[Event]:
    """The events between two places that bear no seal."""
    bounds = {"through_era": through.era, "through_xid": str(through.xid), "through_id": through.id}
    rows = await session.execute(_STRAYS, {**_after(after), **bounds, "limit": limit})
    return [_event(row) for row in rows]


async def behind(session: AsyncSession, after: Place, limit: int) -> list[Event]:
    """The events behind a place, also those that older transactions may yet precede."""
    rows = await session.execute(_BEHIND, {**_after(after), "limit": limit})
    return [_event(row) for row in rows]


async def ended(session: AsyncSession, after: Place, limit: int) -> list[Event]:
    """The events behind a place that no other will precede any more."""
    rows = await session.execute(_ENDED, {**_after(after), "limit": limit})
    return [_event(row) for row in rows]


async def checkpoints(session: AsyncSession, after: int, through: int) -> list[Checkpoint]:
    """The checkpoints of the seals after `after`, in order."""
    rows = await session.execute(_CHECKPOINTS, {"after": after, "through": through})
    return [_checkpoint(row) for row in rows]


async def newest_checkpoints(session: AsyncSession, below: int, limit: int) -> list[Checkpoint]:
    """The checkpoints of seals before `below`, the newest first."""
    rows = await session.execute(_NEWEST, {"below": below, "limit": limit})
    return [_checkpoint(row) for row in rows]


def _checkpoint(row: Any) -> Checkpoint:
    return Checkpoint._make([*row[:4], bytes(row[4])])


async def seal(session: AsyncSession, seq: int) -> Seal | None:
    """One seal."""
    row = (await session.execute(_ONE_SEAL, {"seq": seq})).one_or_none()
    return None if row is None else Seal(*row)


async def head(session: AsyncSession) -> Seal | None:
    """The newest seal."""
    row = (await session.execute(_HEAD)).one_or_none()
    return None if row is None else Seal(*row)


async def state(session: AsyncSession, after: Place) -> State:
    """What there is to do behind the head, which is at this place."""
    return State(*(await session.execute(_STATE, _after(after))).one())


async def now(session: AsyncSession) -> tuple[datetime, str]:
    """PostgreSQL's clock, and the same as it is signed."""
    row = (await session.execute(_NOW)).one()
    return row[0], row[1]


async def oldest_unsealed(session: AsyncSession, after: Place) -> datetime | None:
    """When the first event behind a place was recorded."""
    found: datetime | None = (
        await session.execute(_OLDEST_UNSEALED, {**_after(after), "limit": 1})
    ).scalar_one_or_none()
    return found


async def add_seals(session: AsyncSession, seals: Sequence[Seal]) -> None:
    """Add these links to the chain, in one statement however many."""
    await session.execute(
        _SEALING,
        {
            "seq": [seal.seq for seal in seals],
            "event_id": [seal.event_id for seal in seals],
            "era": [seal.era for seal in seals],
            "xid": [seal.xid for seal in seals],
            "texts": [bytes.fromhex(seal.texts_sha256) for seal in seals],
            "hash": [bytes.fromhex(seal.hash) for seal in seals],
        },
    )


async def add_checkpoint(session: AsyncSession, checkpoint: Checkpoint) -> None:
    """Add a checkpoint."""
    await session.execute(
        _SIGNING, {**checkpoint._asdict(), "hash": bytes.fromhex(checkpoint.hash)}
    )


async def is_alone(session: AsyncSession, lock: int) -> bool:
    """Whether this transaction holds an advisory lock now, until its end."""
    found = await session.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock})
    return bool(found.scalar_one())
