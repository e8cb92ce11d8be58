"""A worker of its own process seals, catches up with an old record, and may be killed at it."""

import signal
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from app.seals.service import Sealer
from tests.actors import Api
from tests.factories import make_model
from tests.seals.record import Sql, assert_valid, tamper, verified
from tests.servers import Start, start
from tests.waiting import until

__all__ = ["start"]

MANY = 30_000
EVENTS = """
    insert into events (action, actor, subject, salt, payload, payload_sha256, at)
    select 'model.created', 'alice', 'model:' || n, s, '{{}}', sha256(s || '{{}}'),
        now() - interval '12 hours'
    from (select n, sha256(n::text::bytea) s from generate_series(1, {}) n) t
"""


def one(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        return (connection.execute(query).fetchone() or (None,))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("listens", [True, False], ids=["listening", "looking"])
async def test_a_worker_process_seals_what_is_committed(
    admin: Api, runtime: Runtime, database_url: str, start: Start, listens: bool
) -> None:
    own = {"database_url": database_url, "secret_key": "a-secret-key-for-tests-0123456789"}
    worker = start("worker", **own, **({"listen_url": database_url} if listens else {}))
    unsealed = "select (select count(*) from events) - (select count(*) from seals)"
    until(lambda: one(database_url, unsealed) == 0, what="the first seals")
    await make_model(admin)
    until(lambda: one(database_url, unsealed) == 0, what="the seal of what came later")
    assert worker.end() == 0
    await assert_valid(admin, runtime)


async def test_a_worker_that_is_killed_while_it_seals_leaves_a_whole_chain(
    admin: Api, runtime: Runtime, sql: Sql, database_url: str, start: Start
) -> None:
    await sql.execute(EVENTS.format(MANY))  # type: ignore[arg-type]
    own = {"database_url": database_url, "secret_key": "a-secret-key-for-tests-0123456789"}
    for _ in range(3):
        before = one(database_url, "select count(*) from seals")
        worker = start("worker", **own)
        until(lambda: one(database_url, "select count(*) from seals") > before, what="a seal")  # noqa: B023
        worker.end(signal.SIGKILL)
        told = await verified(admin)
        assert told["valid"], told
        assert told["checked"] >= MANY
    until(
        lambda: one(database_url, "select count(*) from pg_locks where locktype = 'advisory'") == 0,
        what="the end of the killed worker's connections",
    )
    start("worker", **own)
    unsealed = "select (select count(*) from events) - (select count(*) from seals)"
    until(lambda: one(database_url, unsealed) == 0, what="all seals")
    told = await assert_valid(admin, runtime)
    assert told["sealed_through"] == told["checked"] > MANY


async def test_what_was_sealed_late_is_signed_at_once(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    """A rebuilt chain could otherwise look like one that was sealed late."""
    sealer = Sealer(runtime)
    await sealer()
    await tamper(sql, EVENTS.format(4500))  # as a replica, PostgreSQL leaves their time
    while await sealer() == 0:
        told = await verified(admin)
        assert told["signed_through"] == told["sealed_through"]
    assert (await assert_valid(admin, runtime))["signed_through"] > 4500
