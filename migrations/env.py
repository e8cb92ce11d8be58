"""How Alembic reaches the database and the tables.

`app.core.schema` hands over a connection. From Alembic's own command (to write a migration) the
database is the one of the settings.
"""

import psycopg
from alembic import context
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.dialects.postgresql.base import ischema_names

from app.audit.tables import Xid8
from app.core import schema
from app.core.db import Base
from app.core.settings import Settings

ischema_names["xid8"] = Xid8  # a type that SQLAlchemy does not know when it looks at a database


def run(connection: Connection) -> None:
    """Run what was asked for, each migration in a transaction of its own."""
    schema.load_tables()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=lambda name, kind, _: schema.is_ours(name, kind),
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def from_settings() -> Connection:
    """A connection to the database of the settings."""
    url = Settings().migrating_url
    return create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    ).connect()


if context.is_offline_mode():
    raise SystemExit("Migrations need a database to run on.")
given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with from_settings() as connection:
        run(connection)
