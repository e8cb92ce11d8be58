"""Redaction: the one way in which a frozen row may change, and how PostgreSQL makes sure of it.

A transaction that adds a row to `redactions` may say (in `stageward.redaction`) that it now carries
it out, and (in `stageward.redacts`) which text is to go. Then, and only until it ends, the guards
let an UPDATE pass whose row after is the row before with each occurrence of the text replaced by
the redaction's marker, to the byte. Nothing else can change, nor can any row go.

A role that may not write events calls functions of their owner, which do just that.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What a redaction may rewrite of rows that are otherwise never changed.
APPEND_ONLY = {
    "alias_changes": "name actor",
    "checks": "name summary url reported_by",
    "comment_edits": "body",
    "evaluations": "dataset_name dataset_version metrics source notes reported_by",
    "events": "payload subject model request_id address",
    "policy_revisions": "body created_by",
    "redactions": "reason by",
    "reviews": "reviewer comment",
    "rollbacks": "stage reason actor",
    "transitions": "from_stage to_stage reason actor",
}
CHILDREN = {"version_files": "media_type added_by", "version_authors": "name"}
PROMOTIONS = (
    "from_stage to_stage reason requested_by ended_by ended_because override findings".split()
)
VERSIONS = (
    "name failure description tags params metrics code datasets preprocessing environment signature "
    "run source recalled created_by deleted_by"
).split()
FROZEN = (
    "id model_id number name params metrics code datasets preprocessing environment seed signature "
    "run source files_count size manifest_sha256 recipe_sha256 created_by_id created_by created_at "
    "ready_at"
).split()
# Numbers of these columns are no measurements: one that is written as the text goes as well.
FREE = "params environment signature payload".split()
KEPT = (
    "new.id, new.model_id, new.version_id, new.stage, new.promotion_id, new.rollback_id, "
    "new.overridden"
)
SAFELY = "set search_path = pg_catalog, pg_temp"
MARKED = ("evaluations", "checks", "policy_revisions", "tokens")
REFUSED = "using errcode = 'restrict_violation'"


def upgrade() -> None:
    for table in MARKED:
        op.add_column(table, sa.Column("redaction_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_redaction_id"), table, "redactions", ["redaction_id"], ["id"]
        )
    op.create_check_constraint(
        op.f("ck_redactions_marker"), "redactions", "marker = 'redacted-' || right(id::text, 12)"
    )
    _replacing()
    _underway()
    _let_append_only_rows_pass()
    _let_versions_pass()
    _let_children_pass()
    _let_promotions_pass()
    _let_tenures_pass()
    _for_a_role_that_may_not_write_events()


def _replacing() -> None:
    """What stands where the text stood. What a replacement brings together is looked at again.

    They are called once for each part of a document, so they set no search_path of their own: the
    guards, on whom all rests, call them under theirs.
    """
    op.execute("""
        create function stageward_redacted(whole text, wanted text, marker text) returns text
        language plpgsql immutable parallel safe as $$
        begin
            while strpos(whole, wanted) > 0 loop
                whole := replace(whole, wanted, marker);
            end loop;
            return whole;
        end $$
    """)
    op.execute("""
        create function stageward_redacted(whole jsonb, wanted text, marker text, numbers boolean)
        returns jsonb language plpgsql immutable parallel safe as $$
        declare
            kind text := jsonb_typeof(whole);
        begin
            if kind = 'string' then
                if strpos(whole #>> '{}', wanted) > 0 then
                    return to_jsonb(public.stageward_redacted(whole #>> '{}', wanted, marker));
                end if;
            elsif kind = 'number' then
                if numbers and whole #>> '{}' = wanted then
                    return to_jsonb(marker);
                end if;
            elsif kind = 'array' then
                return (
                    select coalesce(jsonb_agg(
                        public.stageward_redacted(each.item, wanted, marker, numbers)
                        order by each.place), '[]')
                    from jsonb_array_elements(whole) with ordinality as each (item, place));
            elsif kind = 'object' then
                return (
                    select coalesce(jsonb_object_agg(
                        case when strpos(each.name, wanted) > 0
                            then public.stageward_redacted(each.name, wanted, marker)
                            else each.name end,
                        case when jsonb_typeof(each.item) in ('boolean', 'null')
                            then each.item
                            else public.stageward_redacted(each.item, wanted, marker, numbers)
                        end), '{}')
                    from jsonb_each(whole) as each (name, item));
            end if;
            return whole;
        end $$
    """)


def _underway() -> None:
    op.execute(f"""
        create function stageward_new_redaction() returns trigger language plpgsql {SAFELY} as $$
        begin
            new.xid := pg_current_xact_id();
            new.at := clock_timestamp();
            return new;
        end $$
    """)
    op.execute(
        "create trigger of_this_transaction before insert on redactions "
        "for each row execute function stageward_new_redaction()"
    )
    op.execute(f"""
        create function stageward_redaction_marker() returns text
        language plpgsql stable {SAFELY} as $$
        declare
            wanted text := current_setting('stageward.redacts', true);
            marked text;
        begin
            select marker into marked from public.redactions
                where id = nullif(current_setting('stageward.redaction', true), '')::uuid
                    and xid = pg_current_xact_id() and at >= transaction_timestamp();
            -- of what stands in the marker itself there would be no end
            if char_length(wanted) >= 8 and strpos(marked, wanted) = 0 then
                return marked;
            end if;
            return null;
        end $$
    """)
    free = ", ".join(f"'{column}'" for column in FREE)
    op.execute(f"""
        create function stageward_redaction_of(row_before jsonb, columns text[]) returns jsonb
        language plpgsql stable {SAFELY} as $$
        declare
            marker text := public.stageward_redaction_marker();
            wanted text := current_setting('stageward.redacts', true);
            name text;
            after jsonb;
            changes jsonb := '{{}}';
        begin
            if marker is null then
                return null;
            end if;
            foreach name in array columns loop
                after := public.stageward_redacted(
                    row_before -> name, wanted, marker, name in ({free}));
                if after <> row_before -> name then
                    changes := jsonb_set(changes, array[name], after);
                end if;
            end loop;
            if changes <> '{{}}' then
                changes := jsonb_set(changes, '{{redaction_id}}',
                    to_jsonb(current_setting('stageward.redaction')));
            end if;
            return changes;
        end $$
    """)


def _let_append_only_rows_pass() -> None:
    op.execute(f"""
        create or replace function stageward_refuse_change() returns trigger
        language plpgsql {SAFELY} as $$
        declare
            changes jsonb;
        begin
            if tg_op = 'UPDATE' and tg_nargs > 0 then
                changes := public.stageward_redaction_of(to_jsonb(old), tg_argv);
                if changes <> '{{}}' and tg_table_name = 'events' then
                    -- without its salt, no digest tells what the text may have been
                    changes := jsonb_set(changes, '{{salt}}', '"\\\\x"');
                end if;
                if changes <> '{{}}' and new *= jsonb_populate_record(old, changes) then
                    return new;
                end if;
            end if;
            raise exception '% is append-only: % is refused', tg_table_name, tg_op {REFUSED};
        end $$
    """)
    for table, columns in APPEND_ONLY.items():
        _guard("refuse_change", "update or delete", table, "refuse_change", columns)


def _guard(trigger: str, when: str, table: str, function: str, columns: str) -> None:
    listed = ", ".join(f"'{column}'" for column in columns.split())
    op.execute(
        f"create or replace trigger {trigger} before {when} on {table} "
        f"for each row execute function stageward_{function}({listed})"
    )


def _let_versions_pass() -> None:
    differs = " or ".join(f"new.{column} is distinct from old.{column}" for column in FROZEN)
    after = ", ".join(f"new.{column}" for column in (*FROZEN, "redaction_id"))
    listed = ", ".join(f"'{column}'" for column in VERSIONS)
    _keep_ready_version(f"""
            if {differs} or new.redaction_id is distinct from old.redaction_id then
                changes := public.stageward_redaction_of(to_jsonb(old), array[{listed}]);
                if changes <> '{{}}' then
                    expected := pg_catalog.jsonb_populate_record(old, changes);
                end if;
                -- to the byte: 1.0 is not 1.00 here
                if not coalesce((select a from (select {after}) a) operator(pg_catalog.*=)
                    (select b from (select {after.replace("new.", "expected.")}) b), false)
                then
                    raise exception 'version % is ready: its content never changes', old.id
                        {REFUSED};
                end if;
            end if;
    """)


def _keep_ready_version(content: str) -> None:
    op.execute(f"""
        create or replace function stageward_keep_ready_version() returns trigger
        language plpgsql as $$
        declare
            changes jsonb;
            expected public.versions%rowtype;
        begin
            if old.status <> 'ready' then
                return case when tg_op = 'DELETE' then old else new end;
            end if;
            if tg_op = 'DELETE' then
                raise exception 'version % is ready: its row is never deleted', old.id {REFUSED};
            end if;
            if new.status <> 'ready' then
                raise exception 'version % is ready: it never becomes % again', old.id, new.status
                    {REFUSED};
            end if;
            {content}
            -- its files may have gone with it: what was deleted does not come back
            if old.deleted_at is not null and new.deleted_at is distinct from old.deleted_at then
                raise exception 'version % was deleted: it never comes back', old.id {REFUSED};
            end if;
            return new;
        end $$
    """)


def _let_children_pass() -> None:
    _keep_ready_child("""
            if ready and tg_op = 'UPDATE' and tg_nargs > 0 then
                changes := public.stageward_redaction_of(to_jsonb(old), tg_argv);
                if changes <> '{}' and new operator(pg_catalog.*=)
                    pg_catalog.jsonb_populate_record(old, changes)
                then
                    return new;
                end if;
            end if;
    """)
    for table, columns in CHILDREN.items():
        _guard("keep_ready", "insert or update or delete", table, "keep_ready_child", columns)


def _keep_ready_child(unless: str) -> None:
    op.execute(f"""
        create or replace function stageward_keep_ready_child() returns trigger
        language plpgsql as $$
        declare
            parent uuid := case when tg_op = 'DELETE' then old.version_id else new.version_id end;
            ready boolean;
            changes jsonb;
        begin
            if tg_op = 'UPDATE' and new.version_id <> old.version_id then
                raise exception 'a row of % never moves to another version', tg_table_name
                    {REFUSED};
            end if;
            select status = 'ready' and (tg_op <> 'DELETE' or deleted_at is null) into ready
                from versions where id = parent for share;
            {unless}
            if ready then
                raise exception 'version % is ready: % on % is refused', parent, tg_op,
                    tg_table_name {REFUSED};
            end if;
            return case when tg_op = 'DELETE' then old else new end;
        end $$
    """)


def _let_promotions_pass() -> None:
    """Whoever holds a copy of an ended promotion must learn that it is another one: its revision
    counts up, also where only one of its reviews was rewritten."""
    listed = ", ".join(f"'{column}'" for column in PROMOTIONS)
    _keep_ended_promotion(f"""
                if tg_op = 'UPDATE' then
                    changes := public.stageward_redaction_of(to_jsonb(old), array[{listed}]);
                    if changes is not null and new operator(pg_catalog.*=)
                        pg_catalog.jsonb_populate_record(old, pg_catalog.jsonb_set(
                            changes, '{{revision}}', to_jsonb(old.revision + 1)))
                    then
                        return new;
                    end if;
                end if;
    """)


def _keep_ended_promotion(unless: str) -> None:
    op.execute(f"""
        create or replace function stageward_keep_ended_promotion() returns trigger
        language plpgsql as $$
        declare
            changes jsonb;
        begin
            if tg_op = 'DELETE' or old.ended_at is not null then
                {unless}
                raise exception 'promotion % has ended: it never changes', old.id {REFUSED};
            end if;
            return new;
        end $$
    """)


def _let_tenures_pass() -> None:
    _keep_tenure("""
                if tg_op = 'UPDATE' then
                    changes := public.stageward_redaction_of(to_jsonb(old), array['stage']);
                    if changes <> '{}' and new operator(pg_catalog.*=)
                        pg_catalog.jsonb_populate_record(old, changes)
                    then
                        return new;
                    end if;
                end if;
    """)


def _keep_tenure(unless: str) -> None:
    op.execute(f"""
        create or replace function stageward_keep_tenure() returns trigger language plpgsql as $$
        declare
            changes jsonb;
        begin
            if tg_op = 'DELETE' or not upper_inf(old.held) or lower(new.held) <> lower(old.held)
                or ({KEPT}) is distinct from ({KEPT.replace("new.", "old.")})
            then
                {unless}
                raise exception 'a tenure may only be ended, once' {REFUSED};
            end if;
            if new.exclusive <> old.exclusive and new.exclusive is distinct from (
                select exclusive from stages
                where name = new.stage and (model_id is null or model_id = new.model_id)
                order by model_id nulls last limit 1)
            then
                raise exception 'a tenure is of the kind of its stage' {REFUSED};
            end if;
            return new;
        end $$
    """)


def _for_a_role_that_may_not_write_events() -> None:
    """Both run with the rights of who owns the tables. They do nothing that the guards would not
    let their owner do: without a redaction of this very transaction, nothing."""
    _rewriting("events", "bigint", ", salt = '\\x', redaction_id = redaction")
    _rewriting("redactions", "uuid", "")


def _rewriting(table: str, key: str, more: str) -> None:
    columns = APPEND_ONLY[table].split()
    document = "payload" if "payload" in columns else None
    replaced = [f"{c} = public.stageward_redacted(t.{c}, wanted, mark)" for c in columns]
    matched = [f"strpos(t.{c}, wanted) > 0" for c in columns]
    touched = [f"case when strpos(t.{c}::text, mark) > 0 then '{c}' end" for c in columns]
    after = "null::jsonb"
    if document:
        place = columns.index(document)
        after = f"""case when strpos(o.{document}::text, quoted) > 0
            then public.stageward_redacted(o.{document}, wanted, mark, true) end"""
        replaced[place] = f"{document} = coalesce(fresh.document, t.{document})"
        # as JSON it may look alike and not be
        matched[place] = f"fresh.document::text <> t.{document}::text"
    op.execute(f"""
        create function stageward_redact_{table}() returns table (row_id {key}, touched text[])
        language plpgsql security definer {SAFELY} as $$
        declare
            mark text := public.stageward_redaction_marker();
            wanted text := current_setting('stageward.redacts', true);
            redaction uuid := nullif(current_setting('stageward.redaction', true), '')::uuid;
            quoted text := to_json(wanted)::text;
        begin
            if mark is null then
                raise exception 'no redaction is under way in this transaction' {REFUSED};
            end if;
            quoted := substr(quoted, 2, char_length(quoted) - 2);
            return query update public.{table} t set {", ".join(replaced)}{more}
                from (select o.id, {after} as document from public.{table} o offset 0) fresh
                where fresh.id = t.id and ({" or ".join(matched)})
                returning t.id, array_remove(array[{", ".join(touched)}], null);
        end $$
    """)
    op.execute(f"revoke all on function stageward_redact_{table}() from public")


def downgrade() -> None:
    """What was redacted stays so."""
    for table in ("events", "redactions"):
        op.execute(f"drop function stageward_redact_{table}()")
    _keep_tenure("")
    _keep_ended_promotion("")
    _keep_ready_child("")
    differs = " or ".join(f"new.{column} is distinct from old.{column}" for column in FROZEN)
    _keep_ready_version(f"""
            if {differs} then
                raise exception 'version % is ready: its content never changes', old.id {REFUSED};
            end if;
    """)
    op.execute(f"""
        create or replace function stageward_refuse_change() returns trigger
        language plpgsql as $$
        begin
            raise exception '% is append-only: % is refused', tg_table_name, tg_op {REFUSED};
        end $$
    """)
    for table in APPEND_ONLY:
        _guard("refuse_change", "update or delete", table, "refuse_change", "")
    for table in CHILDREN:
        _guard("keep_ready", "insert or update or delete", table, "keep_ready_child", "")
    op.execute("drop trigger of_this_transaction on redactions")
    for function in (
        "new_redaction()",
        "redaction_of(jsonb, text[])",
        "redaction_marker()",
        "redacted(jsonb, text, text, boolean)",
        "redacted(text, text, text)",
    ):
        op.execute(f"drop function stageward_{function}")
    op.drop_constraint(op.f("ck_redactions_marker"), "redactions")
    for table in MARKED:
        op.drop_column(table, "redaction_id")
