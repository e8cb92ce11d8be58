"""The connection beside the pool does not wait for ever."""

import asyncio

import psycopg
import pytest

from app.core.db import Direct
from app.core.runtime import Runtime


async def test_a_statement_that_is_not_answered_holds_up_nobody_for_long(runtime: Runtime) -> None:
    opened = []

    async def connect() -> psycopg.AsyncConnection[tuple[object, ...]]:
        opened.append(await psycopg.AsyncConnection.connect(runtime.db.url))
        return opened[-1]

    direct = Direct(connect, patience=0.2)
    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        await direct.fetch("select pg_sleep(%(seconds)s)", {"seconds": 2})
    assert await direct.fetch("select %(one)s::int", {"one": 1}) == [(1,)]
    assert len(opened) == 2
    await direct.close()
    async with asyncio.timeout(30):
        await direct.settle()
    assert all(connection.closed for connection in opened)
