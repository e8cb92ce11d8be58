"""What searches read: facts of versions by key, and indexes for pages in every listed order.

A fact is a number or a text that a version has under a key. Triggers on `versions` and `tenures`
keep them, so that whoever writes a version, be it COPY or psql, keeps them too. A fact holds no
text: `key` is a hash of the key's name and, where the value is a text, of the text; so there is
nothing in it to redact, and it is a row of fixed size whatever a tag says. A hash may be that of
another value as well: a search looks at the version itself before it shows it.

There is no foreign key to `versions`: the triggers that make and remove facts are what it would
guard, and it would cost a lookup for each of the twenty facts of a version.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Models up to this number are read whole: their versions cost no entry in the index of a model.
FEW = 250

# Of `v`, a row of versions: (key, num). The number of a text is 0.
FACTS = """
    select distinct
        case jsonb_typeof(leaf)
            when 'number' then hashtextextended(path, 0)
            else hashtextextended(leaf #>> '{{}}', hashtextextended(path, 0))
        end as key,
        case jsonb_typeof(leaf) when 'number' then leaf::numeric else 0::numeric end as num
    from (
        select 'params.' || e.key, e.value
            from jsonb_each({v}.params) e where jsonb_typeof(e.value) <> 'object'
        union all
        select n.path, n.leaf
            from jsonb_each({v}.params) e, public.stageward_leaves('params.' || e.key, e.value) n
            where jsonb_typeof(e.value) = 'object'
        union all
        select 'metrics.' || e.key, e.value from jsonb_each({v}.metrics) e
        union all
        select 'tags.' || e.key, e.value from jsonb_each({v}.tags) e
        union all
        select 'datasets.name', d.value -> 'name' from jsonb_array_elements({v}.datasets) d
        union all
        select 'datasets.sha256', d.value -> 'sha256' from jsonb_array_elements({v}.datasets) d
        union all
        select 'preprocessing.name', p.value -> 'name'
            from jsonb_array_elements({v}.preprocessing) p
        union all
        select 'code.commit', {v}.code -> 'commit'
        union all
        select 'code.branch', {v}.code -> 'branch'
        union all
        select 'created_by', to_jsonb({v}.created_by)
        union all
        select 'status', to_jsonb({v}.status)
    ) as leaves (path, leaf)
    where jsonb_typeof(leaf) in ('number', 'string', 'boolean')
"""
ROW = "{v}.created_at, {v}.id, {v}.model_id, {v}.number"
CONTENT = "params metrics tags code datasets preprocessing created_by".split()
PLACE = "created_at id model_id number deleted_at".split()


def upgrade() -> None:
    _make_table()
    _make_functions()
    _follow_versions()
    _follow_tenures()
    op.execute(
        "insert into version_facts (key, num, created_at, version_id, model_id, number) "
        f"select f.key, f.num, {ROW.format(v='v')} from versions v, stageward_facts(v) f"
    )
    op.execute(
        "alter table version_facts "
        "add constraint pk_version_facts primary key (key, num, created_at, version_id)"
    )
    op.execute(
        "create index ix_version_facts_in_model on version_facts (model_id, key, num, number) "
        f"where number > {FEW}"
    )
    _index_models()
    _index_versions()


def _make_table() -> None:
    op.execute("""
        create table version_facts (
            key bigint not null,
            num numeric not null,
            created_at timestamptz not null,
            version_id uuid not null,
            model_id uuid not null,
            number integer not null
        )
    """)


def _make_functions() -> None:
    op.execute("""
        create function stageward_leaves(above text, value jsonb)
        returns table (path text, leaf jsonb) language plpgsql immutable
        set search_path = pg_catalog, pg_temp as $$
        declare
            entry record;
        begin
            for entry in select e.key, e.value from jsonb_each($2) e loop
                if jsonb_typeof(entry.value) = 'object' then
                    return query select * from
                        public.stageward_leaves(above || '.' || entry.key, entry.value);
                else
                    path := above || '.' || entry.key;
                    leaf := entry.value;
                    return next;
                end if;
            end loop;
        end $$
    """)
    op.execute(f"""
        create function stageward_facts(v public.versions)
        returns table (key bigint, num numeric) language plpgsql stable
        set search_path = pg_catalog, pg_temp as $$
        #variable_conflict use_column
        begin
            if v.deleted_at is not null then
                return;
            end if;
            return query {FACTS.format(v="v")}
            union
            select hashtextextended(t.stage, hashtextextended('stage', 0)), 0::numeric
                from public.tenures t where t.version_id = v.id and upper_inf(t.held);
        end $$
    """)


def _follow_versions() -> None:
    op.execute(f"""
        create function stageward_add_facts() returns trigger language plpgsql
        set search_path = pg_catalog, pg_temp as $$
        #variable_conflict use_column
        begin
            insert into public.version_facts
                select f.key, f.num, {ROW.format(v="new")} from ({FACTS.format(v="new")}) f;
            return null;
        end $$
    """)
    op.execute(
        "create trigger add_facts after insert on versions for each row "
        "when (new.deleted_at is null) execute function stageward_add_facts()"
    )
    op.execute(f"""
        create function stageward_change_facts() returns trigger language plpgsql
        set search_path = pg_catalog, pg_temp as $$
        begin
            if tg_op = 'UPDATE' then
                delete from public.version_facts f using (
                    select g.*, {ROW.format(v="old")} from public.stageward_facts(old) g
                    except select g.*, {ROW.format(v="new")} from public.stageward_facts(new) g
                ) gone (key, num, created_at, version_id)
                where (f.key, f.num, f.created_at, f.version_id)
                    = (gone.key, gone.num, gone.created_at, gone.version_id);
                insert into public.version_facts
                    select g.*, {ROW.format(v="new")} from public.stageward_facts(new) g
                    except select g.*, {ROW.format(v="old")} from public.stageward_facts(old) g;
            else
                delete from public.version_facts f using public.stageward_facts(old) gone
                where (f.key, f.num, f.created_at, f.version_id)
                    = (gone.key, gone.num, old.created_at, old.id);
            end if;
            return null;
        end $$
    """)
    columns = ", ".join((*CONTENT, *PLACE))
    before, after = (
        f"({', '.join(f'{row}.{name}' for name in (*CONTENT, *PLACE))})" for row in ("old", "new")
    )
    op.execute(
        f"create trigger change_facts after update of {columns} on versions for each row "
        f"when ({before} is distinct from {after}) execute function stageward_change_facts()"
    )
    op.execute(
        "create trigger remove_facts after delete on versions for each row "
        "execute function stageward_change_facts()"
    )
    # The status changes with every version that is made ready: no look at all the rest for it.
    op.execute("""
        create function stageward_change_status_fact() returns trigger language plpgsql
        set search_path = pg_catalog, pg_temp as $$
        declare
            field bigint := hashtextextended('status', 0);
        begin
            delete from public.version_facts
                where (key, num, created_at, version_id) = (
                    hashtextextended(old.status, field), 0::numeric, old.created_at, old.id);
            insert into public.version_facts values (
                hashtextextended(new.status, field), 0, new.created_at, new.id, new.model_id,
                new.number) on conflict do nothing;
            return null;
        end $$
    """)
    op.execute(
        "create trigger change_status_fact after update of status on versions for each row "
        "when (old.status <> new.status and new.deleted_at is null) "
        "execute function stageward_change_status_fact()"
    )


def _follow_tenures() -> None:
    op.execute("""
        create function stageward_change_stage_fact() returns trigger language plpgsql
        set search_path = pg_catalog, pg_temp as $$
        declare
            field bigint := hashtextextended('stage', 0);
        begin
            if tg_op <> 'INSERT' and upper_inf(old.held) then
                delete from public.version_facts f using public.versions v
                    where v.id = old.version_id
                    and (f.key, f.num, f.created_at, f.version_id) = (
                        hashtextextended(old.stage, field), 0::numeric, v.created_at, v.id);
            end if;
            if tg_op <> 'DELETE' and upper_inf(new.held) then
                insert into public.version_facts
                    select hashtextextended(new.stage, field), 0, v.created_at, v.id, v.model_id,
                        v.number
                    from public.versions v where v.id = new.version_id and v.deleted_at is null
                    on conflict do nothing;
            end if;
            return null;
        end $$
    """)
    op.execute(
        "create trigger change_stage_fact after insert or update or delete on tenures "
        "for each row execute function stageward_change_stage_fact()"
    )


def _index_versions() -> None:
    """Built beside the old ones, which go last: reads wait for that moment only."""
    op.execute(
        "create index new_versions_created_at_id on versions (created_at, id) "
        "where deleted_at is null"
    )
    op.execute(
        "create index new_versions_model_id_number on versions (model_id, number) "
        "include (created_at, id) where deleted_at is null"
    )
    op.execute(
        "create index ix_versions_model_id_created_at_id on versions (model_id, created_at, id) "
        "where deleted_at is null"
    )
    for name in ("created_at_id", "model_id_number"):
        op.execute(f"drop index ix_versions_{name}")
        op.execute(f"alter index new_versions_{name} rename to ix_versions_{name}")


def _index_models() -> None:
    """Free text over models: one text of all that is searched, and its trigrams. Between its
    parts stands a character that none of them can hold."""
    op.execute("create extension if not exists pg_trgm")
    op.execute("""
        create function stageward_model_text(name text, description text, tags jsonb)
        returns text language sql immutable parallel safe
        set search_path = pg_catalog, public, pg_temp
        as $$
            select concat_ws(E'\\x1f', $1, $2, (
                select string_agg(key || E'\\x1f' || value, E'\\x1f' order by key)
                from jsonb_each_text(case jsonb_typeof($3) when 'object' then $3 else '{}' end)
            ))
        $$
    """)
    op.execute(
        "create index ix_models_text on models "
        "using gin (stageward_model_text(name, description, tags) gin_trgm_ops) "
        "where deleted_at is null"
    )


def _forget_models() -> None:
    op.execute("drop index ix_models_text")
    op.execute("drop function stageward_model_text(text, text, jsonb)")


def downgrade() -> None:
    _forget_models()
    op.execute("drop index ix_versions_model_id_created_at_id")
    op.execute("drop index ix_versions_model_id_number")
    op.execute(
        "create index ix_versions_model_id_number on versions (model_id, number) "
        "where deleted_at is null"
    )
    op.execute("drop index ix_versions_created_at_id")
    op.execute("create index ix_versions_created_at_id on versions (created_at, id)")
    op.execute("drop trigger change_stage_fact on tenures")
    for trigger in ("add_facts", "change_facts", "remove_facts", "change_status_fact"):
        op.execute(f"drop trigger {trigger} on versions")
    for function in (
        *("add_facts()", "change_facts()", "change_status_fact()", "change_stage_fact()"),
        *("facts(versions)", "leaves(text, jsonb)"),
    ):
        op.execute(f"drop function stageward_{function}")
    op.execute("drop table version_facts")
