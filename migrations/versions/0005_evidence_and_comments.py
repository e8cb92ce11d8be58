"""Evaluations, checks and comments; and a stage may change its kind while it is held.

Evaluations and checks are append-only: every report is kept. Of a comment every earlier text is.

A version that an admin's override ever moved is flagged for ever.

Until now a stage that was held could not become exclusive, or cease to be. Now its open tenures
change with it, and a trigger that runs at the end of the transaction holds that both agree.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APPEND_ONLY = ("evaluations", "checks", "comment_edits")
SHA256 = sa.LargeBinary(32)
KEPT = (
    "new.id, new.model_id, new.version_id, new.stage, new.promotion_id, new.rollback_id, "
    "new.overridden"
)


def upgrade() -> None:
    _reports()
    _comments()
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger refuse_change before update or delete on {table} "
            "for each row execute function stageward_refuse_change()"
        )
        op.execute(
            f"create trigger refuse_truncate before truncate on {table} "
            "for each statement execute function stageward_refuse_change()"
        )
    _flag_versions()
    _let_held_stages_change_kind()


def _flag_versions() -> None:
    op.add_column(
        "versions",
        sa.Column("overridden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.execute("""
        update versions set overridden = true
            where id in (select version_id from tenures where overridden)
    """)
    op.execute("""
        create function stageward_keep_flag() returns trigger language plpgsql as $$
        begin
            raise exception 'version % is flagged for ever: an override moved it', old.id
                using errcode = 'restrict_violation';
        end $$
    """)
    op.execute(
        "create trigger keep_flag before update on versions for each row "
        "when (old.overridden and not new.overridden) execute function stageward_keep_flag()"
    )


def _reports() -> None:
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("dataset_name", sa.Text(), nullable=False),
        sa.Column("dataset_version", sa.Text()),
        sa.Column("dataset_sha256", SHA256),
        sa.Column("metrics", postgresql.JSONB(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        *_reporter(),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_evaluations_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_evaluations_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["reported_by_id"], ["identities.id"], name=op.f("fk_evaluations_reported_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
    )
    op.create_index("ix_evaluations_version_id_id", "evaluations", ["version_id", "id"])
    op.create_table(
        "checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("manifest_sha256", SHA256, nullable=False),
        *_reporter(),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_checks_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_checks_version_id")),
        sa.ForeignKeyConstraint(
            ["reported_by_id"], ["identities.id"], name=op.f("fk_checks_reported_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checks")),
        sa.CheckConstraint(
            "status in ('pending', 'success', 'failure')", name=op.f("ck_checks_status")
        ),
    )
    op.create_index("ix_checks_version_id_name_id", "checks", ["version_id", "name", "id"])


def _reporter() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("reported_by_id", sa.Uuid(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Uuid()),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
    )


def _comments() -> None:
    now = sa.text("clock_timestamp()")
    op.create_table(
        "comments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("promotion_id", sa.Uuid()),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True)),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.Column("deleted_by", sa.Text()),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_comments_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_comments_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["promotion_id"], ["promotions.id"], name=op.f("fk_comments_promotion_id")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["identities.id"], name=op.f("fk_comments_author_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index(
        "ix_comments_version_id_id",
        "comments",
        ["version_id", "id"],
        postgresql_where=sa.text("promotion_id is null"),
    )
    op.create_index("ix_comments_promotion_id_id", "comments", ["promotion_id", "id"])
    op.create_table(
        "comment_edits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("comment_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_comment_edits_comment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comment_edits")),
    )
    op.create_index("ix_comment_edits_comment_id_id", "comment_edits", ["comment_id", "id"])


def _let_held_stages_change_kind() -> None:
    op.execute(f"""
        create or replace function stageward_keep_tenure() returns trigger language plpgsql as $$
        begin
            if tg_op = 'DELETE' or not upper_inf(old.held) or lower(new.held) <> lower(old.held)
                or ({KEPT}) is distinct from ({KEPT.replace("new.", "old.")})
            then
                raise exception 'a tenure may only be ended, once' using errcode = 'restrict_violation';
            end if;
            if new.exclusive <> old.exclusive and new.exclusive is distinct from (
                select exclusive from stages
                where name = new.stage and (model_id is null or model_id = new.model_id)
                order by model_id nulls last limit 1)
            then
                raise exception 'a tenure is of the kind of its stage'
                    using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
    """)
    op.execute("""
        create function stageward_stages_and_tenures_agree() returns trigger language plpgsql as $$
        declare
            stage_name text := case when tg_op = 'DELETE' then old.name else new.name end;
            only_model uuid := case when tg_op = 'DELETE' then old.model_id else new.model_id end;
        begin
            if exists (
                select from tenures where stage = stage_name and upper_inf(held)
                    and (only_model is null or model_id = only_model)
                    and exclusive is distinct from (
                        select stages.exclusive from stages
                        where name = stage_name
                            and (stages.model_id is null or stages.model_id = tenures.model_id)
                        order by stages.model_id nulls last limit 1)
            ) then
                raise exception 'stage % is held otherwise', stage_name
                    using errcode = 'restrict_violation';
            end if;
            return null;
        end $$
    """)
    op.execute("drop trigger keep_held on stages")
    op.execute("drop function stageward_keep_held_stage()")
    op.execute("""
        create function stageward_keep_stage_name() returns trigger language plpgsql as $$
        begin
            if (new.name, new.model_id) is distinct from (old.name, old.model_id) then
                raise exception 'a stage is not renamed' using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
    """)
    op.execute(
        "create trigger keep_name before update on stages "
        "for each row execute function stageward_keep_stage_name()"
    )
    op.execute(
        "create constraint trigger agree_with_tenures after insert or update or delete on stages "
        "deferrable initially deferred "
        "for each row execute function stageward_stages_and_tenures_agree()"
    )


def downgrade() -> None:
    op.execute("drop trigger keep_flag on versions")
    op.execute("drop function stageward_keep_flag()")
    op.drop_column("versions", "overridden")
    op.execute("drop trigger agree_with_tenures on stages")
    op.execute("drop trigger keep_name on stages")
    op.execute("drop function stageward_stages_and_tenures_agree()")
    op.execute("drop function stageward_keep_stage_name()")
    op.execute("""
        create function stageward_keep_held_stage() returns trigger language plpgsql as $$
        begin
            if (tg_op = 'DELETE' or (new.name, new.exclusive, new.model_id)
                is distinct from (old.name, old.exclusive, old.model_id))
                and exists (select from tenures where stage = old.name and upper_inf(held)
                    and (old.model_id is null or model_id = old.model_id))
            then
                raise exception 'stage % is held', old.name using errcode = 'restrict_violation';
            end if;
            return case when tg_op = 'DELETE' then old else new end;
        end $$
    """)
    op.execute(
        "create trigger keep_held before update or delete on stages "
        "for each row execute function stageward_keep_held_stage()"
    )
    kept = KEPT.replace("new.stage,", "new.stage, new.exclusive,")
    op.execute(f"""
        create or replace function stageward_keep_tenure() returns trigger language plpgsql as $$
        begin
            if tg_op = 'DELETE' or not upper_inf(old.held) or lower(new.held) <> lower(old.held)
                or ({kept}) is distinct from ({kept.replace("new.", "old.")})
            then
                raise exception 'a tenure may only be ended, once' using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
    """)
    for table in ("comment_edits", "comments", "checks", "evaluations"):
        op.drop_table(table)
