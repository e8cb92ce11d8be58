"""A redacted event is counted, not a problem, where the record tells of its redaction."""

import hashlib
import json
from typing import Any

import psycopg
import pytest

from app.audit import service as audit
from app.core.canonical import canonical
from app.core.ids import new_id
from app.core.runtime import Runtime
from tests.actors import Api
from tests.factories import make_model
from tests.seals.record import (
    Sql,
    assert_valid,
    exported,
    found,
    seal,
    sealed_events,
    tamper,
    verified,
)

MARKER = "redacted-0123456789ab"


@pytest.fixture
async def ids(admin: Api, runtime: Runtime, sql: Sql) -> list[int]:
    for number in range(8):
        await make_model(admin, f"model-{number}")
    await seal(runtime)
    return await sealed_events(sql)


async def redact(sql: Sql, *events: int) -> str:
    """What a redaction leaves of these events; its id."""
    redaction = str(new_id())
    await sql.execute(
        "insert into redactions (id, by, reason, marker) values (%s, 'admin', 'a secret', %s)",
        [redaction, f"redacted-{redaction[-12:]}"],
    )
    await redact_as(sql, redaction, *events)
    return redaction


async def redact_as(sql: Sql, redaction: str, *events: int) -> None:
    """Mark events as redacted by it."""
    listed = ", ".join(map(str, events))
    await tamper(
        sql,
        f"update events set payload = '{{\"a\": \"{MARKER}\"}}', subject = '{MARKER}', salt = '', "
        f"redaction_id = '{redaction}' where id in ({listed})",
    )


async def tell(runtime: Runtime, redaction: str, *, sealed: bool = True, **details: Any) -> None:
    """What the record says of it."""
    async with runtime.db.transaction() as session:
        audit.record(
            session,
            None,
            "record.redacted",
            subject=f"redaction:{redaction}",
            details={"redaction": redaction, "reason": "a secret", "marker": MARKER, **details},
        )
    if sealed:
        await seal(runtime)


async def test_a_redacted_event_is_counted(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, ids[3], ids[5])
    await tell(runtime, redaction, events=[ids[3], ids[5]])
    assert (await assert_valid(admin, runtime))["redacted"] == 2


