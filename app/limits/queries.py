"""The counts, as PostgreSQL keeps them. The minute is PostgreSQL's, the same for all processes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Uuid, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.limits.tables import FailedLogins, RequestCount

KEPT_FOR = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)


def _this_minute() -> ColumnElement[Any]:
    return func.date_trunc("minute", func.statement_timestamp())


def _seconds_left() -> ColumnElement[Any]:
    left = _this_minute() + _MINUTE - func.statement_timestamp()
    return func.extract("epoch", left).label("left")


async def add_one(session: AsyncSession, address: str) -> tuple[int, float]:
    """Count one more; answers how many there were within this minute, and what is left of it."""
    statement = insert(FailedLogins).values(address=address, minute=_this_minute(), count=1)
    statement = statement.on_conflict_do_update(
        index_elements=["address", "minute"], set_={"count": FailedLogins.count + 1}
    )
    found = await session.execute(statement.returning(FailedLogins.count, _seconds_left()))
    count, left = found.one()
    return count, float(left)


async def add_requests(
    session: AsyncSession, counts: Mapping[UUID, int]
) -> tuple[dict[UUID, int], float]:
    """Add what this process counted; answers the totals of these tokens within this minute, and
    what is left of it."""
    tokens = sorted(counts)  # in one order, so that two processes never wait for one another
    added = select(
        func.unnest(literal(tokens, ARRAY(Uuid))),
        _this_minute(),
        func.unnest(literal([counts[token] for token in tokens], ARRAY(BigInteger))),
    )
    statement = insert(RequestCount).from_select(["token_id", "minute", "count"], added)
    statement = statement.on_conflict_do_update(
        index_elements=["token_id", "minute"],
        set_={"count": RequestCount.count + statement.excluded.count},
    )
    found = await session.execute(
        statement.returning(RequestCount.token_id, RequestCount.count, _seconds_left())
    )
    rows: Sequence[Any] = found.all()
    return {row.token_id: row.count for row in rows}, float(rows[0].left)


async def forget(session: AsyncSession) -> None:
    """Remove the counts of minutes that are over."""
    for table in (FailedLogins, RequestCount):
        old = table.minute < func.statement_timestamp() - KEPT_FOR
        await session.execute(delete(table).where(old))
