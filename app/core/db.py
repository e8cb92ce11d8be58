"""The database: the only place where a transaction begins and commits.

A write runs in `Database.transaction()`, which commits before the response leaves; a read runs in
`Database.reading()`, in autocommit, one statement a snapshot; a write that is whole in one
statement may be its own transaction (`Database.at_once()`). What must be told to others after
the commit (`announce`) is handed to the hub only once the commit has succeeded.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import DateTime, LargeBinary, MetaData, Select, TypeDecorator, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from app.core.problems import Unavailable, problem_for_constraint
from app.core.signals import Hub

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

LIMITS = (
    "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s "
    "-c timezone=UTC -c application_name=stageward"
)

# Every statement sent there is a handful of walks along indexes, at any size. A plan that is made
# once must be that one, also where it is made while the tables are still empty.
DIRECT = (
    f"{LIMITS} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off "
    "-c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
)
_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
# Searches join by nested loops alone, in the order in which tables are named, and never in several
# processes at once: what a page costs depends on what it reads, not on what is guessed of a table.
SEARCHING = (
    "-c jit=off -c max_parallel_workers_per_gather=0 -c enable_hashjoin=off "
    "-c enable_mergejoin=off -c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off "
    "-c enable_material=off -c enable_memoize=off -c join_collapse_limit=1"
)
SEARCH_WAIT_SECONDS = 10.0
DIRECT_SECONDS = 10.0
# A server that is gone without a word is noticed; an address that says otherwise is followed.
WATCHFUL = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Base(DeclarativeBase):
    """Every table. Constraints have names, so that a violation can be told to the caller."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        dict[str, str]: JSONB,
    }


class Sha256(TypeDecorator[str]):
    """A SHA-256 digest: 64 lower-case hex characters in Python, 32 bytes in PostgreSQL."""

    impl = LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: object) -> bytes | None:
        """Hex to bytes."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: object) -> str | None:
        """Bytes to hex."""
        return None if value is None else bytes(value).hex()


class Database:
    """A pool of connections and the two ways to use it, and a small pool for searches, so that
    costly ones never take the connections of the others."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int,
        hub: Hub,
        search_connections: int = 2,
        search_seconds: float = 5,
    ) -> None:
        """`url` is any libpq connection string; nothing is opened before the first use. A statement
        of a search is cancelled after `search_seconds`."""
        self.url = url
        self.hub = hub
        self.search_seconds = search_seconds

        self._is_closed = False
        self.direct = Direct(functools.partial(self._connect, DIRECT))
        self.engine = self._engine(self._connect, pool_size, wait_seconds=10)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        patience = f"-c statement_timeout={max(1, round(search_seconds * 1000))}"
        search = functools.partial(self._connect, f"{LIMITS} {SEARCHING} {patience}")
        self.search_engine = self._engine(search, search_connections, SEARCH_WAIT_SECONDS)
        self._searching = self.search_engine.execution_options(isolation_level="AUTOCOMMIT")

    def _engine(
        self,
        connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]],
        connections: int,
        wait_seconds: float,
    ) -> AsyncEngine:
        return create_async_engine(
            "postgresql+psycopg://",
            async_creator=connect,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=wait_seconds,
            hide_parameters=True,  # bound values would reach the log with an error
        )

    async def _connect(self, options: str = LIMITS) -> psycopg.AsyncConnection[Any]:
        if self._is_closed:
            raise psycopg.OperationalError("this process is ending")
        where = make_conninfo("", **WATCHFUL | conninfo_to_dict(self.url))
        return await psycopg.AsyncConnection.connect(where, options=options, connect_timeout=5)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, rolled back when it raises.

        A violated constraint that has a problem becomes that problem.
        """
        async with AsyncSession(self.engine, expire_on_commit=False, autoflush=False) as session:
            try:
                yield session
                await session.commit()
            except IntegrityError as error:
                raise _as_problem(error) from error
        self.hub.announce(session.info.get("topics", set()))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session whose statements each see what is committed; it must not write."""
        async with AsyncSession(
            self._autocommit, expire_on_commit=False, autoflush=False
        ) as session:
            yield session

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[AsyncConnection]:
        """A connection each of whose statements is a transaction of its own: for what is whole in
        one statement. Whoever writes announces it afterwards."""
        async with self._autocommit.connect() as connection:
            yield connection

    @asynccontextmanager
    async def searching(self) -> AsyncIterator[AsyncSession]:
        """The same for searches. Where all connections of searches are taken for longer than a
        moment, that is said (503)."""
        async with AsyncSession(
            self._searching, expire_on_commit=False, autoflush=False
        ) as session:
            try:
                await session.connection()
            except PoolTimeout as error:
                raise _too_many_searches() from error
            yield session

    async def close(self) -> None:
        """Close every connection, for good: what still runs beside requests opens none anew."""
        self._is_closed = True
        await self.direct.close()
        await self.engine.dispose()
        await self.search_engine.dispose()


