"""Regular expressions for names and required tags, for each model; and versions that are registered
by one statement.

`stageward_register` numbers and inserts any number of versions of any number of models, each with
its author and its events. Its answer says of each what became of it:

- `made`: it stands, with this number, since this instant.
- `absent`: there is no such model.
- `busy`: somebody else holds the model, and the caller did not want to wait.
- `convention`: the model has a naming convention, which only the service can apply: it is in the
  answer. Inside of a transaction the model is held from now on, and `number` comes next.
- `name`: another version has the name, or a stage is called so.

What is not `made` has changed nothing. The models are held, in one order for everybody, before
anything is looked at, so that nobody numbers by what is over.

Going back loses the naming rules of models.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

EVERY_MODEL = 0x5354_4147_4557_4D53  # as app.models.queries has it
RECIPE = (
    "params jsonb, metrics jsonb, code jsonb, datasets jsonb, preprocessing jsonb, "
    "environment jsonb, seed bigint, signature jsonb, run jsonb, source text"
)
WANTED = (
    f"place int, model text, id uuid, judged boolean, name text, name_rendered boolean, "
    f"description text, tags jsonb, {RECIPE}, actor_id uuid, actor text, owner_id uuid, "
    "events json, manifest_sha256 text, recipe_sha256 text"
)
EVENT = (
    "action text, actor_id uuid, actor text, token_id uuid, request_id text, address text, "
    "salt text, payload jsonb, payload_sha256 text"
)
FIELDS = ", ".join(column.split()[0] for column in RECIPE.split(", "))


def upgrade() -> None:
    op.add_column("models", sa.Column("naming", JSONB(none_as_null=True), nullable=True))
    op.execute(f"""
        create function stageward_register(wanted json, patient boolean)
        returns table (place int, outcome text, number int, at timestamptz, convention json)
        language plpgsql set search_path = pg_catalog, public, pg_temp as $$
        #variable_conflict use_column
        declare
            names text[] := array(select r.model from json_to_recordset(wanted) as r(model text));
            held uuid[];
            instant timestamptz;
        begin
            perform pg_advisory_xact_lock_shared({EVERY_MODEL});
            if patient then
                held := array(
                    select c.model_id from model_counters c join models m on m.id = c.model_id
                    where m.name = any(names) and m.deleted_at is null
                    order by c.model_id for update of c);
            else
                held := array(
                    select c.model_id from model_counters c join models m on m.id = c.model_id
                    where m.name = any(names) and m.deleted_at is null
                    order by c.model_id for update of c skip locked);
            end if;
            instant := clock_timestamp();
            return query
            with asked as materialized (
                select r.*, m.id as model_id, m.name_template, m.naming
                from json_to_recordset(wanted) as r({WANTED})
                left join models m on m.name = r.model and m.deleted_at is null
            ), told as materialized (
                select a.*, case
                    when a.model_id is null then 'absent'
                    when a.model_id <> all(held) then 'busy'
                    when a.naming is not null and not a.judged
                        or a.name_template is not null and a.name is null and not a.judged
                        then 'convention'
                    when a.name is null then 'made'
                    when row_number() over (
                            partition by a.model_id, lower(a.name) order by a.place) > 1
                        or exists (
                            select from versions v where v.model_id = a.model_id
                                and v.name_key = lower(a.name) and v.deleted_at is null)
                        or lower(a.name) = 'none'
                        or exists (
                            select from stages s where s.name = lower(a.name)
                                and (s.model_id = a.model_id or s.model_id is null and not exists (
                                    select from stages o where o.model_id = a.model_id)))
                        then 'name'
                    else 'made' end as outcome
                from asked a
            ), numbered as materialized (
                select t.*, (c.last_number + row_number() over (
                    partition by t.model_id, t.outcome order by t.place))::int as number
                from told t join model_counters c on c.model_id = t.model_id
                where t.outcome in ('made', 'convention')
            ), counted as (
                update model_counters c set
                    last_number = n.number,
                    latest_ready = greatest(c.latest_ready, n.ready),
                    revision = c.revision + case when n.ready is null then 0 else 1 end
                from (select model_id, max(number) as number,
                        max(number) filter (where recipe_sha256 is not null) as ready
                    from numbered where outcome = 'made' group by model_id) n
                where c.model_id = n.model_id
            ), inserted as (
                insert into versions (id, model_id, number, name, name_rendered, description, tags,
                    {FIELDS}, created_by_id, created_by, created_at, updated_at)
                select id, model_id, number, name, name_rendered, description, tags,
                    {FIELDS}, actor_id, actor, instant, instant
                from numbered where outcome = 'made' order by place
            ), wrote as (
                insert into version_authors (version_id, identity_id, name, owner_id)
                select id, actor_id, actor, owner_id from numbered where outcome = 'made'
            ), recorded as (
                insert into events (action, actor_id, actor, token_id, model_id, model, version,
                    subject, request_id, address, salt, payload, payload_sha256)
                select e.action, e.actor_id, e.actor, e.token_id, n.model_id, n.model, n.number,
                    'version:' || n.model || '/' || n.number, e.request_id, e.address,
                    decode(e.salt, 'hex'), e.payload, decode(e.payload_sha256, 'hex')
                from numbered n, rows from (json_to_recordset(n.events) as ({EVENT}))
                    with ordinality as e
                where n.outcome = 'made' order by n.place, e.ordinality
            )
            select t.place, t.outcome, n.number, instant, case when t.outcome = 'convention'
                then json_build_object('template', t.name_template, 'naming', t.naming) end
            from told t left join numbered n on n.place = t.place;
            -- Only now, as an author is recorded of a draft only.
            update versions v set status = 'ready', ready_at = instant, revision = 2,
                manifest_sha256 = decode(r.manifest_sha256, 'hex'),
                recipe_sha256 = decode(r.recipe_sha256, 'hex')
            from json_to_recordset(wanted)
                as r(id uuid, manifest_sha256 text, recipe_sha256 text)
            where r.recipe_sha256 is not null and v.id = r.id;
        end $$
    """)


def downgrade() -> None:
    op.execute("drop function stageward_register(json, boolean)")
    op.drop_column("models", "naming")
