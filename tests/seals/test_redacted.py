"""A redacted event is counted, not a problem, where the record tells of its redaction."""

import hashlib
import json
from typing import Any

import pytest

from app.audit import service as audit
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
    listed = ", ".join(map(str, events))
    await tamper(
        sql,
        f"update events set payload = '{{\"a\": \"{MARKER}\"}}', subject = '{MARKER}', salt = '', "
        f"redaction_id = '{redaction}' where id in ({listed})",
    )
    return redaction


async def tell(runtime: Runtime, redaction: str, **details: Any) -> None:
    async with runtime.db.transaction() as session:
        audit.record(
            session,
            None,
            "record.redacted",
            subject=f"redaction:{redaction}",
            details={"redaction": redaction, "reason": "a secret", "marker": MARKER, **details},
        )


async def test_a_redacted_event_is_counted(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    redaction = await redact(sql, ids[3], ids[5])
    await tell(runtime, redaction, events=[ids[3], ids[5]])
    assert (await assert_valid(admin, runtime))["redacted"] == 2
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 2


async def test_an_event_redacted_twice_is_counted_once(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    first = await redact(sql, ids[3], ids[5])
    await tell(runtime, first, events=[ids[3], ids[5]])
    second = await redact(sql, ids[5])
    await tell(runtime, second, events=[ids[5]])
    assert (await assert_valid(admin, runtime))["redacted"] == 2


async def test_many_redacted_events_are_told_by_a_digest(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    named = sorted(ids[2:6])
    redaction = await redact(sql, *named)
    digest = hashlib.sha256("\n".join(map(str, named)).encode()).hexdigest()
    await tell(runtime, redaction, events_sha256=digest, events_count=len(named))
    assert (await assert_valid(admin, runtime))["redacted"] == 4
    again = await redact(sql, named[0])
    await tell(runtime, again, events=[named[0]])
    assert (await assert_valid(admin, runtime))["redacted"] == 4


async def test_one_more_than_a_digest_tells_of_is_found(
    admin: Api, runtime: Runtime, sql: Sql, ids: list[int]
) -> None:
    named = sorted(ids[2:5])
    redaction = await redact(sql, *named, ids[5])
    digest = hashlib.sha256("\n".join(map(str, named)).encode()).hexdigest()
    await tell(runtime, redaction, events_sha256=digest, events_count=len(named))
    assert (await found(admin, runtime))[2] == "redacted_without_record"


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
    assert (await assert_valid(admin, runtime))["redacted"] == 3
    await seal(runtime)
    told = await assert_valid(admin, runtime)
    assert (told["redacted"], told["unsealed"]) == (3, 0)
    assert secret not in "".join(await exported(admin))
