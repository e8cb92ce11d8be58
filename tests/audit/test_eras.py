"""The record goes on after a restore: what PostgreSQL numbers anew is ordered by an era."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import true

from app.audit import service as audit
from app.audit.queries import Asked
from app.core import eras, schema
from app.core.cluster import BINARIES
from app.core.embedded import EmbeddedPostgres
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.main import build_runtime
from app.serving import prepare

Sql = psycopg.Connection[tuple[Any, ...]]
KEY = "a-secret-key-for-tests-0123456789"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "new", durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def sql(server: EmbeddedPostgres) -> Iterator[Sql]:
    """An administrator's connection to the migrated database, past its guards."""
    schema.migrate(server.url)
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


@pytest.fixture
async def runtime(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Runtime]:
    runtime = build_runtime(Settings(data_dir=tmp_path / "files", secret_key=KEY), server.url)
    yield runtime
    await runtime.db.close()


class Follower:
    """Reads on from where it was, whatever runtime it asks."""

    def __init__(self) -> None:
        self.after: str | None = None

    async def read(self, runtime: Runtime, limit: int = 200) -> list[str]:
        async def all_of_it() -> Any:
            return true()

        place = audit.position(self.after, "after")
        asked = Asked(place, None, None, None, None, newest_first=False, limit=limit)
        page = await audit.follow(runtime.db, asked, all_of_it, 0)
        self.after = page.next_after
        return [event.subject for event in page.items]


async def record(runtime: Runtime, *subjects: str) -> None:
    for subject in subjects:
        async with runtime.db.transaction() as session:
            audit.record(session, None, "test.done", subject=subject)


def era(connection: Sql) -> int:
    row = connection.execute("select stageward_era()").fetchone()
    assert row is not None
    return int(row[0])


def set_ahead(connection: Sql) -> None:
    """Events as they look in a PostgreSQL that counts from the beginning again."""
    connection.execute("update events set xid = (xid::text::bigint + 1000000)::text::xid8")


def spend(server: EmbeddedPostgres, transactions: int) -> None:
    """Have the server count so many transactions."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        loop = f"for i in 1..{transactions} loop perform pg_current_xact_id(); commit; end loop"
        connection.execute(f"do $$ begin {loop}; end $$")  # type: ignore[call-overload]


def run(program: str, *arguments: str | Path) -> None:
    environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
    subprocess.run([BINARIES / program, *arguments], check=True, env=environment)


def moved(old: EmbeddedPostgres, new: EmbeddedPostgres, dump: Path) -> None:
    """Dump the one and restore into the other, as docs/operations.md shows."""
    run("pg_dump", "-Fc", "-f", dump, "-d", old.superuser_url)
    with psycopg.connect(
        new.superuser_url.replace("/stageward?", "/postgres?"), autocommit=True
    ) as connection:
        connection.execute("drop database stageward with (force)")
        connection.execute("create database stageward owner stageward")
    run("pg_restore", "--exit-on-error", "-d", new.superuser_url, dump)


@pytest.mark.parametrize("counted", [0, 6000], ids=["ahead of it", "among its own"])
async def test_a_follower_goes_on_where_the_record_was_restored_into_another_postgresql(
    server: EmbeddedPostgres, runtime: Runtime, tmp_path: Path, counted: int
) -> None:
    """The ids of its transactions lie ahead of what that one has counted, or among it, behind the
    place that a follower has reached."""
    old = EmbeddedPostgres(tmp_path / "old", durable=False)
    schema.migrate(old.start())
    before = build_runtime(Settings(data_dir=tmp_path / "files", secret_key=KEY), old.url)
    follower, slow, afresh = Follower(), Follower(), Follower()
    try:
        spend(old, 3000)
        spend(server, counted)
        await record(before, "a", "b", "c")
        spend(old, 9000)
        assert await follower.read(before) == ["a", "b", "c"]
        assert await slow.read(before, limit=2) == ["a", "b"]
    finally:
        await before.db.close()
    try:
        await asyncio.to_thread(moved, old, server, tmp_path / "dump")
    finally:
        old.stop()
    schema.migrate(server.url)
    await record(runtime, "d", "e")
    assert await follower.read(runtime) == ["d", "e"]
    assert await slow.read(runtime) == ["c", "d", "e"]
    assert await afresh.read(runtime, limit=3) == ["a", "b", "c"]
    assert await afresh.read(runtime) == ["d", "e"]
    assert await follower.read(runtime) == []


async def test_events_from_the_future_are_shown_and_read_on_from(
    runtime: Runtime, server: EmbeddedPostgres, sql: Sql
) -> None:
    follower, behind = Follower(), Follower()
    await record(runtime, "a", "b")
    set_ahead(sql)
    assert await follower.read(runtime) == []
    schema.migrate(server.url)
    assert era(sql) == 2
    assert await follower.read(runtime) == ["a", "b"]
    assert await behind.read(runtime, limit=1) == ["a"]
    await record(runtime, "c")
    assert await follower.read(runtime) == ["c"]
    assert await behind.read(runtime) == ["b", "c"]


async def test_a_server_that_starts_on_a_restored_record_begins_the_era(
    runtime: Runtime, server: EmbeddedPostgres, sql: Sql, tmp_path: Path
) -> None:
    await record(runtime, "a")
    set_ahead(sql)
    settings = Settings(data_dir=tmp_path / "files", database_url=server.url, secret_key=KEY)
    await prepare(settings)
    assert era(sql) == 2
    await prepare(settings)
    assert era(sql) == 2


async def test_processes_that_look_at_once_begin_one_era(
    runtime: Runtime, server: EmbeddedPostgres, sql: Sql
) -> None:
    await record(runtime, "a")
    set_ahead(sql)

    def begin() -> int | None:
        with psycopg.connect(server.url, autocommit=True) as connection:
            return eras.begin_if_restored(connection)

    begun = await asyncio.gather(*(asyncio.to_thread(begin) for _ in range(4)))
    assert sorted(begun, key=str) == [2, None, None, None]


async def test_no_era_begins_where_the_record_was_not_moved(
    runtime: Runtime, server: EmbeddedPostgres, sql: Sql
) -> None:
    await record(runtime, "a", "b")
    schema.migrate(server.url)
    sql.execute("vacuum (freeze, full) record_eras")
    sql.execute("vacuum (freeze, full) events")
    schema.migrate(server.url)
    assert era(sql) == 1


def test_postgres_refuses_to_change_when_eras_began(sql: Sql) -> None:
    sql.execute("set session_replication_role = origin")
    for statement in (
        "update record_eras set began_at = now()",
        "delete from record_eras",
        "truncate record_eras",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            sql.execute(statement)  # type: ignore[call-overload]
