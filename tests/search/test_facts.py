"""The facts of versions are always what a look at every version would make of them."""

from typing import Any

import psycopg

from tests.actors import Api
from tests.factories import make_draft, make_model, make_ready

DIFFER = """
    with kept as (select key, num, created_at, version_id, model_id, number from version_facts),
    due as (select f.key, f.num, v.created_at, v.id, v.model_id, v.number
        from versions v, stageward_facts(v) f)
    select count(*) from ((table kept except all table due) union all
        (table due except all table kept)) as differing
"""


async def differing(sql: psycopg.AsyncConnection[Any]) -> int:
    row = await (await sql.execute(DIFFER)).fetchone()
    assert row is not None
    return int(row[0])


async def facts(sql: psycopg.AsyncConnection[Any]) -> int:
    row = await (await sql.execute("select count(*) from version_facts")).fetchone()
    assert row is not None
    return int(row[0])


async def test_facts_follow_every_change(
    admin: Api, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await make_model(admin)
    params = {"lr": 0.1, "deep": {"er": {"x": 1}, "on": True}, "deep.on": "text", "list": [1]}
    await make_draft(admin, params=params, metrics={"auc": 0.5}, tags={"team": "x"})
    assert await facts(sql) > 6
    assert await differing(sql) == 0
    edited = await admin.patch(
        "/models/churn/versions/1", {"params": {"lr": 1e300}, "tags": {"team": "y", "z": "1"}}
    )
    assert edited.status_code == 200, edited.text
    assert await differing(sql) == 0
    await make_ready(admin, tags={"team": "x"}, params={"a": {"b": 2}, "a.b": 3})
    assert await differing(sql) == 0
    before = await facts(sql)
    assert (await admin.delete("/models/churn/versions/1")).status_code == 204
    assert await facts(sql) < before
    assert await differing(sql) == 0


async def test_facts_follow_psql(
    admin: Api, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await make_model(admin)
    await make_draft(admin, tags={"team": "x"}, metrics={"auc": 0.5})
    await sql.execute(
        """update versions set metrics = '{"auc": 1e999, "f1": 1e-999}', number = 7,"""
        " created_at = '2020-01-01Z'"
    )
    assert await differing(sql) == 0
    await sql.execute("delete from version_authors")
    await sql.execute("delete from versions")
    assert await facts(sql) == 0
