"""COPY as fast as it goes: rows as lines of text, and no index kept up that can be made after."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]
_SECONDARY = """
    select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
    from pg_index i where i.indrelid = any(%s::regclass[]) and not i.indisunique
        and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
    order by i.indexrelid
"""
_KEYS = """
    select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
    from pg_constraint where contype in ('p', 'f') and conrelid = any(%s::regclass[])
    order by contype, conrelid
"""


def connect(url: str) -> Connection:
    """A connection in autocommit, on which no statement is too long."""
    options = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
    return psycopg.connect(url, autocommit=True, options=options)


def cell(value: object) -> str:
    """A value as COPY reads it."""
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return text


def line(*values: object) -> str:
    """A row; its texts hold no tab and no end of line."""
    return "\t".join(map(cell, values)) + "\n"


def copy_lines(
    connection: Connection, table: str, columns: Sequence[str], lines: Iterable[str]
) -> None:
    """Append these rows to a table."""
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for each in lines:
            copy.write(each)


@contextmanager
def without_indexes(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """Drop the indexes that no constraint needs, and make them again at the end."""
    found = connection.execute(_SECONDARY, [list(tables)]).fetchall()
    for name, _ in found:
        connection.execute(f"drop index {name}".encode())
    yield
    connection.execute("set maintenance_work_mem = '512MB'")
    for _, definition in found:
        connection.execute(definition.encode())


@contextmanager
def without_keys(connection: Connection, tables: Sequence[str]) -> Iterator[None]:
    """Drop the primary and foreign keys as well, and make them again at the end."""
    found = connection.execute(_KEYS, [list(tables)]).fetchall()
    for table, name, _ in found:  # foreign keys come before the keys that they point at
        connection.execute(f"alter table {table} drop constraint {name}".encode())
    yield
    connection.execute("set maintenance_work_mem = '512MB'")
    for table, name, definition in reversed(found):
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())


@contextmanager
def without_trigger(connection: Connection, trigger: str, tables: Sequence[str]) -> Iterator[None]:
    """Let a guard sleep that is for later, not for the rows that are there from the beginning."""
    for table in tables:
        connection.execute(f"alter table {table} disable trigger {trigger}".encode())
    yield
    for table in tables:
        connection.execute(f"alter table {table} enable trigger {trigger}".encode())


def vacuum(connection: Connection, tables: Iterable[str]) -> None:
    """Leave tables as autovacuum would, with statistics for the planner."""
    for table in tables:
        connection.execute(f"vacuum (freeze, analyze) {table}".encode())
