"""PostgreSQL lets a redaction through, and with it nothing else: whoever tries, and however."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from app.core import schema
from app.core.embedded import EmbeddedPostgres

Sql = psycopg.Connection[tuple[Any, ...]]
SECRET = 'a "secret" \\ text'
OWNER, SERVING, STRANGER = "stageward", "guarded_serving", "guarded_stranger"
ROLES = (OWNER, SERVING)

ROWS = """
    insert into identities (id, name, kind, created_by)
        values (gen_random_uuid(), 'a', 'user', 'a');
    insert into models (id, name, created_by) values (gen_random_uuid(), 'churn', 'a');
    insert into model_counters (model_id) select id from models;
    insert into versions (id, model_id, number, status, description, params, code, created_by_id,
            created_by, ready_at, manifest_sha256, recipe_sha256)
        select gen_random_uuid(), models.id, n, 'ready', 'see ' || %(text)s,
            jsonb_build_object('key', case n when 1 then %(text)s end, 'lr', 1.0, 'other', 'plain'),
            null, identities.id,
            'a', now(), '\\x00', '\\x00'
        from models, identities, generate_series(1, 2) n;
    insert into versions (id, model_id, number, status, created_by_id, created_by, ready_at,
            manifest_sha256, recipe_sha256)
        select gen_random_uuid(), models.id, 9, 'ready', identities.id, 'a', now(), '\\x00', '\\x00'
        from models, identities;
    insert into evaluations (id, model_id, version_id, dataset_name, metrics, notes,
            reported_by_id, reported_by)
        select gen_random_uuid(), model_id, id, 'd', '{"auc": 0.9}', 'by ' || %(text)s,
            created_by_id, 'a' from versions where number = 1;
    insert into events (action, actor, subject, salt, payload, payload_sha256) values
        ('made', 'a', 'model:churn', '\\x0102', jsonb_build_object('d', %(text)s), '\\x00'),
        ('edited', 'a', 'model:churn', '\\x0304', '{"d": "plain"}', '\\x01');
"""


@pytest.fixture(scope="module")
def guarded(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database whose tables belong to one role while another serves; rows with the secret."""
    with psycopg.connect(postgres.superuser_url, autocommit=True) as admin:
        admin.execute("create database guarded owner stageward")
        for role in (SERVING, STRANGER):
            admin.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
        url = postgres.superuser_url.replace("/stageward?", "/guarded?")
        schema.migrate(
            postgres.url.replace("/stageward?", "/guarded?"),
            serving_url=f"postgresql://{SERVING}@host/guarded",
        )
        with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(ROWS, {"text": SECRET})
        yield url
        admin.execute("drop database guarded with (force)")
        for role in (SERVING, STRANGER):
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


@pytest.fixture
def connection(guarded: str) -> Iterator[Sql]:
    with psycopg.connect(guarded, cursor_factory=psycopg.ClientCursor) as opened:
        yield opened
        opened.rollback()


@contextmanager
def speaking_as(connection: Sql, role: str) -> Iterator[Sql]:
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    yield connection


def begin(connection: Sql, text: str = SECRET, *, row: bool = True) -> str:
    """Say that a redaction is under way, and have its row where there is to be one."""
    found = str(uuid4())
    if row:
        connection.execute(
            'insert into redactions (id, "by", reason, marker) '
            "values (%s, 'a', 'why', 'redacted-' || right(%s, 12))",
            (found, found),
        )
    connection.execute("select set_config('stageward.redaction', %s, true)", (found,))
    connection.execute("select set_config('stageward.redacts', %s, true)", (text,))
    return found


def marker(redaction: str) -> str:
    return f"redacted-{redaction[-12:]}"


def refused(connection: Sql, statement: LiteralString, values: Any = None) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation), connection.transaction():
        connection.execute(statement, values)


@pytest.mark.parametrize("role", ROLES)
def test_the_events_are_rewritten_by_the_function_of_their_owner(
    connection: Sql, role: str
) -> None:
    with speaking_as(connection, role):
        redaction = begin(connection)
        rows = connection.execute("select * from stageward_redact_events()").fetchall()
        assert [touched for _, touched in rows] == [["payload"]]
        found = connection.execute(
            "select payload, salt, redaction_id::text, encode(payload_sha256, 'hex') "
            "from events order by id"
        ).fetchall()
    assert found == [
        ({"d": marker(redaction)}, b"", redaction, "00"),
        ({"d": "plain"}, b"\3\4", None, "01"),
    ]


