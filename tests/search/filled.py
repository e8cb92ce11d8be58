"""A database of its own with tens of thousands of versions, made by PostgreSQL itself."""

from dataclasses import dataclass
from uuid import uuid4

import psycopg

from app.core import schema
from app.core.actor import Actor, Grant, Role, Scope
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.signals import Hub
from app.models.tables import Model

MODELS, EACH, BIG = 300, 40, 8000

FILL = """
    insert into versions (id, model_id, number, status, description, tags, params, metrics, code,
        datasets, created_by_id, created_by, created_at)
    select gen_random_uuid(), m.id, n, 'draft', 'nightly ' || n,
        jsonb_build_object('team', 'team-' || n %% 4,
            'audit', case when n %% 500 = 7 then 'asked' else 'no' end),
        jsonb_build_object('lr', (n * 7919 %% 1000) / 1000.0, 'depth', n %% 9, 'kind', 'adam'),
        case when n %% 20 = 3 then '{}' else
            jsonb_build_object('auc', (n * 104729 %% 10007) / 10007.0) end,
        jsonb_build_object('repository', 'r', 'commit', md5(m.name || n)),
        jsonb_build_array(jsonb_build_object('name', 'events', 'role', 'train',
            'sha256', repeat(to_hex(n %% 16), 64))),
        (select id from identities limit 1), 'trainer-' || n %% 5,
        '2026-01-01'::timestamptz + n * interval '1 minute' + m.at * interval '1 second'
    from (select id, name, row_number() over (order by name) as at from models) m,
        generate_series(1, case when m.name = 'big' then %(big)s else %(each)s end) n
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """The database and what is in it: `big` has most versions, `few` are three others."""

    db: Database
    url: str
    big: Model
    few: tuple[str, str, str] = ("m-1", "m-2", "big")


def actor(*globs: str) -> Actor:
    """One who may read what these globs name."""
    grants = tuple(Grant(Role.READER, glob) for glob in globs)
    scopes = frozenset({Scope.READ})
    return Actor(uuid4(), "reader", "user", None, None, scopes, None, grants)


def fill(postgres: EmbeddedPostgres, name: str, *, each: int = EACH, big: int = BIG) -> Filled:
    """Make the database `name` and fill it."""
    with psycopg.connect(postgres.superuser_url, autocommit=True) as admin:
        admin.execute(f"create database {name} owner stageward")  # type: ignore[call-overload]
    url = postgres.url.replace("/stageward?", f"/{name}?")
    schema.migrate(url)
    with psycopg.connect(url) as sql:
        sql.execute(
            "insert into identities (id, kind, name, created_by) "
            "values (gen_random_uuid(), 'user', 'ada', 'ada')"
        )
        sql.execute(
            "insert into models (id, name, created_by) select gen_random_uuid(), name, 'ada' from "
            "(select 'm-' || n from generate_series(1, %s) n union select 'big') as named (name)",
            [MODELS],
        )
        sql.execute(FILL, {"big": big, "each": each})  # type: ignore[arg-type]
        row = sql.execute("select id from models where name = 'big'").fetchone()
    assert row is not None
    db = Database(url, pool_size=2, hub=Hub(None))
    return Filled(db, url, Model(id=row[0], name="big"))


def drop(postgres: EmbeddedPostgres, name: str) -> None:
    """Take it away again."""
    with psycopg.connect(postgres.superuser_url, autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)")  # type: ignore[call-overload]
