"""Looking at PostgreSQL: its version, its extensions, the role and the schema."""

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy.exc import SQLAlchemyError

from app.core import schema
from app.core.runtime import Runtime
from app.core.schema import SchemaError
from app.core.settings import Settings
from app.doctor.findings import Findings
from app.serving import unreachable

OLDEST_POSTGRES = 140_000
EXTENSIONS = ("btree_gist",)


async def look_at_database(runtime: Runtime, settings: Settings, found: Findings) -> bool:
    """Whether it answers and has the schema that this server needs."""
    try:
        await _postgres(runtime.db.url, settings, found)
        async with runtime.db.engine.connect() as connection:
            await schema.check(connection)
    except SchemaError as error:
        found.bad(f"Schema: {error}")
    except (psycopg.Error, SQLAlchemyError) as error:
        found.bad(unreachable(error))
    else:
        found.good(f"Schema: at revision {schema.expected_revision()}, which this server needs.")
        return True
    return False


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
