"""Events get their seals in the record's order, once each, whoever seals."""

import asyncio
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from app.seals.service import Sealer
from app.worker import worker_inside
from tests.actors import Api
from tests.factories import make_model
from tests.seals.record import Sql, assert_valid, checkpoints, seal, verified
from tests.waiting import eventually

PLACES = "select era, xid::text::bigint, {} from {} order by {}"


async def places(sql: Sql, of: str) -> list[tuple[Any, ...]]:
    """The places of all events in their order, or of all seals in theirs."""
    query = {
        "events": PLACES.format("id", "events", "1, 2, 3"),
        "seals": PLACES.format("event_id", "seals", "seq"),
    }[of]
    return await (await sql.execute(query)).fetchall()  # type: ignore[arg-type]


async def test_a_record_without_an_event_is_valid(admin: Api, runtime: Runtime, sql: Sql) -> None:
    await sql.execute("set session_replication_role = replica")
    await sql.execute("delete from events")
    told = await verified(admin)
    assert (told["valid"], told["checked"], told["sealed_through"]) == (True, 0, 0)
    assert told["first_problem"] is None


async def test_events_are_sealed_in_the_order_of_the_record(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    for number in range(5):
        await make_model(admin, f"model-{number}")
    before = await assert_valid(admin, runtime)
    assert (before["sealed_through"], before["unsealed"]) == (0, before["checked"])
    await seal(runtime)
    assert await places(sql, "seals") == await places(sql, "events")
    after = await assert_valid(admin, runtime)
    assert after["sealed_through"] == after["signed_through"] == after["checked"]
    assert after["unsealed"] == 0


async def test_sealing_again_adds_nothing(admin: Api, runtime: Runtime, sql: Sql) -> None:
    await seal(runtime)
    before = await places(sql, "seals")
    await seal(runtime)
    assert await places(sql, "seals") == before
    assert len(await checkpoints(admin)) == 1


async def test_an_event_of_a_late_transaction_is_waited_for(
    admin: Api, runtime: Runtime, sql: Sql, superuser_url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(superuser_url) as late:
        await late.execute("select pg_current_xact_id()")
        await make_model(admin)
        sealer = Sealer(runtime)
        assert await sealer() == 1.0  # not now, and nobody will say when
        told = await verified(admin)
        assert told["unsealed"] >= 1
    await seal(runtime, sealer)
    assert (await assert_valid(admin, runtime))["unsealed"] == 0


async def test_many_sealers_and_writers_at_once_make_one_chain(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    done = asyncio.Event()

    async def keep_sealing() -> None:
        sealer = Sealer(runtime)
        while not done.is_set():
            await sealer()
            await asyncio.sleep(0)

    sealing = [asyncio.create_task(keep_sealing()) for _ in range(3)]
    for start in range(0, 40, 8):
        await asyncio.gather(
            *(make_model(admin, f"model-{number}") for number in range(start, start + 8))
        )
    done.set()
    await asyncio.gather(*sealing)
    await seal(runtime)
    assert await places(sql, "seals") == await places(sql, "events")
    await assert_valid(admin, runtime)


async def test_a_batch_after_another_makes_one_chain(
    admin: Api, runtime: Runtime, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seals.service.seal.BATCH", 3)
    monkeypatch.setattr("app.seals.service.walk.BATCH", 2)
    for number in range(7):
        await make_model(admin, f"model-{number}")
    await seal(runtime)
    assert await places(sql, "seals") == await places(sql, "events")
    await assert_valid(admin, runtime)


async def test_a_worker_seals_what_is_committed(admin: Api, runtime: Runtime, sql: Sql) -> None:
    async with worker_inside(runtime):
        await make_model(admin)

        async def is_sealed() -> bool:
            return await places(sql, "seals") == await places(sql, "events")

        await eventually(is_sealed, what="the seal of the last event")
        await make_model(admin, "other")
        await eventually(is_sealed, what="the seal of what came later")
    await assert_valid(admin, runtime)


async def test_a_worker_goes_on_after_a_fault(
    admin: Api, runtime: Runtime, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.duties.AFTER_FAULT_SECONDS", 0.01)
    await sql.execute("alter table seals rename to seals_away")
    try:
        async with worker_inside(runtime):
            await make_model(admin)
            await asyncio.sleep(0)
            await sql.execute("alter table seals_away rename to seals")

            async def is_sealed() -> bool:
                return await places(sql, "seals") == await places(sql, "events")

            await eventually(is_sealed, what="the seal of the last event")
    finally:
        await sql.execute("alter table if exists seals_away rename to seals")
