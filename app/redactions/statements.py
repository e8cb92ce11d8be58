"""The statements that rewrite rows. All names in them are from `places`, never from a request."""

from app.redactions.places import FREE, LONGEST, Table

BEGIN = (
    "set local statement_timeout = '30min'",
    "set local lock_timeout = '5min'",
    "set local idle_in_transaction_session_timeout = 0",
)
ALONE = "select pg_advisory_xact_lock(hashtextextended('stageward redactions', 0))"
# The guards look for these; both end with the transaction.
UNDERWAY = (
    "select set_config('stageward.redaction', cast(:redaction as text), true), "
    "set_config('stageward.redacts', cast(:text as text), true)"
)
# As the text stands inside a string of JSON.
QUOTED = (
    "select substr(q, 2, char_length(q) - 2) from (select to_json(cast(:text as text))::text) q(q)"
)
TEXT, MARKER = "cast(:text as text)", "cast(:marker as text)"
# An event that may hold the text (as JSON it may look alike and not do so), and whether it does so
# elsewhere than in its reason.
HOLDS_TEXT = (
    "(strpos(events.payload::text, cast(:quoted as text)) > 0 "
    f"or strpos(events.subject, {TEXT}) > 0 or strpos(events.model, {TEXT}) > 0 "
    f"or strpos(events.request_id, {TEXT}) > 0 or strpos(events.address, {TEXT}) > 0)"
)
FOR_GOOD = (
    f"(strpos(events.subject, {TEXT}) > 0 or stageward_redacted(events.payload - 'reason', {TEXT}, "
    f"{MARKER}, true)::text <> (events.payload - 'reason')::text) as for_good"
)
# What this transaction records comes behind all events of those that began before it.
BEHIND = (
    "select exists (select from events where era >= stageward_era() "
    "and xid > pg_current_xact_id() and redaction_id = cast(:redaction as uuid))"
)


def rewrite(table: Table) -> str:
    """Rewrite the rows of a table that hold the text; answers one row: in how many each column did,
    and for each column with a limit in how many it is beyond that now."""
    sets = [f"{column} = {_after(table, column)}" for column in table.columns]
    if table.sets:
        sets.append(table.sets)
    found = " or ".join(_holds(table, column) for column in table.columns)
    parent_key = f", {table.parent[2]} as parent_key" if table.parent else ""
    counted = ", ".join([*map(_count, table.columns), *_too_long(table)])
    return (
        f"with changed as (update {table.name} set {', '.join(sets)} "  # noqa: S608
        f"where {table.only} and ({found}) returning {', '.join(table.columns)}{parent_key})"
        f"{_parent(table)} select {counted} from changed"
    )


def rewrite_record(table: str) -> str:
    """Rewrite the rows of the record that hold the text, with the rights of who owns it; answers
    the id of each, and its columns that held it."""
    return f"select row_id, touched from stageward_redact_{table}()"  # noqa: S608


def forget(table: str, columns: tuple[str, ...]) -> str:
    """Delete short-lived rows that hold the text, however it is spelt."""
    found = " or ".join(
        f"position(convert_to(each, 'UTF8') in {column}) > 0"
        if column == "body"
        else f"strpos({column}::text, each) > 0"
        for column in columns
    )
    return (
        f"with gone as (delete from {table} where exists "  # noqa: S608
        f"(select from unnest(cast(:spellings as text[])) each where {found}) returning 1) "
        "select count(*) from gone"
    )


def _after(table: Table, column: str) -> str:
    if column in table.texts.split():
        return f"stageward_redacted({column}, {TEXT}, {MARKER})"
    numbers = "true" if column in FREE else "false"
    if column in table.documents.split():
        return f"stageward_redacted({column}, {TEXT}, {MARKER}, {numbers})"
    return (
        f"case when {column} is not null then array(select stageward_redacted(each, {TEXT}, "  # noqa: S608
        f"{MARKER}) from unnest({column}) with ordinality as all_of (each, place) order by place) "
        "end"
    )


def _holds(table: Table, column: str) -> str:
    if column in table.texts.split():
        return f"strpos({column}, {TEXT}) > 0"
    if column in table.arrays.split():
        return f"exists (select from unnest({column}) each where strpos(each, {TEXT}) > 0)"
    # The first condition is quick and may be wrong; the second is neither.
    return (
        f"(strpos({column}::text, cast(:quoted as text)) > 0 "
        f"and {_after(table, column)}::text <> {column}::text)"
    )


def _count(column: str) -> str:
    return f"count(*) filter (where strpos({column}::text, {MARKER}) > 0) as {column}"


def _too_long(table: Table) -> list[str]:
    return [
        f"count(*) filter (where strpos({column}, {MARKER}) > 0 "
        f"and octet_length({column}) > {LONGEST[place]}) as too_long_{column}"
        for column in table.columns
        if (place := f"{table.name}.{column}") in LONGEST
    ]


def _parent(table: Table) -> str:
    if table.parent is None:
        return ""
    parent, key, _ = table.parent
    return (
        f", touched as (update {parent} set revision = revision + 1 "  # noqa: S608
        f"where {key} in (select parent_key from changed))"
    )
