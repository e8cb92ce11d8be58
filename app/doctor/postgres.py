"""Looking at PostgreSQL: its version, its extensions, the role and the schema."""

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from app.core import schema
from app.core.runtime import Runtime
from app.core.schema import SchemaError
from app.core.settings import Settings
from app.doctor import queries
from app.doctor.findings import Findings
from app.doctor.queries import Connection
from app.serving import unreachable

OLDEST_POSTGRES = 140_000
EXTENSIONS = ("btree_gist", "pg_trgm")


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
        await _role(connection, found)
        await _connections(connection, settings, found)


async def _extensions(connection: Connection, found: Findings) -> None:
    for name in EXTENSIONS:
        extension = await queries.extension(connection, name)
        if extension is None:
            found.bad(
                f"PostgreSQL: it lacks the extension {name}. Install PostgreSQL's contrib package."
            )
        elif extension.created is None:
            found.bad(f"PostgreSQL: the extension {name} is not created: python -m app migrate")
        else:
            found.good(f"PostgreSQL: the extension {name} is there.")


async def _role(connection: Connection, found: Findings) -> None:
    if await queries.is_superuser(connection):
        found.bad(
            "PostgreSQL: the server connects as a superuser, whom no trigger binds for sure. Give "
            "it a role of its own in STAGEWARD_DATABASE_URL."
        )


async def _connections(connection: Connection, settings: Settings, found: Findings) -> None:
    allowed = await queries.most_connections(connection)
    needed = settings.workers * (settings.pool_size + settings.search_connections + 3)
    if allowed < needed:
        found.bad(
            f"PostgreSQL: it allows {allowed} connections, and this server may use {needed}. Raise "
            "max_connections or lower STAGEWARD_POOL_SIZE or STAGEWARD_SEARCH_CONNECTIONS."
        )
