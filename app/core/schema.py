"""The schema of the database: bringing it up to date, and refusing to serve on another one.

`migrate` is safe to run any number of times at once: one works, the others wait and then find
nothing to do. Serving processes never change the schema; they `check` it.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

import app
from app.core import eras, queue_schema
from app.core.queue_schema import OWN_TABLE

MIGRATIONS = Path(app.__file__).resolve().parent.parent / "migrations"
LOCK_KEY = 0x5354_4147_4557_4152  # "STAGEWAR"
LOCK_TIMEOUT = "10s"
APPEND_ONLY = (
    *("events", "record_eras", "seals", "checkpoints"),
    *("redactions", "redaction_places"),
)
READ_ONLY = ("alembic_version", OWN_TABLE)


class SchemaError(Exception):
    """The schema is not the one that this code works with; the text has the remedy."""


class SchemaTooOld(SchemaError):
    """The database waits for `migrate`."""


class SchemaTooNew(SchemaError):
    """The database was migrated by a later release than this one."""


class MigrationBlocked(SchemaError):
    """Somebody held a table for longer than a migration waits."""


def load_tables() -> None:
    """Import every room's tables, so that the metadata is whole."""
    for room in pkgutil.iter_modules(app.__path__, "app."):
        if room.ispkg and (Path(app.__path__[0]) / room.name[4:] / "tables.py").exists():
            importlib.import_module(f"{room.name}.tables")


def alembic_config(**attributes: Any) -> Config:
    """Alembic's configuration; `attributes` reach `migrations/env.py`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes.update(attributes)
    return config


@cache
def known_revisions() -> tuple[str, ...]:
    """Every revision that this code knows, the newest first."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return tuple(script.revision for script in scripts.walk_revisions())


def expected_revision() -> str:
    """The revision that this code works with."""
    return known_revisions()[0]


def is_ours(name: str | None, kind: str) -> bool:
    """Whether a table in the database is described by our metadata; the queue's are not."""
    if kind != "table" or name is None:
        return True
    return name != OWN_TABLE and not name.startswith("procrastinate_")


def migrate(url: str, *, serving_url: str | None = None) -> str:
    """Bring the schema up to date and return its revision.

    `url` must reach PostgreSQL directly, not through a transaction pooler. Where the role of
    `serving_url` is another one, it is given the rights to serve, and no more. Raises
    `SchemaTooNew`, or `MigrationBlocked` when a table could not be had within ten seconds.
    """
    try:
        with _alone(url) as connection:
            _verdict(*_found(connection), allow_old=True)
            _upgrade(url)
            queue_schema.migrate(connection)
            eras.begin_if_restored(connection)
            if serving_url is not None:
                _grant(connection, serving_url)
    except (psycopg.errors.LockNotAvailable, OperationalError) as error:
        cause = getattr(error, "orig", error)
        if not isinstance(cause, psycopg.errors.LockNotAvailable):
            raise cause from None
        raise MigrationBlocked(_blocked(cause)) from error
    return expected_revision()


async def check(connection: AsyncConnection) -> None:
    """Raise `SchemaTooOld` or `SchemaTooNew` unless the schema is the one this code works with."""
    there = await connection.execute(text(_THERE))
    if there.scalar_one() is None:
        _verdict(None, None)
    found = (await connection.execute(text(_FOUND))).one_or_none()
    _verdict(*(found or (None, None)))


_THERE = f"SELECT to_regclass('{OWN_TABLE}')"
_FOUND = f"SELECT (SELECT version_num FROM alembic_version), (SELECT script FROM {OWN_TABLE})"  # noqa: S608


def _found(connection: psycopg.Connection[Any]) -> tuple[str | None, str | None]:
    """The revisions of our tables and of the queue's."""
    ours = theirs = None
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() != (None,):
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        ours = row[0] if row else None
    if connection.execute(_THERE).fetchone() != (None,):
        row = connection.execute(f"SELECT script FROM {OWN_TABLE}").fetchone()  # noqa: S608
        theirs = row[0] if row else None
    return ours, theirs


def _verdict(ours: str | None, theirs: str | None, *, allow_old: bool = False) -> None:
    if ours is not None and ours not in known_revisions():
        raise SchemaTooNew(_too_new(f"revision {ours}", expected_revision()))
    if theirs is not None and theirs > queue_schema.expected_script():
        raise SchemaTooNew(_too_new(f"queue script {theirs}", queue_schema.expected_script()))
    if not allow_old and (ours, theirs) != (expected_revision(), queue_schema.expected_script()):
        found = "has no schema yet" if ours is None else f"is at revision {ours}"
        raise SchemaTooOld(
            f"The database {found}, and this server works with {expected_revision()}. Bring it up "
            "to date first: python -m app migrate"
        )


def _too_new(found: str, known: str) -> str:
    return (
        f"This server is older than the database, which is at {found}; the newest that this server "
        f"knows is {known}. Upgrade the server, or restore a backup from before the upgrade."
    )


def _blocked(error: Exception) -> str:
    return (
        f"A table was in use for longer than a migration waits ({LOCK_TIMEOUT}): "
        f"{str(error).strip()}. What was done so far is kept; end the long transaction (see "
        "pg_stat_activity) and run it again: python -m app migrate"
    )


@contextmanager
def _alone(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that holds the lock of migrations for as long as it lives."""
    with psycopg.connect(url, autocommit=True, application_name="stageward-migrate") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        connection.execute(sql.SQL("SET lock_timeout = {}").format(LOCK_TIMEOUT))
        yield connection


def _upgrade(url: str) -> None:
    """Run Alembic. Each migration is a transaction of its own."""

    def connect() -> psycopg.Connection[Any]:
        options = f"-c lock_timeout={LOCK_TIMEOUT} -c statement_timeout=0 -c timezone=UTC"
        return psycopg.connect(url, options=options, application_name="stageward-migrate")

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    with engine.connect() as connection:
        command.upgrade(alembic_config(connection=connection), "head")


def _grant(connection: psycopg.Connection[Any], serving_url: str) -> None:
    """Give the serving role its rights anew, exactly: events can be added and read, and no table
    can be emptied at a stroke."""
    role = str(psycopg.conninfo.conninfo_to_dict(serving_url).get("user") or "")
    own = connection.execute("SELECT current_user").fetchone()
    if not role or own == (role,):
        return
    who = sql.Identifier(role)
    with connection.transaction():
        for statement in _GRANTS:
            connection.execute(sql.SQL(statement).format(who))
        for tables, rights in ((APPEND_ONLY, "SELECT, INSERT"), (READ_ONLY, "SELECT")):
            for table in map(sql.Identifier, tables):
                connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(table, who))
                connection.execute(
                    sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), table, who)
                )


_GRANTS = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}",
    "GRANT USAGE ON SCHEMA public TO {}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {}",
)
