"""Who listens to PostgreSQL, and who looks every second because nobody may."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.signals import HEARTBEAT_SECONDS, POLL_SECONDS
from app.main import build_runtime
from tests.waiting import eventually

LISTENERS = (
    "select count(*) from pg_stat_activity where application_name = 'stageward-signals' "
    "and query like 'LISTEN%%' and pid <> all(%s)"
)
KEY = "a-secret-key-for-tests-0123456789"


@pytest.fixture
async def others(superuser_url: str) -> list[int]:
    """The connections of the test suite's own hub."""
    async with await psycopg.AsyncConnection.connect(superuser_url) as connection:
        rows = await connection.execute("select pid from pg_stat_activity")
        return [pid for (pid,) in await rows.fetchall()]


async def listeners(url: str, others: list[int]) -> int:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute(LISTENERS, [others])).fetchone()
        return row[0] if row else 0


@pytest.fixture
async def started(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Runtime]:
    """A process's runtime, with the addresses that the test's parameter names set."""
    url = request.getfixturevalue("database_url")
    addresses = dict.fromkeys(request.param, url)
    settings = Settings(data_dir=tmp_path, secret_key=KEY, **addresses)
    runtime = build_runtime(settings, url)
    runtime.hub.start()
    yield runtime
    await runtime.hub.stop()
    await runtime.db.close()


@pytest.mark.parametrize(
    "started",
    [("embedded_url",), ("database_url", "listen_url")],
    ids=["embedded", "told where"],
    indirect=True,
)
async def test_it_listens_where_an_address_is_direct(
    others: list[int], started: Runtime, superuser_url: str
) -> None:
    async def listens() -> bool:
        return await listeners(superuser_url, others) == 1

    await eventually(listens, what="a connection that listens")
    assert started.hub.longest_wait == HEARTBEAT_SECONDS


@pytest.mark.parametrize("started", [("database_url",)], ids=["external"], indirect=True)
async def test_it_looks_every_second_where_a_pooler_may_stand_in_between(
    started: Runtime,
) -> None:
    assert started.hub._tasks == []
    assert started.hub.longest_wait == POLL_SECONDS
