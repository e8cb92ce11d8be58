"""The guards read the tables of the registry, whatever else bears a table's name."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest

from app.core.embedded import EmbeddedPostgres

Sql = psycopg.Connection[tuple[Any, ...]]

ROWS = """
    insert into identities (id, name, kind, created_by)
        values (gen_random_uuid(), 'a', 'user', 'a');
    insert into models (id, name, created_by) values (gen_random_uuid(), 'churn', 'a');
    insert into blobs (sha256, size) values (sha256('x'), 1);
    insert into versions (id, model_id, number, status, created_by_id, created_by, ready_at,
            manifest_sha256, recipe_sha256)
        select gen_random_uuid(), models.id, 1, 'ready', identities.id, 'a', now(), sha256('m'),
            sha256('r')
        from models, identities;
    insert into version_files (version_id, path, sha256, size, media_type, added_by)
        select id, 'model.bin', sha256('x'), 1, 'text/plain', 'a' from versions;
    insert into tenures (id, model_id, version_id, stage, exclusive, held, promotion_id)
        select gen_random_uuid(), model_id, id, 'production', true, tstzrange(now(), null),
            gen_random_uuid()
        from versions;
"""


@pytest.fixture
def sql(postgres: EmbeddedPostgres) -> Iterator[Sql]:
    """A ready version with a file and a stage, and a session of the tables' owner; nothing
    stays."""
    with psycopg.connect(postgres.superuser_url) as connection:
        connection.execute("set local session_replication_role = replica")
        connection.execute(ROWS)
        connection.execute("set local session_replication_role = origin")
        connection.execute("set local role stageward")
        yield connection
        connection.rollback()


def refused(sql: Sql, statement: LiteralString) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation), sql.transaction():
        sql.execute(statement)


def test_every_function_of_ours_says_where_it_looks_for_tables(sql: Sql) -> None:
    """Or PostgreSQL keeps it parsed, and it means the tables that it was made with."""
    loose = sql.execute(
        "select proname from pg_proc where proname like 'stageward\\_%' and prosqlbody is null "
        "and not exists (select from unnest(proconfig) c where c like 'search_path=%pg_temp')"
    ).fetchall()
    assert loose == []


def test_a_temporary_table_of_versions_frees_no_file(sql: Sql) -> None:
    sql.execute("create temp table versions (id uuid, status text, deleted_at timestamptz)")
    sql.execute("insert into pg_temp.versions select id, 'draft', null from public.versions")
    refused(sql, "update version_files set path = 'other.bin'")
    refused(sql, "delete from version_files")


def test_a_temporary_table_of_stages_loosens_no_tenure(sql: Sql) -> None:
    sql.execute("create temp table stages (name text, exclusive boolean, model_id uuid)")
    sql.execute("insert into pg_temp.stages values ('production', false, null)")
    refused(sql, "update tenures set exclusive = false")