class Direct:
    """A connection beside the pool, for a read that is sent all day: prepared and planned once,
    without what SQLAlchemy does for each. One statement at a time; each sees what is committed."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[psycopg.AsyncConnection[Any]]],
        *,
        patience: float = DIRECT_SECONDS,
    ) -> None:
        """Nothing is opened before the first use. `patience` is for how many seconds a statement
        is waited for: behind it wait all others."""
        self._connect = connect
        self._patience = patience
        self._abandoned: set[asyncio.Future[Any]] = set()
        self._lock = asyncio.Lock()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._cursor: psycopg.AsyncCursor[Any] | None = None

    async def fetch(self, statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement that only reads. Where the connection turns out to be lost, as
        after a restart of PostgreSQL, the statement is sent once more over a new one."""
        async with self._lock:
            if self._cursor is not None:
                try:
                    return await self._send(self._cursor, statement, parameters)
                except psycopg.OperationalError:
                    if self._cursor is None or not self._cursor.connection.closed:
                        raise
            await self._drop()
            return await self._send(await self._opened(), statement, parameters)

    async def _send(
        self, cursor: psycopg.AsyncCursor[Any], statement: str, parameters: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Not cancelled where it takes too long: psycopg would wait for PostgreSQL to agree."""
        asked = asyncio.ensure_future(_rows(cursor, statement, parameters))
        done, _ = await asyncio.wait({asked}, timeout=self._patience)
        if not done:
            self._abandon(asked)
            raise psycopg.OperationalError("PostgreSQL does not answer")
        return asked.result()

    def _abandon(self, asked: "asyncio.Future[list[tuple[Any, ...]]]") -> None:
        """Leave the connection to what it waits for, and have it closed once that is over."""
        connection, self._connection, self._cursor = self._connection, None, None
        self._abandoned.add(asked)

        async def end() -> None:
            await asyncio.gather(asked, return_exceptions=True)
            if connection is not None:
                await connection.close()

        ending = asyncio.ensure_future(end())
        self._abandoned.add(ending)
        asked.add_done_callback(self._abandoned.discard)
        ending.add_done_callback(self._abandoned.discard)

    async def _opened(self) -> psycopg.AsyncCursor[Any]:
        self._connection = await self._connect()
        await self._connection.set_autocommit(True)
        self._cursor = self._connection.cursor()
        return self._cursor

    async def _drop(self) -> None:
        connection, self._connection, self._cursor = self._connection, None, None
        if connection is not None:
            await connection.close()

    async def settle(self) -> None:
        """Wait until nothing is left of statements that took too long."""
        while self._abandoned:
            await asyncio.wait(self._abandoned)

    async def close(self) -> None:
        """Close the connection; another use would open one."""
        async with self._lock:
            await self._drop()


async def _rows(
    cursor: psycopg.AsyncCursor[Any], statement: str, parameters: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    await cursor.execute(statement, parameters, prepare=True)
    return await cursor.fetchall()


def as_text(statement: Select[Any], given: str) -> str:
    """A statement for `Direct`, its own constants written into it; `given` names the parameter
    that comes with each use."""
    compiled = statement.compile(dialect=_DIALECT)
    constants = {
        name: f"%({name})s" if name == given else _literal(value)
        for name, value in compiled.params.items()
    }
    return str(compiled) % constants


def _literal(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or "%" in value:
        raise TypeError(f"{value!r} is no constant that can be written into a statement")
    return "'" + value.replace("'", "''") + "'"


def announce(session: AsyncSession, *topics: str) -> None:
    """Wake those who wait for these topics, on every process, once this transaction commits."""
    session.info.setdefault("topics", set()).update(topics)


async def clock(session: AsyncSession) -> datetime:
    """PostgreSQL's wall clock now (not the start of the transaction, which may lie before a
    lock that this transaction waited for)."""
    found: datetime = (await session.execute(text("select clock_timestamp()"))).scalar_one()
    return found.astimezone(UTC)


def _too_many_searches() -> Unavailable:
    return Unavailable(
        "As many searches are under way as may be at once. Send it again in a moment.",
        retry_after=2,
    )


def _as_problem(error: IntegrityError) -> Exception:
    diagnostics = getattr(error.orig, "diag", None)
    name = getattr(diagnostics, "constraint_name", None)
    return problem_for_constraint(name) or error
