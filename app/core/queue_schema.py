"""The queue's tables: applied from the installed library, and moved on by its own scripts.

`queue_schema` (one row) says which of the library's scripts the database has, by name; the names
sort by version.
"""

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager

OWN_TABLE = "queue_schema"


@cache
def expected_script() -> str:
    """The newest script of the installed library."""
    return _scripts()[-1].stem


def migrate(connection: psycopg.Connection[Any]) -> None:
    """Bring the queue's tables up to date, each step a transaction of its own. The caller holds
    the lock of migrations, on a connection in autocommit."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {OWN_TABLE} ("
        "one boolean PRIMARY KEY DEFAULT true CHECK (one), "
        "script text NOT NULL, library text NOT NULL, "
        "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    row = connection.execute(f"SELECT script FROM {OWN_TABLE}").fetchone()  # noqa: S608
    if row is None:
        _apply(connection, SchemaManager.get_schema(), expected_script())
        return
    for script in _scripts():
        if script.stem > row[0]:
            _apply(connection, script.read_text(encoding="utf-8"), script.stem)


def _apply(connection: psycopg.Connection[Any], statements: str, script: str) -> None:
    with connection.transaction():
        connection.execute(statements.encode())
        connection.execute(
            f"INSERT INTO {OWN_TABLE} (script, library) VALUES (%s, %s) "  # noqa: S608
            "ON CONFLICT (one) DO UPDATE SET script = excluded.script, "
            "library = excluded.library, applied_at = clock_timestamp()",
            [script, version("procrastinate")],
        )


def _scripts() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
