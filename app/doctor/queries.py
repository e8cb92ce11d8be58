"""What the doctor asks of several rooms at once, and of PostgreSQL itself."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import Row, distinct, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.access.service import is_enabled_admin
from app.files.tables import File, Upload
from app.identities.tables import Identity
from app.models.tables import Model
from app.tokens.tables import Token
from app.versions.tables import Version

Connection = psycopg.AsyncConnection[TupleRow]


class Naming(NamedTuple):
    """Who has a file with one blob: how many versions, and the first of them."""

    versions: int
    first: list[str]


async def naming(session: AsyncSession, sha256: str, limit: int) -> Naming:
    """Who names a blob, those of deleted models too, which can be restored."""
    joined = (
        select(Model.name, Version.number, Model.deleted_at)
        .join(Version, Version.model_id == Model.id)
        .join(File, File.version_id == Version.id)
        .where(File.sha256 == sha256)
    )
    counting = select(func.count(distinct(File.version_id))).where(File.sha256 == sha256)
    rows = await session.execute(
        joined.distinct().order_by(Model.name, Version.number).limit(limit)
    )
    first = [
        f"{row.name} {row.number}" + (" (deleted)" if row.deleted_at is not None else "")
        for row in rows
    ]
    return Naming(int((await session.execute(counting)).scalar_one()), first)


async def under_way(session: AsyncSession, uploads: Collection[UUID]) -> set[UUID]:
    """Which of these are uploads that take bytes or wait for their proof."""
    statement = select(Upload.id).where(
        Upload.id.in_(uploads), Upload.status.in_(("open", "received"))
    )
    return set((await session.execute(statement)).scalars())


class Extension(NamedTuple):
    """An extension that PostgreSQL could create; `created` is its version in this database."""

    created: str | None


async def extension(connection: Connection, name: str) -> Extension | None:
    """An extension; None where PostgreSQL does not have it."""
    cursor = await connection.execute(
        "SELECT installed_version FROM pg_available_extensions WHERE name = %s", [name]
    )
    row = await cursor.fetchone()
    return None if row is None else Extension(row[0])


async def is_superuser(connection: Connection) -> bool:
    """Whether the role of this connection is bound by nothing."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper)"
    )
    return (await cursor.fetchone()) == (True,)


async def most_connections(connection: Connection) -> int:
    """How many connections PostgreSQL allows at a time."""
    cursor = await connection.execute("SELECT current_setting('max_connections')::int")
    return int((await cursor.fetchone() or (0,))[0])


async def admin_can_come_in(session: AsyncSession) -> bool:
    """Whether an enabled admin has a token that works and is not narrowed; or nobody is there yet,
    and the first start makes the first one."""
    usable = select(Token.id).where(
        Token.identity_id.in_(select(Identity.id).where(is_enabled_admin)),
        Token.revoked_at.is_(None),
        or_(Token.expires_at.is_(None), Token.expires_at > func.statement_timestamp()),
        Token.models.is_(None),
        literal("admin") == func.any(Token.scopes),
    )
    statement = select(or_(usable.exists(), ~select(Identity.id).exists()))
    return bool((await session.execute(statement)).scalar_one())


async def without_enabled_owner(session: AsyncSession) -> Sequence[Row[str, str]]:
    """Enabled service accounts whose owner is disabled, with the owner."""
    owner = aliased(Identity)
    statement = (
        select(Identity.name, owner.name)
        .join(owner, owner.id == Identity.owner_id)
        .where(Identity.disabled_at.is_(None), owner.disabled_at.is_not(None))
        .order_by(Identity.name)
    )
    return (await session.execute(statement)).all()
