"""The first tables.

Revision ID: 0001
Revises:
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


class Xid8(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


def upgrade() -> None:
    # equality of uuid and text inside exclusion constraints; a trusted extension: no superuser
    op.execute("create extension if not exists btree_gist")
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column(
            "proven_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "unreferenced_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=True,
        ),
        sa.Column("doomed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "doomed_at is null or unreferenced_since is not null", name=op.f("ck_blobs_doomed")
        ),
        sa.CheckConstraint("size >= 0", name=op.f("ck_blobs_size")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_index(
        "ix_blobs_unreferenced_since",
        "blobs",
        ["unreferenced_since"],
        unique=False,
        postgresql_where=sa.text("unreferenced_since is not null"),
    )
    op.create_table(
        "record_eras",
        sa.Column("era", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "began_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "began_in", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.CheckConstraint("era > 0", name=op.f("ck_record_eras_era")),
        sa.PrimaryKeyConstraint("era", name=op.f("pk_record_eras")),
    )
    op.execute("insert into record_eras (era) values (1)")
    op.execute(
        "create function stageward_era() returns integer language sql stable "
        "return (select max(era) from record_eras)"
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("era", sa.Integer(), server_default=sa.text("stageward_era()"), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("model_id", sa.Uuid(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("payload_sha256", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_action_era_xid_id", "events", ["action", "era", "xid", "id"])
    op.create_index("ix_events_actor_era_xid_id", "events", ["actor", "era", "xid", "id"])
    op.create_index("ix_events_model_era_xid_id", "events", ["model", "era", "xid", "id"])
    op.create_index("ix_events_era_xid_id", "events", ["era", "xid", "id"])
    op.create_table(
        "groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
    )
    op.create_index("uq_groups_name", "groups", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "identities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_by", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'service') = (owner_id is not null)", name=op.f("ck_identities_owner")
        ),
        sa.CheckConstraint("kind in ('user', 'service')", name=op.f("ck_identities_kind")),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["identities.id"], name=op.f("fk_identities_owner_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_owner_id"), "identities", ["owner_id"], unique=False)
    op.create_index(
        "uq_identities_name", "identities", [sa.literal_column("lower(name)")], unique=True
    )
    op.create_table(
        "models",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "tags",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("name_template", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.Text(), nullable=True),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_index("ix_models_name", "models", ["name"], unique=False)
    op.create_index(
        "uq_models_name",
        "models",
        [sa.literal_column("lower(name)")],
        unique=True,
        postgresql_where=sa.text("purged_at is null"),
    )
    op.create_table(
        "alias_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_number", sa.Integer(), nullable=True),
        sa.Column("to_number", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_alias_changes_model_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alias_changes")),
    )
    op.create_index(
        "ix_alias_changes_model_id_name_id",
        "alias_changes",
        ["model_id", "name", "id"],
        unique=False,
    )
    op.create_table(
        "grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=True),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "role <> 'admin' or models = '*'", name=op.f("ck_grants_admin_is_global")
        ),
        sa.CheckConstraint(
            "role in ('reader', 'contributor', 'reviewer', 'maintainer', 'admin')",
            name=op.f("ck_grants_role"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(identity_id, group_id) = 1", name=op.f("ck_grants_subject")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_grants_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_grants_identity_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index("ix_grants_group_id", "grants", ["group_id"], unique=False)
    op.create_index(
        "uq_grants_subject_models_role",
        "grants",
        [sa.literal_column("coalesce(identity_id, group_id)"), "models", "role"],
        unique=True,
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_members_group_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_group_members_identity_id")
        ),
        sa.PrimaryKeyConstraint("group_id", "identity_id", name=op.f("pk_group_members")),
    )
    op.create_index(
        op.f("ix_group_members_identity_id"), "group_members", ["identity_id"], unique=False
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_idempotency_keys_identity_id")
        ),
        sa.PrimaryKeyConstraint("identity_id", "key", "path", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        "ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], unique=False
    )
    op.create_table(
        "model_counters",
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("last_number", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("latest_ready", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_model_counters_model_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_model_counters")),
    )
    op.create_table(
        "policy_revisions",
        sa.Column("revision", sa.BigInteger(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=True),
        sa.Column("body", postgresql.JSONB(), nullable=True),
        sa.Column(
            "replaces_default", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("loosened", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_policy_revisions_model_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_policy_revisions")),
    )
    op.create_index(
        "ix_policy_revisions_model_id", "policy_revisions", ["model_id", "revision"], unique=False
    )
    op.create_table(
        "stages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "name ~ '^[a-z][a-z0-9_-]{0,63}$' and name <> 'latest'", name=op.f("ck_stages_name")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_stages_model_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stages")),
    )
    op.create_index(
        "uq_stages_name",
        "stages",
        [
            sa.literal_column("coalesce(model_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            "name",
        ],
        unique=True,
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("models", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("issued_by", sa.Uuid(), nullable=True),
        sa.Column("issuers", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_tokens_identity_id")
        ),
        sa.ForeignKeyConstraint(["issued_by"], ["identities.id"], name=op.f("fk_tokens_issued_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    op.create_index(op.f("ix_tokens_identity_id"), "tokens", ["identity_id"], unique=False)
    op.create_table(
        "versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_key", sa.Text(), sa.Computed("lower(name)", persisted=True), nullable=True),
        sa.Column("name_rendered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("failure", postgresql.JSONB(), nullable=True),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "tags",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "params",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "metrics",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("code", postgresql.JSONB(), nullable=True),
        sa.Column(
            "datasets",
            postgresql.JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column(
            "preprocessing",
            postgresql.JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("environment", postgresql.JSONB(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("signature", postgresql.JSONB(), nullable=True),
        sa.Column("run", postgresql.JSONB(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("files_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("manifest_sha256", sa.LargeBinary(32), nullable=True),
        sa.Column("recipe_sha256", sa.LargeBinary(32), nullable=True),
        sa.Column("recalled", postgresql.JSONB(), nullable=True),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'ready') = (num_nonnulls(ready_at, manifest_sha256, recipe_sha256) = 3)",
            name=op.f("ck_versions_ready_is_whole"),
        ),
        sa.CheckConstraint(
            "status in ('draft', 'verifying', 'ready', 'failed', 'discarded')",
            name=op.f("ck_versions_status"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_versions_number")),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["identities.id"], name=op.f("fk_versions_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_versions_model_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("model_id", "number", name=op.f("uq_versions_model_id_number")),
    )
    op.create_index("ix_versions_created_at_id", "versions", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_versions_model_id_number",
        "versions",
        ["model_id", "number"],
        unique=False,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_index(
        "uq_versions_model_id_name_key",
        "versions",
        ["model_id", "name_key"],
        unique=True,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_table(
        "aliases",
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column(
            "set_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_aliases_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_aliases_version_id")
        ),
        sa.PrimaryKeyConstraint("model_id", "name", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_version_id"), "aliases", ["version_id"], unique=False)
    op.create_table(
        "promotions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("from_stage", sa.Text(), nullable=False),
        sa.Column("to_stage", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_by_owner_id", sa.Uuid(), nullable=True),
        sa.Column("manifest_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("recipe_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("policy_revision", sa.BigInteger(), nullable=False),
        sa.Column("opened_under_revision", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.Column("override", postgresql.JSONB(), nullable=True),
        sa.Column("findings", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status in ('open', 'approved')) = (ended_at is null)",
            name=op.f("ck_promotions_ended"),
        ),
        sa.CheckConstraint(
            "status in ('open', 'approved', 'applied', 'rejected', 'cancelled', 'expired', 'superseded', 'voided')",
            name=op.f("ck_promotions_status"),
        ),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["identities.id"], name=op.f("fk_promotions_ended_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_promotions_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["opened_under_revision"],
            ["policy_revisions.revision"],
            name=op.f("fk_promotions_opened_under_revision"),
        ),
        sa.ForeignKeyConstraint(
            ["policy_revision"],
            ["policy_revisions.revision"],
            name=op.f("fk_promotions_policy_revision"),
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["identities.id"], name=op.f("fk_promotions_requested_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_promotions_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
        sa.UniqueConstraint("id", "status", name="uq_promotions_id_status"),
    )
    op.create_index(
        "ix_promotions_expires_at",
        "promotions",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status in ('open', 'approved')"),
    )
    op.create_index("ix_promotions_model_id_id", "promotions", ["model_id", "id"], unique=False)
    op.create_index("ix_promotions_status_id", "promotions", ["status", "id"], unique=False)
    op.create_index(
        "uq_promotions_open",
        "promotions",
        ["version_id", "to_stage"],
        unique=True,
        postgresql_where=sa.text("status in ('open', 'approved')"),
    )
    op.create_table(
        "rollbacks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("from_version_id", sa.Uuid(), nullable=True),
        sa.Column("to_version_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["identities.id"], name=op.f("fk_rollbacks_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["from_version_id"], ["versions.id"], name=op.f("fk_rollbacks_from_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_rollbacks_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["to_version_id"], ["versions.id"], name=op.f("fk_rollbacks_to_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollbacks")),
    )
    op.create_index(op.f("ix_rollbacks_model_id"), "rollbacks", ["model_id"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(collation="C"), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("part_sha256", postgresql.JSONB(), nullable=True),
        sa.Column("begun", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("store_handle", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status in ('open', 'completed', 'abandoned', 'expired')",
            name=op.f("ck_uploads_status"),
        ),
        sa.CheckConstraint("size >= 0 and part_size > 0", name=op.f("ck_uploads_size")),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["identities.id"], name=op.f("fk_uploads_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_uploads_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index(
        "ix_uploads_expires_at",
        "uploads",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(op.f("ix_uploads_sha256"), "uploads", ["sha256"], unique=False)
    op.create_index(
        "ix_uploads_uncleared",
        "uploads",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("status <> 'open' and cleared_at is null"),
    )
    op.create_index(
        "uq_uploads_version_id_path",
        "uploads",
        ["version_id", "path"],
        unique=True,
        postgresql_where=sa.text("status in ('open', 'expired')"),
    )
    op.create_table(
        "version_authors",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column(
            "first_wrote_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_version_authors_identity_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["versions.id"],
            name=op.f("fk_version_authors_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "identity_id", name=op.f("pk_version_authors")),
    )
    op.create_table(
        "version_files",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(collation="C"), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_version_files_sha256")),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["versions.id"],
            name=op.f("fk_version_files_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "path", name=op.f("pk_version_files")),
    )
    op.create_index(op.f("ix_version_files_sha256"), "version_files", ["sha256"], unique=False)
    op.create_table(
        "version_parents",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["versions.id"], name=op.f("fk_version_parents_parent_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["versions.id"],
            name=op.f("fk_version_parents_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "parent_id", name=op.f("pk_version_parents")),
    )
    op.create_index(
        op.f("ix_version_parents_parent_id"), "version_parents", ["parent_id"], unique=False
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("promotion_id", sa.Uuid(), nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("manifest_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("recipe_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("description_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("policy_revision", sa.BigInteger(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "decision in ('approve', 'reject', 'comment', 'withdraw')",
            name=op.f("ck_reviews_decision"),
        ),
        sa.ForeignKeyConstraint(
            ["policy_revision"],
            ["policy_revisions.revision"],
            name=op.f("fk_reviews_policy_revision"),
        ),
        sa.ForeignKeyConstraint(
            ["promotion_id"], ["promotions.id"], name=op.f("fk_reviews_promotion_id")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["identities.id"], name=op.f("fk_reviews_reviewer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index(op.f("ix_reviews_promotion_id"), "reviews", ["promotion_id"], unique=False)
    op.create_index(op.f("ix_reviews_reviewer_id"), "reviews", ["reviewer_id"], unique=False)
    op.create_table(
        "tenures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("held", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("promotion_id", sa.Uuid(), nullable=True),
        sa.Column(
            "promotion_status",
            sa.Text(),
            sa.Computed("case when promotion_id is not null then 'applied' end", persisted=True),
            nullable=True,
        ),
        sa.Column("rollback_id", sa.Uuid(), nullable=True),
        sa.Column("overridden", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("model_id"), "="),
            (sa.column("stage"), "="),
            (sa.column("held"), "&&"),
            where=sa.text("exclusive"),
            using="gist",
            name="ex_tenures_one_holder",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("version_id"), "="),
            (sa.column("held"), "&&"),
            using="gist",
            name="ex_tenures_one_stage_per_version",
        ),
        sa.CheckConstraint("stage <> 'none'", name=op.f("ck_tenures_stage")),
        sa.CheckConstraint(
            "not isempty(held) and not lower_inf(held)", name=op.f("ck_tenures_held")
        ),
        sa.CheckConstraint(
            "num_nonnulls(promotion_id, rollback_id) = 1", name=op.f("ck_tenures_one_cause")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_tenures_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["promotion_id", "promotion_status"],
            ["promotions.id", "promotions.status"],
            name="fk_tenures_applied_promotion",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["rollback_id"], ["rollbacks.id"], name=op.f("fk_tenures_rollback_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_tenures_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenures")),
    )
    op.create_index(
        "ix_tenures_open_stage",
        "tenures",
        ["model_id", "stage", "version_id"],
        unique=False,
        postgresql_where=sa.text("upper_inf(held)"),
    )
    op.create_index("ix_tenures_promotion_id", "tenures", ["promotion_id"], unique=False)
    op.create_index(
        "ix_tenures_stage_since",
        "tenures",
        ["model_id", "stage", sa.literal_column("lower(held)")],
        unique=False,
    )
    op.create_index(op.f("ix_tenures_rollback_id"), "tenures", ["rollback_id"], unique=False)
    op.create_index(
        "uq_tenures_open_version",
        "tenures",
        ["version_id"],
        unique=True,
        postgresql_where=sa.text("upper_inf(held)"),
    )
    op.create_table(
        "transitions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_stage", sa.Text(), nullable=False),
        sa.Column("to_stage", sa.Text(), nullable=False),
        sa.Column("promotion_id", sa.Uuid(), nullable=True),
        sa.Column("rollback_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind in ('promotion', 'override', 'succession', 'rollback')",
            name=op.f("ck_transitions_kind"),
        ),
        sa.CheckConstraint("from_stage <> to_stage", name=op.f("ck_transitions_stages")),
        sa.CheckConstraint(
            "num_nonnulls(promotion_id, rollback_id) = 1", name=op.f("ck_transitions_one_cause")
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["identities.id"], name=op.f("fk_transitions_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_transitions_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["promotion_id"], ["promotions.id"], name=op.f("fk_transitions_promotion_id")
        ),
        sa.ForeignKeyConstraint(
            ["rollback_id"], ["rollbacks.id"], name=op.f("fk_transitions_rollback_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_transitions_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transitions")),
    )
    op.create_index("ix_transitions_model_id_id", "transitions", ["model_id", "id"], unique=False)
    op.create_index(
        op.f("ix_transitions_promotion_id"), "transitions", ["promotion_id"], unique=False
    )
    op.create_index(
        op.f("ix_transitions_rollback_id"), "transitions", ["rollback_id"], unique=False
    )
    op.create_index(op.f("ix_transitions_version_id"), "transitions", ["version_id"], unique=False)
    # ### end Alembic commands ###


def downgrade() -> None:
    op.drop_table("transitions")
    op.drop_table("tenures")
    op.drop_table("reviews")
    op.drop_table("version_parents")
    op.drop_table("version_files")
    op.drop_table("version_authors")
    op.drop_table("uploads")
    op.drop_table("rollbacks")
    op.drop_table("promotions")
    op.drop_table("aliases")
    op.drop_table("versions")
    op.drop_table("tokens")
    op.drop_table("stages")
    op.drop_table("policy_revisions")
    op.drop_table("model_counters")
    op.drop_table("idempotency_keys")
    op.drop_table("group_members")
    op.drop_table("grants")
    op.drop_table("alias_changes")
    op.drop_table("models")
    op.drop_table("identities")
    op.drop_table("groups")
    op.drop_table("events")
    op.execute("drop function stageward_era()")
    op.drop_table("record_eras")
    op.drop_table("blobs")