async def test_an_event_redacted_twice_is_counted_once(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    first = await redact(sql, ids[3], ids[5])
    await tell(runtime, first, events=[ids[3], ids[5]])
    second = await redact(sql, ids[5])
    await tell(runtime, second, events=[ids[5]])
    assert (await assert_valid(admin, runtime))["redacted"] == 2


async def test_many_redacted_events_are_told_of_by_several_events(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, *ids[2:7])
    await tell(runtime, redaction, events=ids[2:4], sealed=False)
    await tell(runtime, redaction, events=ids[4:6])
    assert await found(admin, runtime) == (7, ids[6], "redacted_without_record")
    await tell(runtime, redaction, events=ids[6:7])
    assert (await assert_valid(admin, runtime))["redacted"] == 5


async def test_a_digest_names_no_event(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, ids[3])
    digest = hashlib.sha256(str(ids[3]).encode()).hexdigest()
    await tell(runtime, redaction, events_sha256=digest, events_count=1)
    assert await found(admin, runtime) == (4, ids[3], "redacted_without_record")


async def test_what_tells_of_a_redaction_counts_once_it_is_sealed(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    """Else an event would do that lies where no seal will ever come."""
    redaction = await redact(sql, ids[3])
    await tell(runtime, redaction, events=[ids[3]], sealed=False)
    await tamper(
        sql, "update events set xid = '9000000000' where id = (select max(id) from events)"
    )
    await seal(runtime)
    assert await found(admin, runtime) == (4, ids[3], "redacted_without_record")


async def test_what_was_redacted_itself_tells_of_no_redaction(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    """Else it would be made to tell of itself, and of whatever else somebody wants to rewrite."""
    redaction = await redact(sql, ids[3])
    await tell(runtime, redaction, events=[ids[3]])
    teller = (await sealed_events(sql))[-1]
    details = json.dumps({"redaction": redaction, "events": [teller, ids[3], ids[5]]})
    await redact_as(sql, redaction, ids[5])
    await tamper(
        sql,
        f"update events set payload = '{details}', salt = '', redaction_id = '{redaction}' "
        f"where id = {teller}",
    )
    assert await found(admin, runtime) == (4, ids[3], "redacted_without_record")
    assert (await verified(admin))["problems"] == 3


async def test_what_was_edited_tells_of_no_redaction(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, ids[3], ids[5])
    await tell(runtime, redaction, events=[ids[3]])
    teller = (await sealed_events(sql))[-1]
    await tamper(
        sql,
        f"update events set payload = jsonb_set(payload, '{{events}}', '[{ids[3]}, {ids[5]}]') "
        f"where id = {teller}",
    )
    assert await found(admin, runtime) == (4, ids[3], "redacted_without_record")
    assert (await verified(admin))["problems"] == 3


async def test_a_redaction_that_was_itself_redacted_is_told_of_again(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    first = await redact(sql, ids[3])
    await tell(runtime, first, events=[ids[3]])
    teller = (await sealed_events(sql))[-1]
    second = await redact(sql, teller)
    await tell(runtime, second, events=[teller])
    assert await found(admin, runtime) == (4, ids[3], "redacted_without_record")
    await tell(runtime, first, events=[ids[3]])
    assert (await assert_valid(admin, runtime))["redacted"] == 2


async def test_nothing_tells_of_events_that_are_yet_to_come(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, ids[3])
    await tell(runtime, redaction, events=[ids[3], *range(ids[-1] + 1, ids[-1] + 9)])
    await make_model(admin, "later")
    await seal(runtime)
    later = (await sealed_events(sql))[-1]
    await redact_as(sql, redaction, later)
    assert (await found(admin, runtime))[1:] == (later, "redacted_without_record")


async def test_what_was_recorded_during_a_redaction_may_be_redacted_by_it(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int], superuser_url: str
) -> None:
    """It stands behind the event that tells of it, and is older."""
    async with await psycopg.AsyncConnection.connect(superuser_url) as long:
        await long.execute("select pg_current_xact_id()")
        await make_model(admin, "meanwhile")
        (event,) = await (await sql.execute("select max(id) from events")).fetchone() or (0,)
        redaction = await redact(sql, event)
        details = {"redaction": redaction, "events": [event]}
        await long.execute(
            "insert into events (action, actor, subject, salt, payload, payload_sha256) "
            "values ('record.redacted', 'admin', 'x', '', %s, sha256(%s))",
            [json.dumps(details), canonical(details)],
        )
    await seal(runtime)
    assert (await sealed_events(sql))[-1] == event
    assert (await assert_valid(admin, runtime))["redacted"] == 1


async def test_an_event_redacted_without_a_record_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    await redact(sql, ids[3])
    assert await found(admin, runtime) == (4, ids[3], "redacted_without_record")


async def test_an_event_that_its_redaction_does_not_name_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, ids[3], ids[6])
    await tell(runtime, redaction, events=[ids[3]])
    assert await found(admin, runtime) == (7, ids[6], "redacted_without_record")


async def test_the_fixed_fields_of_a_redacted_event_are_still_proven(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, ids[3])
    await tell(runtime, redaction, events=[ids[3]])
    await tamper(sql, f"update events set actor = 'other' where id = {ids[3]}")
    assert await found(admin, runtime) == (4, ids[3], "edited")


async def test_details_of_any_shape_are_no_redaction(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, ids[3])
    await tell(runtime, redaction, events="all")
    await tell(runtime, redaction, events=[[ids[3]], None], events_sha256=7, events_count="1")
    assert json.dumps(redaction)
    assert await found(admin, runtime) == (4, ids[3], "redacted_without_record")


async def test_a_redaction_through_the_api_leaves_the_record_valid(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    secret = "hunter2-hunter2"
    for number in range(3):
        await make_model(admin, f"model-{number}", description=f"Password {secret}!")
        if number == 1:
            await seal(runtime)
    done = await admin.post("/redactions", {"text": secret, "reason": "Pasted by mistake."})
    assert done.status_code == 201, done.text
    await seal(runtime)
    told = await assert_valid(admin, runtime)
    assert (told["redacted"], told["unsealed"]) == (3, 0)
    assert secret not in "".join(await exported(admin))
