"""Every SELECT on blobs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    and_,
    any_,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.blobs.tables import Blob
from app.core.db import Sha256

# A room above has the table, so it is only named here.
_REFERENCES = table("version_files", column("sha256", Sha256), column("size", BigInteger))


@dataclass(frozen=True, slots=True)
class KnownBlob:
    """What the database says of a blob. `unreferenced_since` is None where a version names it."""

    sha256: str
    size: int
    checked_at: datetime
    damage: str | None
    unreferenced_since: datetime | None


@dataclass(frozen=True, slots=True)
class Totals:
    """What all blobs come to, at one instant. `oldest_check_at` is when the blob in use that was
    looked at longest ago was looked at; None where none is in use."""

    stored_bytes: int
    unreferenced_bytes: int
    blobs: int
    unreferenced_blobs: int
    damaged_blobs: int
    oldest_check_at: datetime | None


_KNOWN = (Blob.sha256, Blob.size, Blob.checked_at, Blob.damage, Blob.unreferenced_since)


def one_of(digests: Collection[str]) -> ColumnElement[bool]:
    """That a blob is one of these, sent as one parameter however many they are."""
    return Blob.sha256 == any_(literal(sorted(digests), ARRAY(Sha256)))


def nothing_names_it() -> ColumnElement[bool]:
    """That no version has a file with this blob. The trigger that counts says so already; a mistake
    in the counting must not cost the bytes of a version."""
    return ~select(1).select_from(_REFERENCES).where(_REFERENCES.c.sha256 == Blob.sha256).exists()


async def locked(session: AsyncSession, sha256: str) -> Blob | None:
    """A blob's row, fresh, under the weakest lock that keeps a sweep away. To be taken before a
    foreign key takes its weaker one: going from that one to this could meet a sweep that waits."""
    statement = (
        select(Blob)
        .where(Blob.sha256 == sha256)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def held(session: AsyncSession, digests: Collection[str]) -> set[str]:
    """Hold these blobs until the transaction ends; which of them may be named: they are there, not
    being freed, and not known to be damaged."""
    statement = (
        select(Blob.sha256, Blob.doomed_at, Blob.damage)
        .where(one_of(digests))
        .order_by(Blob.sha256)
        .with_for_update(key_share=True)
    )
    rows = await session.execute(statement)
    return {row.sha256 for row in rows if row.doomed_at is None and row.damage is None}


async def known(session: AsyncSession, digests: Collection[str]) -> dict[str, int]:
    """{sha256: size} of those that the database knows."""
    rows = await session.execute(select(Blob.sha256, Blob.size).where(one_of(digests)))
    return {row.sha256: row.size for row in rows}


async def page(session: AsyncSession, after: str | None, limit: int) -> list[KnownBlob]:
    """Blobs by digest that are not being freed."""
    statement = select(*_KNOWN).where(Blob.doomed_at.is_(None)).order_by(Blob.sha256).limit(limit)
    if after is not None:
        statement = statement.where(Blob.sha256 > after)
    return await _all(session, statement)


async def is_as_it_was(session: AsyncSession, blob: KnownBlob) -> bool:
    """Whether a blob is still there, not being freed, and was not looked at or stored since."""
    statement = select(Blob.sha256).where(
        Blob.sha256 == blob.sha256,
        Blob.checked_at == blob.checked_at,
        Blob.doomed_at.is_(None),
    )
    return (await session.execute(statement)).first() is not None


async def due(
    session: AsyncSession, age: timedelta, besides: Collection[str], limit: int
) -> list[KnownBlob]:
    """Blobs in use that were looked at longer ago than this, longest ago first, besides some."""
    statement = (
        select(*_KNOWN)
        .where(
            Blob.checked_at < func.now() - age,  # stable, so that the index serves it
            Blob.unreferenced_since.is_(None),
            ~one_of(besides),
        )
        .order_by(Blob.checked_at)
        .limit(limit)
    )
    return await _all(session, statement)


async def incomplete(
    session: AsyncSession, age: timedelta, besides: Collection[str], limit: int
) -> list[KnownBlob]:
    """Blobs in use that were missing or truncated when they were looked at, longer ago than this,
    besides some."""
    statement = (
        select(*_KNOWN)
        .where(
            Blob.damage.in_(("missing", "truncated")),
            Blob.checked_at < func.now() - age,
            Blob.unreferenced_since.is_(None),
            ~one_of(besides),
        )
        .order_by(Blob.checked_at)
        .limit(limit)
    )
    return await _all(session, statement)


async def _all(session: AsyncSession, statement: Any) -> list[KnownBlob]:
    return [KnownBlob(*row) for row in await session.execute(statement)]


def doomable(grace: timedelta, lease: timedelta, condition: ColumnElement[bool], limit: int) -> CTE:
    """Locked: blobs that nothing has named for the grace time, and those that somebody doomed
    longer ago than a lease; of both, those that meet a condition and that nobody else has locked,
    the longest unnamed first. To be joined: PostgreSQL may run a subselect of `in` again for each
    row, and choose others every time."""
    now = func.clock_timestamp()
    return (
        select(Blob.sha256, Blob.doomed_at)
        .where(
            Blob.unreferenced_since.is_not(None),
            or_(
                and_(Blob.doomed_at.is_(None), Blob.unreferenced_since < now - grace),
                Blob.doomed_at < now - lease,
            ),
            nothing_names_it(),
            condition,
        )
        .order_by(Blob.unreferenced_since)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("doomable")
    )


async def totals(session: AsyncSession) -> Totals:
    """What all blobs come to."""
    statement = select(*_totals()).select_from(Blob)
    return Totals(*(await session.execute(statement)).one())


async def logical_bytes_and_totals(session: AsyncSession) -> tuple[int, Totals]:
    """What all files come to as well, at the same instant. It reads every row of theirs."""
    logical = select(_sum(_REFERENCES.c.size)).select_from(_REFERENCES).scalar_subquery()
    statement = select(logical, *_totals()).select_from(Blob)
    logical_bytes, *found = (await session.execute(statement)).one()
    return logical_bytes, Totals(*found)


def _totals() -> tuple[ColumnElement[Any], ...]:
    """The fields of `Totals`, in their order."""
    unreferenced = Blob.unreferenced_since.is_not(None)
    return (
        _sum(Blob.size),
        _sum(Blob.size, unreferenced),
        func.count(),
        func.count().filter(unreferenced),
        func.count(Blob.damage),
        func.min(Blob.checked_at).filter(~unreferenced),
    )


def _sum(size: Any, condition: ColumnElement[bool] | None = None) -> ColumnElement[int]:
    total: Any = func.sum(size)
    if condition is not None:
        total = total.filter(condition)
    return cast(func.coalesce(total, 0), BigInteger)
