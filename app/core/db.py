"""The database: the only place where a transaction begins and commits.

A write runs in `Database.transaction()`, which commits before the response leaves; a read runs in
`Database.reading()`, in autocommit, one statement a snapshot; a write that is whole in one
statement may be its own transaction (`Database.at_once()`). What must be told to others after
the commit (`announce`) is handed to the hub only once the commit has succeeded.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import DateTime, LargeBinary, MetaData, TypeDecorator, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from app.core.problems import problem_for_constraint
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
    """A pool of connections and the two ways to use it."""

    def __init__(self, url: str, *, pool_size: int, hub: Hub) -> None:
        """`url` is any libpq connection string; nothing is opened before the first use."""
        self.url = url
        self.hub = hub

        self._is_closed = False

        async def connect() -> psycopg.AsyncConnection[Any]:
            if self._is_closed:
                raise psycopg.OperationalError("this process is ending")
            return await psycopg.AsyncConnection.connect(url, options=LIMITS, connect_timeout=5)

        self.engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            hide_parameters=True,  # bound values would reach the log with an error
        )
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")

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

    async def close(self) -> None:
        """Close every connection, for good: what still runs beside requests opens none anew."""
        self._is_closed = True
        await self.engine.dispose()


def announce(session: AsyncSession, *topics: str) -> None:
    """Wake those who wait for these topics, on every process, once this transaction commits."""
    session.info.setdefault("topics", set()).update(topics)


async def clock(session: AsyncSession) -> datetime:
    """PostgreSQL's wall clock now (not the start of the transaction, which may lie before a
    lock that this transaction waited for)."""
    found: datetime = (await session.execute(text("select clock_timestamp()"))).scalar_one()
    return found.astimezone(UTC)


def _as_problem(error: IntegrityError) -> Exception:
    diagnostics = getattr(error.orig, "diag", None)
    name = getattr(diagnostics, "constraint_name", None)
    return problem_for_constraint(name) or error
