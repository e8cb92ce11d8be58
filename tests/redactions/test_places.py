"""No column that holds texts is forgotten, and the guards know the same columns."""

import re

from app.redactions.places import EXCEPTIONS, FORGOTTEN, LEFT, RECORD, TABLES
from tests.redactions.everywhere import Sql, columns

REWRITTEN = {f"{table.name}.{column}" for table in TABLES for column in table.columns} | {
    f"{table}.{column}" for table, listed in RECORD.items() for column in listed
}
GONE = {f"{table}.{column}" for table, listed in FORGOTTEN.items() for column in listed}


async def test_every_column_that_holds_texts_is_redacted_or_excepted_with_a_reason(
    sql: Sql,
) -> None:
    there = {f"{table}.{column}" for table, column, _ in await columns(sql)}
    assert there - REWRITTEN - GONE - set(EXCEPTIONS) == set()
    assert (REWRITTEN | GONE | set(EXCEPTIONS)) - there == {"idempotency_keys.body"}
    assert REWRITTEN & set(EXCEPTIONS) == REWRITTEN & GONE == GONE & set(EXCEPTIONS) == set()
    assert all(EXCEPTIONS.values())
    assert set(LEFT) == {"version_files.path", "events.actor"}


async def test_the_guards_let_pass_what_is_rewritten_and_no_other_column(sql: Sql) -> None:
    rows = await sql.execute(
        "select tgrelid::regclass::text, encode(tgargs, 'escape') from pg_trigger "
        "where tgname in ('refuse_change', 'keep_ready') and tgnargs > 0"
    )
    for table, arguments in await rows.fetchall():
        guarded = {
            f"{table}.{each}" for each in re.findall(r"\w+", arguments.replace("\\000", " "))
        }
        ours = {place for place in REWRITTEN if place.startswith(f"{table}.")}
        assert guarded == ours - {"version_files.path"}, table
