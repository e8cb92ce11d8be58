"""The schema: brought up to date by one at a time, and refused where it is another one."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from procrastinate.schema import SchemaManager
from psycopg import sql
from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from app.core import queue_schema, schema
from app.core.embedded import EmbeddedPostgres
from app.core.schema import SchemaTooNew, SchemaTooOld

MIGRATE = "import sys; from app.core import schema; print(schema.migrate(sys.argv[1]))"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("schema"), durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def empty(server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a database without anything in it."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("create database empty owner stageward")
        yield server.url.replace("/stageward?", "/empty?")
        connection.execute("drop database empty with (force)")


@pytest.fixture
def superuser(server: EmbeddedPostgres, empty: str) -> Iterator[psycopg.Connection[tuple[object]]]:
    """A superuser's connection to the same database."""
    url = server.superuser_url.replace("/stageward?", "/empty?")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


async def check(url: str) -> None:
    async def connect() -> psycopg.AsyncConnection[tuple[object]]:
        return await psycopg.AsyncConnection.connect(url)

    engine = create_async_engine("postgresql+psycopg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await schema.check(connection)
    await engine.dispose()


def functions(url: str) -> set[tuple[str, ...]]:
    """The queue's tables, columns, indexes, triggers and functions, as far as names tell."""
    with psycopg.connect(url) as connection:
        return set(
            connection.execute(
                "select 'function', proname, pg_get_function_arguments(oid) from pg_proc "
                "where proname like 'procrastinate%' "
                "union all select 'column', table_name || '.' || column_name, data_type "
                "from information_schema.columns where table_name like 'procrastinate%' "
                "union all select 'index', indexname, '' from pg_indexes "
                "where tablename like 'procrastinate%' "
                "union all select 'trigger', tgname, tgrelid::regclass::text from pg_trigger "
                "where tgname like 'procrastinate%'"
            ).fetchall()
        )


async def test_an_empty_database_is_refused_until_it_is_migrated(empty: str) -> None:
    with pytest.raises(SchemaTooOld, match=r"has no schema yet.*python -m app migrate"):
        await check(empty)
    assert schema.migrate(empty) == schema.expected_revision()
    await check(empty)
    assert schema.migrate(empty) == schema.expected_revision()


def migrated_by_three_processes(url: str) -> list[str]:
    processes = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, url], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    return [process.communicate()[0].strip() for process in processes]


def with_queue_as_of(url: str, script: str) -> None:
    """Make the queue's tables as an older release of the library left them."""
    scripts = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    old = [path for path in scripts if path.stem <= script + "~"]
    assert len(old) < len(scripts)
    with psycopg.connect(url, autocommit=True) as connection:
        for path in old:
            connection.execute(path.read_bytes())
        connection.execute(
            "create table queue_schema (one boolean primary key default true, script text, "
            "library text, applied_at timestamptz default now())"
        )
        connection.execute(
            "insert into queue_schema (script, library) values (%s, 'old')", [old[-1].stem]
        )


async def test_processes_that_migrate_at_once_do_it_once(empty: str) -> None:
    answers = await asyncio.to_thread(migrated_by_three_processes, empty)
    assert answers == [schema.expected_revision()] * 3
    await check(empty)


async def test_an_older_schema_is_refused_with_the_remedy(empty: str) -> None:
    schema.migrate(empty)
    oldest = schema.known_revisions()[-1]
    assert oldest != schema.expected_revision()
    with psycopg.connect(empty) as connection:
        connection.execute("update alembic_version set version_num = %s", [oldest])
    with pytest.raises(SchemaTooOld, match=rf"at revision {oldest}.*python -m app migrate"):
        await check(empty)


