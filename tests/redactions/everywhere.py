"""Looking for a text in all that PostgreSQL holds."""

from typing import Any

import psycopg

Sql = psycopg.AsyncConnection[tuple[Any, ...]]

COLUMNS = """
    select table_name, column_name, data_type = 'jsonb' from information_schema.columns
    join pg_class on relname = table_name and relkind = 'r'
        and relnamespace = 'public'::regnamespace
    where table_schema = 'public' and (
        data_type in ('text', 'jsonb', 'json', 'character varying', 'character')
        or (data_type = 'ARRAY' and udt_name in ('_text', '_varchar', '_jsonb')))
"""
# Every string in a document: its values and its keys, in any depth.
STRINGS = """
    with recursive inside(item) as (
        select {column} from {table} where {column} is not null
        union all
        select found.item from inside, lateral (
            select value from jsonb_array_elements(
                case jsonb_typeof(inside.item) when 'array' then inside.item else '[]' end) a(value)
            union all
            select unnest(array[to_jsonb(key), value]) from jsonb_each(
                case jsonb_typeof(inside.item) when 'object' then inside.item else '{{}}' end)
        ) found(item)
    )
    select count(*) from inside
    where jsonb_typeof(item) = 'string' and strpos(item #>> '{{}}', %s) > 0
"""


async def columns(sql: Sql) -> list[tuple[str, str, bool]]:
    """Every column that holds texts: (table, column, whether it is a document)."""
    return await (await sql.execute(COLUMNS)).fetchall()  # type: ignore[return-value]


async def holding(sql: Sql, text: str) -> set[str]:
    """Each column (`versions.params`) in which the text stands."""
    found = set()
    for table, column, is_document in await columns(sql):
        if is_document:
            query = STRINGS.format(table=table, column=column)
        else:
            query = (
                f"select count(*) from {table}, unnest(array[]::text[] || {column}) each "
                "where strpos(each, %s) > 0"
            )
        rows = await (await sql.execute(query, [text])).fetchone()  # type: ignore[arg-type]
        if rows and rows[0]:
            found.add(f"{table}.{column}")
    body = "select 1 from idempotency_keys where position(convert_to(%s, 'UTF8') in body) > 0"
    if await (await sql.execute(body, [text])).fetchone():
        found.add("idempotency_keys.body")
    return found
