"""What the record says of redactions outlasts later ones."""

import asyncio
from typing import Any

import psycopg
import pytest

from app.core.runtime import Runtime
from tests.actors import Api
from tests.factories import make_model, pointers, problem
from tests.redactions.everywhere import Sql
from tests.redactions.test_record import details
from tests.redactions.test_stories import LINE, redact
from tests.seals.record import assert_valid, seal, tamper
from tests.waiting import eventually

OTHER = "another-secret"


async def refused(admin: Api, text: str) -> None:
    answer = await admin.post("/redactions", {"text": text, "reason": "Why not?"})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/text"}


@pytest.mark.parametrize("word", ["redaction", "redactio", "edaction", "counting", "rejected_by"])
async def test_a_word_that_the_record_tells_of_redactions_with_is_refused(
    admin: Api, word: str
) -> None:
    await refused(admin, word)


async def test_what_names_an_earlier_redaction_is_refused(admin: Api, runtime: Runtime) -> None:
    await make_model(admin, description=LINE)
    done = await redact(admin, LINE)
    for text in (
        *(done["id"], done["id"][:8], done["id"][-12:], done["marker"], done["marker"][5:]),
        *(f"redaction:{done['id']}", f"tion:{done['id'][:4]}"),
    ):
        await refused(admin, text)
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 1


async def test_the_number_of_a_redacted_event_is_refused(
    admin: Api, runtime: Runtime, sql: Sql
) -> None:
    await sql.execute(
        "insert into events (id, action, actor, subject, salt, payload, payload_sha256) "
        "overriding system value values (12345678, 'noted', 'a', %s, '', '{}', sha256('{}'))",
        [LINE],
    )
    await redact(admin, LINE)
    await refused(admin, "12345678")
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 1


async def test_a_reason_can_be_redacted_and_what_it_was_the_reason_of_is_told_again(
    admin: Api, runtime: Runtime
) -> None:
    await make_model(admin, description=LINE)
    first = await redact(admin, LINE, reason=f"It stood beside {OTHER}.")
    (told,) = await details(admin)
    await seal(runtime)
    second = await redact(admin, OTHER)
    assert second["events"] == 1
    reason = f"It stood beside {second['marker']}."
    rewritten, about_second, again = await details(admin)
    assert rewritten == again == {**told, "reason": reason}
    assert about_second["redaction"] == second["id"]
    assert told["events"] not in (about_second["events"], [])
    assert (await admin.get(f"/redactions/{first['id']}")).json()["reason"] == reason
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 2


async def test_what_was_told_again_is_told_but_once_each_time(admin: Api, runtime: Runtime) -> None:
    await make_model(admin, description=LINE)
    first = await redact(admin, LINE, reason="one-secret two-secret three-secret")
    for number, text in enumerate(["one-secret", "two-secret", "three-secret"], 1):
        assert (await redact(admin, text))["events"] == number
    told = [each for each in await details(admin) if each["redaction"] == first["id"]]
    assert len(told) == 4
    assert len({str(each["events"]) for each in told}) == 1
    await seal(runtime)
    assert (await assert_valid(admin, runtime))["redacted"] == 4


async def test_what_was_forged_is_not_told_again(admin: Api, sql: Sql) -> None:
    await make_model(admin, description=LINE)
    await make_model(admin, "other")
    first = await redact(admin, LINE, reason=f"It stood beside {OTHER}.")
    await tamper(
        sql,
        "update events set payload = jsonb_set(payload, '{events}', (select jsonb_agg(id) from "
        "events)) where action = 'record.redacted'",
    )
    await redact(admin, OTHER)
    told = [each for each in await details(admin) if each["redaction"] == first["id"]]
    assert len(told) == 1


async def test_an_event_that_began_after_a_redaction_is_not_told_of_by_one_before_it(
    admin: Api, superuser_url: str, sql: Sql
) -> None:
    """The redaction waits for a row; meanwhile the text is recorded, in a later transaction."""
    await admin.post("/identities", {"name": LINE, "kind": "user"})
    async with await psycopg.AsyncConnection.connect(superuser_url) as other:
        await other.execute("select from identities where name = %s for update", [LINE])
        body: dict[str, Any] = {"text": LINE, "reason": "Leaked."}
        asked = asyncio.create_task(admin.post("/redactions", body))
        waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"

        async def waits() -> bool:
            row = await (await sql.execute(waiting)).fetchone()
            return row is not None and row[0] > 0

        await eventually(waits, what="the redaction to wait")
        await sql.execute(
            "insert into events (action, actor, subject, salt, payload, payload_sha256) "
            "values ('noted', 'a', %s, '', '{}', sha256('{}'))",
            [LINE],
        )
    problem(await asked, 503, "unavailable")
    done = await redact(admin, LINE)
    row = await (await sql.execute("select id from events where action = 'noted'")).fetchone()
    assert row is not None
    assert row[0] in (await details(admin))[-1]["events"]
    assert done["events"] >= 2
