"""PostgreSQL alone says where in the record an event stands, and when it was."""

import psycopg
import pytest

from tests.actors import Api

Sql = psycopg.AsyncConnection[tuple[object, ...]]
FIELDS = "action, actor, subject, salt, payload, payload_sha256"
INSERT = f"insert into events ({{}}, {FIELDS}) overriding system value values "
VALUES = "'promotion.approved', 'mallory', 'promotion:x', '', '{}', sha256('{}')"


@pytest.mark.parametrize(
    "said",
    ["1, '3', '2020-01-01'", "-1, '5', '2020-01-01'", "9, '9000000000', '2100-01-01'"],
    ids=["long ago", "before the beginning", "in the future"],
)
async def test_nobody_can_say_when_an_event_happened(admin: Api, sql: Sql, said: str) -> None:
    row = await sql.execute(
        f"{INSERT.format('era, xid, at')} ({said}, {VALUES}) returning era = stageward_era(), "  # type: ignore[arg-type]
        "xid = pg_current_xact_id(), at between clock_timestamp() - interval '1 minute' "
        "and clock_timestamp()"
    )
    assert await row.fetchone() == (True, True, True)


async def test_no_event_is_born_redacted(admin: Api, sql: Sql) -> None:
    await sql.execute(
        "insert into redactions (id, by, reason, marker) values "
        "('00000000-0000-0000-0000-00000000abcd', 'a', 'b', 'redacted-00000000abcd')"
    )
    row = await sql.execute(
        f"{INSERT.format('redaction_id')} ('00000000-0000-0000-0000-00000000abcd', {VALUES}) "  # type: ignore[arg-type]
        "returning redaction_id"
    )
    assert await row.fetchone() == (None,)


@pytest.mark.parametrize(("era", "number"), [(0, 1_000_000), (-1, 1_000_000), (1, 0), (1, -5)])
async def test_nothing_stands_before_the_beginning(
    admin: Api, sql: Sql, era: int, number: int
) -> None:
    """Not even what is restored or replicated."""
    await sql.execute("set session_replication_role = replica")
    with pytest.raises(psycopg.errors.CheckViolation):
        await sql.execute(
            f"{INSERT.format('era, id')} ({era}, {number}, {VALUES})"  # type: ignore[arg-type]
        )
