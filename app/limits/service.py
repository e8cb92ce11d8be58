"""Counting within the minute, and refusing what is beyond.

Neither kind of count costs a statement a request, and none of them fails a request where
PostgreSQL is away: what could not be counted is let through.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import Database
from app.core.metrics import REFUSED
from app.core.problems import TooManyRequests
from app.core.queue import periodic
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.limits import queries
from app.limits.rules import counted_as, seconds_to_wait

WRITE_SECONDS = 2.0  # a count is not worth waiting for longer
FLUSH_SECONDS = 1.0
ADDRESSES_KEPT = 10_000
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kind:
    """What is counted by address: its name in the metrics, what its rows begin with, and what
    whoever is beyond the limit is told."""

    name: str
    mark: str
    says: str


FAILED_LOGINS = Kind(
    "failed_logins",
    "",
    "More than {limit} requests of this minute came from your address without a valid token. See "
    "that all your clients send theirs, and wait.",
)
SIGN_INS = Kind(
    "sign_ins",
    "sign-in ",
    "More than {limit} sign-ins were begun from your address within this minute. Wait, and begin "
    "anew.",
)


class ByAddress:
    """How often each address failed to say who it is, or began to. Each time is written, and its
    answer tells what other processes saw; whom this process knows to be beyond the limit is refused
    without a question to PostgreSQL, until the minute ends."""

    def __init__(self, db: Database, limit: int, kind: Kind) -> None:
        """`limit` is a minute's; 0 is none."""
        self._db = db
        self._limit = limit
        self._kind = kind
        self._refused: OrderedDict[str, float] = OrderedDict()

    def check(self, address: str | None) -> None:
        """Refuse an address that failed too often within this minute; None is nobody's."""
        if not self._refused or address is None:
            return
        until = self._refused.get(counted_as(address), 0.0)
        if until > time.monotonic():
            self._refuse(until - time.monotonic())

    async def count(self, address: str | None) -> None:
        """Note one more, and refuse the address where that was one too many."""
        if self._limit == 0 or address is None:
            return
        counted = counted_as(address)
        try:
            async with asyncio.timeout(WRITE_SECONDS), self._db.transaction() as session:
                count, left = await queries.add_one(session, self._kind.mark + counted)
        except (SQLAlchemyError, OSError) as error:  # a timeout is an OSError
            log.warning(f"{self._kind.name}_not_counted", reason=type(error).__name__)
            return
        if count > self._limit:
            self._keep(counted, time.monotonic() + left)
            self._refuse(left)

    def _keep(self, counted: str, until: float) -> None:
        if counted not in self._refused:
            log.warning("address_refused", address=counted, limit=self._limit, what=self._kind.name)
        self._refused[counted] = until
        self._refused.move_to_end(counted)
        while len(self._refused) > ADDRESSES_KEPT or _is_over(self._refused):
            self._refused.popitem(last=False)

    def _refuse(self, left: float) -> None:
        REFUSED.labels(self._kind.name).inc()
        says = self._kind.says.format(limit=self._limit)
        raise TooManyRequests(says, retry_after=seconds_to_wait(left))


def _is_over(refused: OrderedDict[str, float]) -> bool:
    """Whether the one that was refused longest ago is so no more."""
    return next(iter(refused.values())) <= time.monotonic()


class Requests:
    """How often each token was used. Each process counts for itself, adds its counts to those of
    the others once a second in one statement, and learns their totals from it."""

    def __init__(self, db: Database, limit: int) -> None:
        """`limit` is a minute's; 0 is none."""
        self._db = db
        self._limit = limit
        self._counted: dict[UUID, int] = {}  # not told to the others yet
        self._totals: dict[UUID, int] = {}  # of all processes, in this minute
        self._ends = time.monotonic() + 60 - time.time() % 60  # until PostgreSQL tells
        self._flushing: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    def count(self, token_id: UUID) -> None:
        """Count one more request, or refuse it."""
        if not self.take(token_id):
            self._refuse()

    def take(self, token_id: UUID) -> bool:
        """Count one more request, unless that is one too many; then whoever asked is to refuse
        it by `count`."""
        if self._limit == 0:
            return True
        counted = self._counted.get(token_id, 0)
        if counted + self._totals.get(token_id, 0) >= self._limit:
            self._look_at_the_clock()
            if counted + self._totals.get(token_id, 0) >= self._limit:
                return False
        self._counted[token_id] = counted + 1
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return True

    def _look_at_the_clock(self) -> None:
        """Begin anew where the minute is over; what is not told yet counts for the next."""
        now = time.monotonic()
        if now >= self._ends:
            self._ends += 60 * ((now - self._ends) // 60 + 1)
            self._totals.clear()

    async def _flush(self) -> None:
        """Tell the counts once a second, for as long as there are any."""
        try:
            while self._counted:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), FLUSH_SECONDS)
                await self.tell()
        finally:
            self._flushing = None

    async def tell(self) -> None:
        """Add what was counted to what others counted, and learn the totals."""
        counted, self._counted = self._counted, {}
        if not counted:
            return
        try:
            async with asyncio.timeout(WRITE_SECONDS), self._db.transaction() as session:
                totals, left = await queries.add_requests(session, counted)
        except (SQLAlchemyError, OSError) as error:
            log.warning("requests_not_counted", reason=type(error).__name__)
            return
        ends = time.monotonic() + left
        if ends > self._ends + 30:  # a new minute
            self._totals.clear()
        self._ends = ends
        self._totals.update(totals)

    async def stop(self) -> None:
        """Tell at once what is not told yet. Not by cancelling, which may lose a connection that is
        being opened."""
        self._ending.set()
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)

    def _refuse(self) -> None:
        REFUSED.labels("token").inc()
        raise TooManyRequests(
            f"This token was used {self._limit} times within this minute, which is its limit.",
            retry_after=seconds_to_wait(self._ends - time.monotonic()),
        )


class Limits:
    """The counts of a process."""

    def __init__(self, db: Database, settings: Settings) -> None:
        """One a process."""
        a_minute = settings.failed_logins_per_minute
        self.failures = ByAddress(db, a_minute, FAILED_LOGINS)
        # Apart from failures: a web page can have its visitors begin many, and must not keep
        # anybody's tokens from counting by that.
        self.sign_ins = ByAddress(db, a_minute, SIGN_INS)
        self.requests = Requests(db, settings.requests_per_minute)


@periodic("limits.sweep", cron="*/10 * * * *")
async def sweep(runtime: Runtime) -> None:
    """Remove the counts of minutes that are over."""
    async with runtime.db.transaction() as session:
        await queries.forget(session)
