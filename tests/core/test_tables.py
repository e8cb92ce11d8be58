"""The tables that the code describes are those that the migrations make, to the last predicate.

`alembic check` (in test_schema.py) looks at names, types and columns. It does not look into check
and exclusion constraints, the predicates of partial indexes, defaults or generated columns: those
are compared here as PostgreSQL itself writes them.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, LiteralString

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine

from app.audit.tables import RecordEra
from app.core import schema
from app.core.db import Base
from app.core.embedded import EmbeddedPostgres

Sql = psycopg.Connection[tuple[Any, ...]]

SHAPE = """
    with ours as (
        select oid, relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    )
    select 'constraint', relname, conname, pg_get_constraintdef(c.oid)
        from pg_constraint c join ours on ours.oid = conrelid where contype not in ('n', 't')
    union all
    select 'index', relname, indexrelid::regclass::text, pg_get_indexdef(indexrelid)
        from pg_index join ours on ours.oid = indrelid
    union all
    select 'column', relname, attname, concat_ws(' ',
            format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
            'collation ' || nullif(attcollation, 0)::regcollation,
            'identity ' || nullif(attidentity::text, ''),
            'generated ' || nullif(attgenerated::text, ''),
            'default ' || pg_get_expr(adbin, adrelid))
        from pg_attribute join ours on ours.oid = attrelid
        left join pg_attrdef on (adrelid, adnum) = (attrelid, attnum)
        where attnum > 0 and not attisdropped
"""


@pytest.fixture(scope="module")
def databases(postgres: EmbeddedPostgres) -> Iterator[tuple[Sql, Sql]]:
    """One that the migrations made, and one that the code describes."""
    names = ("migrated", "described")
    with psycopg.connect(postgres.superuser_url, autocommit=True) as admin:
        for name in names:
            admin.execute(f"create database {name} owner stageward")  # type: ignore[call-overload]
        urls = [postgres.url.replace("/stageward?", f"/{name}?") for name in names]
        schema.migrate(urls[0])
        with psycopg.connect(urls[0]) as migrated, psycopg.connect(urls[1]) as described:
            describe(urls[1], migrated)
            yield migrated, described
        for name in names:
            admin.execute(f"drop database {name} with (force)")  # type: ignore[call-overload]


def describe(url: str, migrated: Sql) -> None:
    """Make every table as the code describes it, and the functions that a default and an index
    call."""
    called = ("stageward_era", "stageward_model_text")
    era, model_text = (
        migrated.execute("select pg_get_functiondef(%s::regproc)", [name]).fetchone()
        for name in called
    )
    assert era is not None
    assert model_text is not None
    schema.load_tables()
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("create extension btree_gist")
        connection.exec_driver_sql("create extension pg_trgm")
        connection.exec_driver_sql(model_text[0])
        Base.metadata.create_all(connection, tables=[Base.metadata.tables[RecordEra.__tablename__]])
        connection.exec_driver_sql(era[0])
        Base.metadata.create_all(connection)


def shape(connection: Sql) -> set[tuple[str, ...]]:
    """Every constraint, index and column, in PostgreSQL's own words."""
    rows = connection.execute(SHAPE).fetchall()
    return {row for row in rows if row[1] in Base.metadata.tables}


def test_the_migrations_make_what_the_code_describes(databases: tuple[Sql, Sql]) -> None:
    migrated, described = map(shape, databases)
    assert sorted(migrated - described) == []
    assert sorted(described - migrated) == []
    kinds = ("column", "constraint", "index")
    assert {row[:2] for row in migrated} == set(product(kinds, Base.metadata.tables))


@pytest.mark.parametrize(
    "change",
    [
        "alter table blobs drop constraint ck_blobs_size, "
        "add constraint ck_blobs_size check (size > 0)",
        "alter table tenures drop constraint ex_tenures_one_holder, "
        "add constraint ex_tenures_one_holder exclude using gist "
        "(model_id with =, stage with =, held with &&) where (not exclusive)",
        "alter table tenures drop constraint fk_tenures_version_id, add constraint "
        "fk_tenures_version_id foreign key (version_id) references versions on delete cascade",
        "drop index uq_tenures_open_version; create unique index uq_tenures_open_version "
        "on tenures (version_id) where not upper_inf(held)",
        "drop index uq_groups_name; create unique index uq_groups_name on groups (name)",
        "alter table versions alter column name_key set expression as (upper(name))",
        "alter table events alter column at set default now()",
        "alter table events alter column at drop default",
        "alter table groups alter column revision type bigint",
        "alter table groups alter column created_by drop not null",
    ],
    ids=lambda change: " ".join(change.split()[-4:]),
)
def test_the_comparison_sees_a_difference(
    databases: tuple[Sql, Sql], change: LiteralString
) -> None:
    migrated, described = databases
    with migrated.transaction(force_rollback=True):
        migrated.execute(change)
        assert shape(migrated) != shape(described)
    assert shape(migrated) == shape(described)
