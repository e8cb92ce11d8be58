"""Seals are added where the chain ends, in the order of the record, and nowhere else."""

import psycopg
import pytest

from app.core.runtime import Runtime
from tests.actors import Api
from tests.factories import make_model
from tests.seals.record import Sql, assert_valid, seal

SEAL = (
    "insert into seals (seq, event_id, era, xid, texts_sha256, hash) "
    "select {}, sha256('x'), sha256('x') from {}"
)
HEAD = "(select max(seq) from seals)"
NEXT = "(select * from events where id not in (select event_id from seals) order by id limit 1) e"


@pytest.fixture
async def record(admin: Api, runtime: Runtime, sql: Sql) -> None:
    """Some events with seals, and behind them some without."""
    await make_model(admin)
    await seal(runtime)
    await make_model(admin, "other")
    await make_model(admin, "another")


@pytest.mark.parametrize(
    ("values", "source"),
    [
        ("4611686018427387904, id, era, xid", NEXT),
        (f"{HEAD} + 2, id, era, xid", NEXT),
        (f"{HEAD} + 1, 1000000, era, xid", NEXT),
        (f"{HEAD} + 1, id, era + 1, xid", NEXT),
        (f"{HEAD} + 1, id, era, '9000000000'", NEXT),
        (
            f"{HEAD} + row_number() over (order by id desc), id, era, xid",
            "events where id not in (select event_id from seals)",
        ),
        (
            f"{HEAD} + row_number() over (order by id) * 2 - 1, id, era, xid",
            "events where id not in (select event_id from seals)",
        ),
    ],
    ids=["far", "gap", "no event", "era", "xid", "out of order", "gaps"],
)
async def test_a_seal_that_does_not_follow_is_refused(
    record: None, sql: Sql, values: str, source: str
) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation, match="seals"):
        await sql.execute(SEAL.format(values, source))  # type: ignore[arg-type]


async def test_an_event_that_was_moved_into_the_record_gets_no_seal(record: None, sql: Sql) -> None:
    await sql.execute("set session_replication_role = replica")
    await sql.execute(f"update events set xid = '3' where id = (select id from {NEXT})")  # type: ignore[arg-type]
    await sql.execute("set session_replication_role = origin")
    with pytest.raises(psycopg.errors.RestrictViolation, match="order of the record"):
        await sql.execute(SEAL.format(f"{HEAD} + 1, id, era, xid", NEXT))  # type: ignore[arg-type]


async def test_the_next_seals_and_none_at_all_are_let_through(
    record: None, admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await sql.execute(SEAL.format("seq, event_id, era, xid", "seals where false"))  # type: ignore[arg-type]
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["unsealed"] == 0