@pytest.mark.parametrize("role", ROLES)
def test_without_a_redaction_of_this_transaction_nothing_passes(connection: Sql, role: str) -> None:
    with speaking_as(connection, role):
        begin(connection, row=False)
        refused(connection, "select * from stageward_redact_events()")
        refused(connection, "update evaluations set notes = replace(notes, %s, 'x')", [SECRET])


def test_the_redaction_of_another_transaction_does_not_count(connection: Sql, guarded: str) -> None:
    with (
        psycopg.connect(guarded, cursor_factory=psycopg.ClientCursor) as other,
        speaking_as(other, SERVING),
    ):
        redaction = begin(other)
    with speaking_as(connection, SERVING):
        connection.execute("select set_config('stageward.redaction', %s, true)", [redaction])
        connection.execute("select set_config('stageward.redacts', %s, true)", [SECRET])
        refused(connection, "select * from stageward_redact_events()")
        refused(
            connection,
            "update evaluations set redaction_id = %s, notes = replace(notes, %s, %s)",
            [redaction, SECRET, marker(redaction)],
        )


def test_neither_the_transaction_nor_the_time_nor_the_marker_can_be_forged(
    connection: Sql,
) -> None:
    with speaking_as(connection, SERVING):
        made = connection.execute(
            'insert into redactions (id, "by", reason, marker, xid, at) values '
            "('00000000-0000-0000-0000-00000000abcd', 'a', 'b', 'redacted-00000000abcd', '999999', "
            "'2100-01-01') returning xid = pg_current_xact_id(), at < now() + interval '1 hour'"
        ).fetchone()
        assert made == (True, True)
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                'insert into redactions (id, "by", reason, marker) '
                "values (gen_random_uuid(), 'a', 'b', 'anything')"
            )


def test_a_stranger_may_not_even_call_the_functions(connection: Sql) -> None:
    with speaking_as(connection, STRANGER):
        for name in ("events", "redactions"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                connection.transaction(),
            ):
                connection.execute(f"select stageward_redact_{name}()")  # type: ignore[call-overload]


def test_the_serving_role_still_may_not_write_events_itself(connection: Sql) -> None:
    with speaking_as(connection, SERVING):
        begin(connection)
        for statement in ("update events set salt = ''", "delete from events"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)  # type: ignore[call-overload]


def test_a_table_of_ones_own_in_front_of_the_real_one_is_not_believed(connection: Sql) -> None:
    with speaking_as(connection, OWNER):
        redaction = begin(connection, row=False)
        connection.execute(
            "create temp table redactions (id uuid, marker text, xid xid8, at timestamptz)"
        )
        connection.execute(
            "insert into pg_temp.redactions values (%s, %s, pg_current_xact_id(), now())",
            [redaction, marker(redaction)],
        )
        connection.execute("set local search_path = pg_temp, public")
        refused(connection, "select * from public.stageward_redact_events()")
        refused(
            connection,
            "update public.evaluations set notes = replace(notes, %s, %s)",
            [SECRET, marker(redaction)],
        )


EVENTS = (
    "update events set payload = jsonb_build_object('d', %(marker)s), salt = '', "
    "redaction_id = %(redaction)s"
)


def test_the_owner_can_do_by_hand_what_the_function_does(connection: Sql) -> None:
    with speaking_as(connection, OWNER):
        redaction = begin(connection)
        values = {"marker": marker(redaction), "redaction": redaction}
        connection.execute(EVENTS + " where payload ->> 'd' <> 'plain'", values)  # type: ignore[operator]


