"""Races around deletion, made certain by holding a lock from outside."""

import asyncio
from typing import Any

import psycopg
import pytest

from tests.actors import Api
from tests.factories import make_draft, make_model, make_ready, problem
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def waiting_for_locks(sql: Sql) -> int:
    found = await sql.execute(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    )
    row = await found.fetchone()
    assert row is not None
    return int(str(row[0]))


@pytest.mark.parametrize("purge", ["false", "true"])
async def test_who_waited_while_the_model_was_deleted_gets_a_404(
    admin: Api, sql: Sql, superuser_url: str, purge: str
) -> None:
    await make_model(admin)
    await make_draft(admin)
    async with await psycopg.AsyncConnection.connect(superuser_url) as holder:
        await holder.execute("select from model_counters for update")
        tasks: list[asyncio.Task[Any]] = []
        for ask in (
            admin.delete("/models/churn", params={"purge": purge}),
            admin.post("/models/churn/versions", {}),
            admin.patch("/models/churn", {"description": "x"}),
            admin.patch("/models/churn/versions/1", {"description": "x"}),
            admin.post("/models/churn/versions/1/finalize"),
        ):
            tasks.append(asyncio.create_task(ask))
            await eventually(
                lambda: _so_many(sql, len(tasks)), what="the request to wait for the model"
            )
        await holder.rollback()
    answers = await asyncio.gather(*tasks)
    assert answers[0].status_code == 204, answers[0].text
    for answer in answers[1:]:
        problem(answer, 404, "not-found")


async def _so_many(sql: Sql, number: int) -> bool:
    return await waiting_for_locks(sql) >= number


async def test_a_model_is_not_deleted_while_its_version_becomes_a_parent(
    admin: Api, sql: Sql, superuser_url: str
) -> None:
    for model in ("a", "b"):
        await make_model(admin, model)
        await make_ready(admin, model)
    await make_draft(admin, "b")
    async with await psycopg.AsyncConnection.connect(superuser_url) as holder:
        # The parent is recorded in a transaction that has not ended.
        await holder.execute(
            "select from models m join versions v on v.model_id = m.id where m.name = 'a' "
            "for key share"
        )
        deleting = asyncio.create_task(admin.delete("/models/a"))
        await eventually(lambda: _so_many(sql, 1), what="the deletion to wait")
        await holder.execute(
            "insert into version_parents (version_id, parent_id, position) "
            "select b.id, a.id, 0 from versions a join models ma on ma.id = a.model_id, "
            "versions b join models mb on mb.id = b.model_id "
            "where ma.name = 'a' and mb.name = 'b' and b.number = 2"
        )
        await holder.commit()
    problem(await deleting, 409, "model-in-use")
