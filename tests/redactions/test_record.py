"""The chain of seals holds over redactions, before and after sealing, and counts them."""

from typing import Any

from app.core.runtime import Runtime
from app.worker import worker_inside
from tests.actors import Api
from tests.factories import events, make_model
from tests.redactions.everywhere import Sql
from tests.redactions.test_stories import LINE, redact
from tests.seals.record import assert_valid, found, seal, tamper, verified


async def details(admin: Api) -> list[dict[str, Any]]:
    """What the record says of redactions, in its order."""
    return [e["details"] for e in await events(admin) if e["action"] == "record.redacted"]


async def test_the_chain_holds_where_a_sealed_event_is_redacted(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await make_model(admin, description=LINE)
    await seal(runtime)
    assert (await redact(admin, LINE))["events"] == 1
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 1


async def test_the_chain_holds_where_an_event_is_sealed_after_its_redaction(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await make_model(admin, LINE, description=LINE)
    await redact(admin, LINE)
    await seal(runtime)
    told = await assert_valid(admin, runtime)
    assert (told["redacted"], told["unsealed"]) == (1, 0)


async def test_one_event_may_be_redacted_more_than_once_and_so_may_the_record_of_it(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await make_model(admin, description=f"{LINE} and another-secret")
    await seal(runtime)
    await redact(admin, LINE, reason="It stood beside another-secret.")
    await redact(admin, "another-secret")
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 2
    (first, _) = reversed((await admin.get("/redactions")).json()["items"])
    assert first["reason"].startswith("It stood beside redacted-")


async def test_many_events_are_named_a_thousand_at_a_time(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await sql.execute(
        "insert into events (action, actor, subject, salt, payload, payload_sha256) "
        "select 'noted', 'a', 'x:' || n, '\\x00', jsonb_build_object('d', %s::text), "
        "sha256('\\x00' || convert_to('{\"d\":\"' || %s || '\"}', 'UTF8')) "
        "from generate_series(1, 1001) n",
        [LINE, LINE],
    )
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 0
    done = await redact(admin, LINE)
    assert done["events"] == 1001
    told = await details(admin)
    assert [len(each.pop("events")) for each in told] == [1000, 1]
    assert (
        told == [{"redaction": done["id"], "reason": done["reason"], "marker": done["marker"]}] * 2
    )
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 1001


async def test_an_event_that_only_says_that_it_was_redacted_is_found(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await make_model(admin, description=LINE)
    await make_model(admin, "other")
    await redact(admin, LINE)
    await seal(runtime)
    await tamper(
        sql,
        "update events set salt = '', payload = '{}', "
        "redaction_id = (select id from redactions) where model = 'other'",
    )
    assert (await found(admin, runtime))[2] == "redacted_without_record"


async def test_no_alarm_is_raised_while_a_redaction_waits_for_its_seal(
    admin: Api, runtime: Runtime
) -> None:
    async with worker_inside(runtime):
        await make_model(admin, "churn", description=LINE)
        await redact(admin, LINE)
        told = await verified(admin)
    assert (told["valid"], told["redacted"]) == (True, 1), told
