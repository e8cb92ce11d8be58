"""`python -m app doctor`: all that serving needs, looked at one by one, in plain words."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import typer
import uvloop
from psycopg.rows import TupleRow
from sqlalchemy.exc import SQLAlchemyError

from app.core import schema
from app.core.embedded import EmbeddedError, EmbeddedPostgres
from app.core.problems import Problem
from app.core.schema import SchemaError
from app.core.settings import Settings
from app.main import build_runtime
from app.serving import unreachable

OLDEST_POSTGRES = 140_000
EXTENSIONS = ("btree_gist",)
GIB = 2**30


class Findings:
    """What was found, printed as it is found."""

    def __init__(self) -> None:
        self.well = True

    def good(self, text: str) -> None:
        """Say that something is as it should be."""
        typer.echo(f"ok     {text}")

    def bad(self, text: str) -> None:
        """Say that something is wrong, and remember it."""
        self.well = False
        typer.echo(f"WRONG  {text}")

    def note(self, text: str) -> None:
        """Say something that is worth knowing."""
        typer.echo(f"note   {text}")


def examine(settings: Settings) -> bool:
    """Print a line for each thing looked at; whether all is well."""
    found = Findings()
    _settings(settings, found)
    try:
        with _database(settings, found) as url:
            if url is not None:
                uvloop.run(_services(settings, url, found))
    except EmbeddedError as error:
        found.bad(str(error))
    return found.well


def _settings(settings: Settings, found: Findings) -> None:
    known = {f"STAGEWARD_{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(n for n in os.environ if n.startswith("STAGEWARD_") and n not in known)
    if unknown:
        found.bad(f"Settings: {', '.join(unknown)} mean nothing here; see docs/settings.md.")
    else:
        found.good("Settings: each has a meaning and an allowed value.")
    if settings.public_url is None and settings.host not in ("127.0.0.1", "localhost", "::1"):
        found.note(
            f"Links that the server signs begin with {settings.base_url}. Set "
            "STAGEWARD_PUBLIC_URL to the address that clients use."
        )
    if not settings.embedded and settings.listen_url is None:
        found.note(
            "Whoever waits looks once a second. Set STAGEWARD_LISTEN_URL to an address that "
            "reaches PostgreSQL without a pooler, and they are woken instead."
        )


@contextmanager
def _database(settings: Settings, found: Findings) -> Iterator[str | None]:
    """The database to look at: the operator's, or our own, started for this if it does not run."""
    if not settings.embedded:
        yield settings.serving_url
        return
    if not settings.data_dir.exists():
        found.note(f"{settings.data_dir} is not there yet; the first `serve` makes it.")
        yield None
        return
    free = shutil.disk_usage(settings.data_dir).free
    (found.good if free > GIB else found.bad)(
        f"Data directory: {settings.data_dir.absolute()}, {free / GIB:.1f} GiB free."
    )
    postgres = EmbeddedPostgres(settings.data_dir)
    running = postgres.running_url()
    try:
        yield running or postgres.start()
    finally:
        postgres.stop()


async def _services(settings: Settings, url: str, found: Findings) -> None:
    try:
        runtime = build_runtime(settings, url)
    except (ValueError, OSError) as error:
        found.bad(f"Blob store: {error}")
        return
    try:
        await _postgres(url, settings, found)
        async with runtime.db.engine.connect() as connection:
            await schema.check(connection)
        found.good(f"Schema: at revision {schema.expected_revision()}, which this server needs.")
    except SchemaError as error:
        found.bad(f"Schema: {error}")
    except (psycopg.Error, SQLAlchemyError) as error:
        found.bad(unreachable(error))
    finally:
        await runtime.db.close()
    await _store(settings, runtime.store, found)


async def _postgres(url: str, settings: Settings, found: Findings) -> None:
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
        number = connection.info.server_version
        version = f"PostgreSQL: version {number // 10_000}.{number % 10_000}"
        if number < OLDEST_POSTGRES:
            found.bad(f"{version} is too old; 14 is the oldest that works.")
        else:
            found.good(f"{version} answers.")
        await _extensions(connection, found)
        await _role(connection, settings, found)


async def _extensions(connection: psycopg.AsyncConnection[TupleRow], found: Findings) -> None:
    for name in EXTENSIONS:
        row = await _one(
            connection,
            "SELECT installed_version FROM pg_available_extensions WHERE name = %s",
            name,
        )
        if row is None:
            found.bad(
                f"PostgreSQL: it lacks the extension {name}. Install PostgreSQL's contrib package."
            )
        elif row[0] is None:
            found.bad(f"PostgreSQL: the extension {name} is not created: python -m app migrate")
        else:
            found.good(f"PostgreSQL: the extension {name} is there.")


async def _role(
    connection: psycopg.AsyncConnection[TupleRow], settings: Settings, found: Findings
) -> None:
    row = await _one(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if row is not None and row[0]:
        found.bad(
            "PostgreSQL: the server connects as a superuser, whom no trigger binds for sure. Give "
            "it a role of its own in STAGEWARD_DATABASE_URL."
        )
    row = await _one(
        connection, "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'"
    )
    needed = settings.workers * (settings.pool_size + 2)
    if row is not None and row[0] < needed:
        found.bad(
            f"PostgreSQL: it allows {row[0]} connections, and this server may use {needed}. Raise "
            "max_connections or lower STAGEWARD_POOL_SIZE."
        )


async def _one(
    connection: psycopg.AsyncConnection[TupleRow], query: str, *values: object
) -> TupleRow | None:
    cursor = await connection.execute(query.encode(), values)
    return await cursor.fetchone()


async def _store(settings: Settings, store: "object", found: Findings) -> None:
    where = "the local directory" if settings.s3_bucket is None else f"S3 {settings.s3_bucket}"
    try:
        await store.prepare()  # type: ignore[attr-defined]
        await store.check()  # type: ignore[attr-defined]
        await store.close()  # type: ignore[attr-defined]
    except Problem as problem:
        found.bad(f"Blob store: {where} cannot be used. {problem.detail}")
        return
    found.good(f"Blob store: {where} takes, gives back and removes a small object.")
    if settings.s3_bucket is None:
        found.note(
            "Blob store: a directory enforces nothing by itself. Every byte passes through this "
            "server, which hashes it on its way and signs each link for one part of one upload."
        )