@pytest.mark.parametrize(
    "also",
    [
        ", payload_sha256 = '\\x05'",
        ", action = 'nothing'",
        ", actor = 'b'",
        ", at = now()",
        ", era = 2",
        ", subject = 'model:other'",
        ", salt = '\\x0102'",
        ", redaction_id = null",
        ", version = 4",
        ", payload = '{}'",
        ", payload = jsonb_build_object('d', %(marker)s, 'e', 1)",
        ", payload = jsonb_build_object('d', 'x' || %(marker)s)",
    ],
)
def test_an_event_changes_in_no_other_way(connection: Sql, also: LiteralString) -> None:
    with speaking_as(connection, OWNER):
        redaction = begin(connection)
        values = {"marker": marker(redaction), "redaction": redaction}
        base = EVENTS
        for column in ("payload", "salt", "redaction_id"):
            if also.startswith(f", {column} ="):
                first = {
                    "payload": "payload = jsonb_build_object('d', %(marker)s), ",
                    "salt": "salt = '', ",
                    "redaction_id": ", redaction_id = %(redaction)s",
                }
                base = base.replace(first[column], "")
        refused(connection, base + also + " where payload ->> 'd' <> 'plain'", values)


def test_an_event_without_the_text_keeps_its_salt(connection: Sql) -> None:
    with speaking_as(connection, OWNER):
        redaction = begin(connection)
        refused(
            connection,
            "update events set salt = '', redaction_id = %s where payload ->> 'd' = 'plain'",
            [redaction],
        )


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "change",
    [
        "params = jsonb_set(params, '{key}', '\"x\"')",
        "params = '{}'",
        "params = params - 'key'",
        "params = stageward_redacted(params, %(text)s, %(marker)s, true) || '{\"lr\": 1.00}'",
        'params = stageward_redacted(params, %(text)s, %(marker)s, true) || \'{"other": "x"}\'',
        "params = stageward_redacted(params, 'plain', %(marker)s, true)",
        "code = 'null', params = stageward_redacted(params, %(text)s, %(marker)s, true)",
        "size = 1, params = stageward_redacted(params, %(text)s, %(marker)s, true)",
        "recipe_sha256 = '\\x01', params = stageward_redacted(params, %(text)s, %(marker)s, true)",
        "seed = 1, params = stageward_redacted(params, %(text)s, %(marker)s, true)",
        "name = %(marker)s, params = stageward_redacted(params, %(text)s, %(marker)s, true)",
        "created_at = now(), description = stageward_redacted(description, %(text)s, %(marker)s)",
    ],
)
def test_a_ready_version_changes_in_no_other_way(
    connection: Sql, role: str, change: LiteralString
) -> None:
    with speaking_as(connection, role):
        redaction = begin(connection)
        values = {"text": SECRET, "marker": marker(redaction), "redaction": redaction}
        refused(
            connection,
            f"update versions set {change}, redaction_id = %(redaction)s where number = 1",
            values,
        )
        right = "params = stageward_redacted(params, %(text)s, %(marker)s, true)"
        connection.execute(
            f"update versions set {right}, redaction_id = %(redaction)s where number = 1", values
        )


@pytest.mark.parametrize("role", ROLES)
def test_a_ready_version_is_marked_if_and_only_if_it_was_redacted(
    connection: Sql, role: str
) -> None:
    with speaking_as(connection, role):
        redaction = begin(connection)
        refused(connection, "update versions set redaction_id = %s where number = 9", [redaction])
        refused(
            connection,
            "update versions set params = stageward_redacted(params, %s, %s, true)"
            " where number = 1",
            [SECRET, marker(redaction)],
        )
        connection.execute(
            "update versions set redaction_id = %s, "
            "description = stageward_redacted(description, %s, %s) where number = 2",
            [redaction, SECRET, marker(redaction)],
        )
        refused(connection, "update versions set redaction_id = null where number = 2")


@pytest.mark.parametrize("text", ["plain", "redacted-", 'secret"'])
def test_short_texts_and_the_marker_itself_are_no_redactions(connection: Sql, text: str) -> None:
    with speaking_as(connection, SERVING):
        begin(connection, text)
        refused(connection, "select * from stageward_redact_events()")


@pytest.mark.parametrize("table", ["events", "evaluations", "redactions"])
def test_no_row_ever_goes(connection: Sql, table: LiteralString) -> None:
    with speaking_as(connection, OWNER):
        begin(connection)
        refused(connection, f"delete from {table}")
        refused(connection, f"truncate {table} cascade")


def test_the_leave_ends_with_the_transaction(guarded: str) -> None:
    with psycopg.connect(guarded, cursor_factory=psycopg.ClientCursor) as connection:
        with connection.transaction():
            begin(connection)
        left = connection.execute(
            "select current_setting('stageward.redacts', true), stageward_redaction_marker()"
        ).fetchone()
        assert left == ("", None)
