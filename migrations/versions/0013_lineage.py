"""Which data sets there are, and quick ways from a parent to its children and to evaluations.

A data set is a name, a version and a digest, as recipes write them. For each model that used it
there is one row that counts the versions, so that a list of data sets costs what it shows, however
many versions there are. Triggers on `versions` keep the counts, whoever writes: what is inserted
together is counted together, once a statement. The table holds nothing that `versions` does not
say: where a redaction takes a name out of recipes, the row of that name goes with the last of them.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ROLES = ("train", "validation", "test", "other")
SAFELY = "set search_path = pg_catalog, pg_temp"
KEY = "md5(jsonb_build_array(name, version, sha256)::text)::uuid"


def upgrade() -> None:
    _make_table()
    _make_functions()
    op.execute(
        "create trigger count_datasets after insert on versions referencing new table as fresh "
        "for each statement execute function stageward_count_new_datasets()"
    )
    op.execute(
        "create trigger recount_datasets after update of datasets, deleted_at, model_id on versions "
        "for each row when ((old.datasets, old.model_id, old.deleted_at is null) is distinct from "
        "(new.datasets, new.model_id, new.deleted_at is null)) "
        "execute function stageward_recount_datasets()"
    )
    op.execute(
        "create trigger discount_datasets after delete on versions for each row "
        "when (old.deleted_at is null) execute function stageward_recount_datasets()"
    )
    op.execute(_count("versions"))
    op.create_index(
        "ix_dataset_uses_name",
        "dataset_uses",
        [sa.text("substr(name, 1, 100)"), "data_key", "model_id"],
    )
    op.create_index(
        "ix_dataset_uses_sha256",
        "dataset_uses",
        ["sha256"],
        postgresql_where=sa.text("sha256 <> ''"),
    )
    op.create_index(
        "ix_evaluations_dataset", "evaluations", ["model_id", sa.text("md5(dataset_name)")]
    )
    op.create_index(
        "ix_evaluations_digest",
        "evaluations",
        ["model_id", "dataset_sha256"],
        postgresql_where=sa.text("dataset_sha256 is not null"),
    )
    # Beside the old one, which goes last: reads wait for that moment only.
    op.create_index("new_version_parents", "version_parents", ["parent_id", "version_id"])
    op.drop_index("ix_version_parents_parent_id", "version_parents")
    op.execute("alter index new_version_parents rename to ix_version_parents_parent_id")


def _make_table() -> None:
    op.create_table(
        "dataset_uses",
        sa.Column("data_key", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        *(sa.Column(f"as_{role}", sa.Integer(), nullable=False) for role in ROLES),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_dataset_uses_model_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("data_key", "model_id", name=op.f("pk_dataset_uses")),
    )


def _count(rows: str) -> str:
    """Count the data sets of these rows of versions in, in the order of the keys: two that count
    at once wait for one another and never in a circle."""
    counts = ", ".join(f"count(*) filter (where s.as_{role})" for role in ROLES)
    more = ", ".join(f"as_{role} = u.as_{role} + excluded.as_{role}" for role in ROLES)
    return f"""
        insert into public.dataset_uses as u
        select s.data_key, v.model_id, min(s.name), min(s.version), min(s.sha256), count(*),
            {counts}, min(v.created_at), max(v.created_at)
        from {rows} v, public.stageward_datasets(v.datasets) s
        where v.deleted_at is null and v.datasets <> '[]'
        group by s.data_key, v.model_id order by s.data_key, v.model_id
        on conflict (data_key, model_id) do update set
            versions = u.versions + excluded.versions, {more},
            first_used_at = least(u.first_used_at, excluded.first_used_at),
            last_used_at = greatest(u.last_used_at, excluded.last_used_at)
    """


def _make_functions() -> None:
    played = ", ".join(f"bool_or(role = '{role}')" for role in ROLES)
    columns = ", ".join(f"as_{role} boolean" for role in ROLES)
    fewer = ", ".join(f"as_{role} = u.as_{role} - used.as_{role}::int" for role in ROLES)
    op.execute(f"""
        create function stageward_datasets(datasets jsonb)
        returns table (data_key uuid, name text, version text, sha256 text, {columns})
        language sql immutable {SAFELY} as $$
            select {KEY}, name, version, sha256, {played}
            from (
                select d ->> 'name', coalesce(d ->> 'version', ''), coalesce(d ->> 'sha256', ''),
                    d ->> 'role'
                from jsonb_array_elements(datasets) d
            ) each (name, version, sha256, role)
            group by name, version, sha256
        $$
    """)
    op.execute(f"""
        create function stageward_count_new_datasets() returns trigger language plpgsql {SAFELY}
        as $$
        #variable_conflict use_column
        begin
            if exists (select from fresh where datasets <> '[]') then
                {_count("fresh")};
            end if;
            return null;
        end $$
    """)
    op.execute(f"""
        create function stageward_recount_datasets() returns trigger language plpgsql {SAFELY}
        as $$
        #variable_conflict use_column
        begin
            if old.deleted_at is null then
                perform from public.dataset_uses u
                    where u.model_id = old.model_id
                    and u.data_key in (select data_key from public.stageward_datasets(old.datasets))
                    order by u.data_key for update;
                update public.dataset_uses u set versions = u.versions - 1, {fewer}
                    from public.stageward_datasets(old.datasets) used
                    where (u.data_key, u.model_id) = (used.data_key, old.model_id);
            end if;
            if tg_op = 'UPDATE' then
                {_count("(select (new).*)")};
            end if;
            delete from public.dataset_uses u
                where u.model_id = old.model_id and u.versions = 0
                and u.data_key in (select data_key from public.stageward_datasets(old.datasets));
            return null;
        end $$
    """)


def downgrade() -> None:
    op.drop_index("ix_evaluations_digest", "evaluations")
    op.drop_index("ix_evaluations_dataset", "evaluations")
    op.drop_index("ix_version_parents_parent_id", "version_parents")
    op.create_index("ix_version_parents_parent_id", "version_parents", ["parent_id"])
    for trigger in ("count_datasets", "recount_datasets", "discount_datasets"):
        op.execute(f"drop trigger {trigger} on versions")
    for function in ("count_new_datasets()", "recount_datasets()", "datasets(jsonb)"):
        op.execute(f"drop function stageward_{function}")
    op.drop_table("dataset_uses")