async def test_a_newer_schema_is_refused_with_the_remedy(empty: str) -> None:
    schema.migrate(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(SchemaTooNew, match=r"older than the database.*Upgrade the server"):
        await check(empty)
    with pytest.raises(SchemaTooNew, match="9999"):
        schema.migrate(empty)


async def test_a_newer_queue_is_refused_with_the_remedy(empty: str) -> None:
    schema.migrate(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("update queue_schema set script = '99.00.00_01_pre_something'")
    with pytest.raises(SchemaTooNew, match="Upgrade the server"):
        await check(empty)
    with pytest.raises(SchemaTooNew, match="Upgrade the server"):
        schema.migrate(empty)


@pytest.mark.parametrize("since", ["02.14.01", "03.02.00", "03.04.00_01"])
async def test_an_older_queue_is_brought_up_to_date_by_its_own_scripts(
    empty: str, server: EmbeddedPostgres, since: str
) -> None:
    await asyncio.to_thread(with_queue_as_of, empty, since)
    schema.migrate(empty)
    await check(empty)
    schema.migrate(server.url)
    assert functions(empty) == functions(server.url)


def test_the_tables_are_what_the_migrations_make(empty: str) -> None:
    schema.migrate(empty)
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(empty), poolclass=NullPool
    )
    with engine.connect() as connection:
        command.check(schema.alembic_config(connection=connection))


async def test_the_newest_migration_can_be_taken_back(empty: str) -> None:
    schema.migrate(empty)
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(empty), poolclass=NullPool
    )
    with engine.connect() as connection:
        command.downgrade(schema.alembic_config(connection=connection), "-1")
    with pytest.raises(SchemaTooOld):
        await check(empty)
    schema.migrate(empty)
    await check(empty)


def test_a_migration_that_is_kept_waiting_gives_up_and_says_so(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.migrate(empty)
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", "50ms")
    with psycopg.connect(empty) as connection:
        connection.execute("lock table queue_schema")
        with pytest.raises(schema.MigrationBlocked, match=r"pg_stat_activity.*app migrate"):
            schema.migrate(empty)


@pytest.fixture
def serving(
    empty: str, superuser: psycopg.Connection[tuple[object]]
) -> Iterator[Callable[[str], None]]:
    """Runs a statement as a role that serves and owns nothing."""
    superuser.execute("create role serving login")
    schema.migrate(empty, serving_url="postgresql://serving@host/empty")

    def execute(statement: str) -> None:
        with superuser.transaction(force_rollback=True):
            superuser.execute("set local role serving")
            superuser.execute(sql.SQL(statement))  # type: ignore[arg-type]

    yield execute
    superuser.execute("drop owned by serving")
    superuser.execute("drop role serving")


def test_the_serving_role_may_work_and_not_rewrite_the_record(
    serving: Callable[[str], None],
) -> None:
    serving("select * from events")
    serving("select * from models for update")
    serving("delete from models")
    serving("select procrastinate_register_worker_v1()")
    serving("select version_num from alembic_version")
    serving("select count(*) from seals join checkpoints using (seq)")
    serving(
        "insert into events (action, actor, subject, salt, payload, payload_sha256) "
        "values ('noted', 'a', 'x', '', '{}', sha256('{}')); "
        "insert into seals (seq, event_id, era, xid, texts_sha256, hash) "
        "select 1, id, era, xid, sha256('x'), sha256('x') from events"
    )
    for statement in (
        "update events set action = 'nothing'",
        "delete from events",
        "truncate events",
        "update seals set hash = sha256('x')",
        "delete from seals",
        "truncate seals cascade",
        "update checkpoints set key_id = 'x'",
        "delete from checkpoints",
        "truncate checkpoints",
        "set session_replication_role = replica",
        "alter table seals disable trigger all",
        "truncate models cascade",
        "update alembic_version set version_num = '0'",
        "delete from queue_schema",
        "drop table models",
        "alter table events disable trigger all",
        "create table mine (i int)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            serving(statement)


def test_the_queue_knows_its_newest_script() -> None:
    assert queue_schema.expected_script() >= "03.04.00"
