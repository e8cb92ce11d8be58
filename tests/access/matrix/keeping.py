"""The whole database, kept and put back: the same scene for each test at the cost of a copy."""

from dataclasses import dataclass
from typing import Any

import psycopg

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
FIXED = ("alembic_version", "queue_schema", "record_eras")
# What a request may leave behind without having changed anything: when a token was last used, how
# often somebody failed to log in, how many requests there were.
TRACES = ("failed_logins", "request_counts")
UNTRACED = {"tokens": "(to_jsonb(t) - 'last_used_at')::text"}


@dataclass(frozen=True, slots=True)
class Kept:
    """Every row of every table, as PostgreSQL copies them."""

    rows: dict[str, bytes]

    @classmethod
    async def take(cls, sql: Sql) -> "Kept":
        rows = {}
        for table in await tables(sql):
            async with sql.cursor().copy(f'copy "{table}" to stdout (format binary)') as copy:
                rows[table] = b"".join([bytes(part) async for part in copy])
        return cls(rows)

    async def put_back(self, sql: Sql) -> None:
        """Leave nothing but these rows. The guards of the tables are those of a replica: none."""
        async with sql.transaction(), sql.cursor() as cursor:
            await cursor.execute("set local session_replication_role = replica")
            await cursor.execute("; ".join(f'delete from "{table}"' for table in self.rows))
            for table, rows in self.rows.items():
                if len(rows) > EMPTY:
                    async with cursor.copy(f'copy "{table}" from stdin (format binary)') as copy:
                        await copy.write(rows)


EMPTY = 21  # bytes of a binary copy without a row: its head and its end


async def tables(sql: Sql) -> list[str]:
    found = await sql.execute("select tablename from pg_tables where schemaname = 'public'")
    return sorted(name for (name,) in await found.fetchall() if name not in FIXED)


async def fingerprint(sql: Sql, names: list[str]) -> dict[str, str]:
    """A digest of each table: equal where nothing was changed."""
    parts = [
        f"select '{name}', md5(coalesce(string_agg({UNTRACED.get(name, 't::text')}, chr(10) "
        f"order by t::text), '')) from \"{name}\" t"
        for name in names
        if name not in TRACES
    ]
    found = await sql.execute(" union all ".join(parts))
    return dict(await found.fetchall())


async def newest_event(sql: Sql) -> Any:
    row = await (await sql.execute("select max(id) from events")).fetchone()
    return row[0] if row else None
