"""Eras of the record: one begins wherever the record goes on in another PostgreSQL.

The place of an event is the id of its transaction, and every PostgreSQL server counts those for
itself. A restored dump brings ids that mean nothing where it was restored: they may lie ahead of
all that will be counted there for years, or among it. So the place of an event begins with the
number of an era, and what is restored stays in the eras that it has.
"""

from typing import Any

import psycopg
import structlog

LOCK_KEY = 0x5354_4147_4552_4153  # "STAGERAS"
log = structlog.get_logger()

# The row of an era holds the id of the transaction that wrote it. A copy of the row was written by
# another one, which PostgreSQL knows; freezing and rewriting the table leave that as it is. And
# should the two be the same by chance, no event can have been written by a transaction to come.
_BEGIN = """
    INSERT INTO record_eras (era)
    SELECT e.era + 1 FROM record_eras e
    WHERE e.era = stageward_era() AND (
        e.began_in::xid <> e.xmin
        OR EXISTS (
            SELECT FROM events
            WHERE era = e.era AND xid >= pg_snapshot_xmax(pg_current_snapshot())
        )
    )
    RETURNING era
"""


def begin_if_restored(connection: psycopg.Connection[Any]) -> int | None:
    """Begin a new era where this record was restored into this PostgreSQL since the last one
    began; its number, or None. `connection` is in autocommit. Safe any number of times at once.

    Nobody may have written to the record in between: followers that have read past it would miss
    that."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        row = connection.execute(_BEGIN).fetchone()
    if row is None:
        return None
    log.warning("record_era_began", era=row[0], reason="the database was restored from a dump")
    return int(row[0])


def look(url: str) -> int | None:
    """`begin_if_restored` over a connection of its own; it blocks."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        return begin_if_restored(connection)
