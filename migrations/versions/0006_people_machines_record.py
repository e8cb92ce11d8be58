"""People, machines and the record: seals, redactions, trusted issuers, sign-in and limits.

Seals and checkpoints are append-only, as events are. Counts that limit requests are UNLOGGED: they
mean nothing after a crash.

Revision ID: 0006
Revises: 0005
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APPEND_ONLY = ("seals", "checkpoints", "redactions", "redaction_places")
SHA256 = sa.LargeBinary(32)


class Xid8(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    _seals()
    _redactions()
    _trusts()
    _sign_ins()
    _tokens()
    _limits()
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger refuse_change before update or delete on {table} "
            "for each row execute function stageward_refuse_change()"
        )
        op.execute(
            f"create trigger refuse_truncate before truncate on {table} "
            "for each statement execute function stageward_refuse_change()"
        )


def _seals() -> None:
    op.create_table(
        "seals",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("era", sa.Integer(), nullable=False),
        sa.Column("xid", Xid8(), nullable=False),
        sa.Column("texts_sha256", SHA256, nullable=False),
        sa.Column("hash", SHA256, nullable=False),
        sa.CheckConstraint("seq > 0", name=op.f("ck_seals_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_seals")),
        sa.UniqueConstraint("event_id", name=op.f("uq_seals_event_id")),
    )
    op.create_table(
        "checkpoints",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", SHA256, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["seals.seq"], name=op.f("fk_checkpoints_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_checkpoints")),
    )


def _redactions() -> None:
    op.create_table(
        "redactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("marker", sa.Text(), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redactions")),
        sa.UniqueConstraint("marker", name=op.f("uq_redactions_marker")),
    )
    op.create_table(
        "redaction_places",
        sa.Column("redaction_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["redaction_id"], ["redactions.id"], name=op.f("fk_redaction_places_redaction_id")
        ),
        sa.PrimaryKeyConstraint("redaction_id", "place", name=op.f("pk_redaction_places")),
    )
    for table in ("events", "versions"):
        op.add_column(table, sa.Column("redaction_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_redaction_id"), table, "redactions", ["redaction_id"], ["id"]
        )


def _trusts() -> None:
    op.create_table(
        "trusts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("preset", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("claims", postgresql.JSONB(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("models", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("hands", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("minutes between 1 and 60", name=op.f("ck_trusts_minutes")),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_trusts_identity_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusts")),
    )
    op.create_index("uq_trusts_name", "trusts", [sa.text("lower(name)")], unique=True)
    op.create_index(op.f("ix_trusts_issuer"), "trusts", ["issuer"])
    op.create_index(op.f("ix_trusts_identity_id"), "trusts", ["identity_id"])
    op.create_table(
        "used_assertions",
        sa.Column("digest", SHA256, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_used_assertions")),
    )
    op.create_index(op.f("ix_used_assertions_expires_at"), "used_assertions", ["expires_at"])


def _sign_ins() -> None:
    op.create_table(
        "identity_links",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("linked_by", sa.Text(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_identity_links_identity_id")
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identity_links")),
    )
    op.create_index(op.f("ix_identity_links_identity_id"), "identity_links", ["identity_id"])
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state_sha256", SHA256, nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("client_state", sa.Text(), nullable=True),
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=True),
        sa.Column("code_sha256", SHA256, nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name=op.f("fk_sign_ins_identity_id")
        ),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_sign_ins_token_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
        sa.UniqueConstraint("state_sha256", name=op.f("uq_sign_ins_state_sha256")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_sign_ins_code_sha256")),
    )
    op.create_index(op.f("ix_sign_ins_expires_at"), "sign_ins", ["expires_at"])
    op.add_column("groups", sa.Column("claim", sa.Text(), nullable=True))
    op.create_index(op.f("ix_groups_claim"), "groups", ["claim"])
    op.add_column(
        "group_members",
        sa.Column("by_claim", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def _tokens() -> None:
    op.add_column("tokens", sa.Column("origin", sa.Text(), server_default="issued", nullable=False))
    op.create_check_constraint(
        op.f("ck_tokens_origin"), "tokens", "origin in ('issued', 'exchanged', 'signed_in')"
    )
    op.add_column("tokens", sa.Column("trust_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_tokens_trust_id"), "tokens", "trusts", ["trust_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(op.f("ix_tokens_trust_id"), "tokens", ["trust_id"])
    op.add_column("tokens", sa.Column("rotated_to", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_tokens_rotated_to"), "tokens", "tokens", ["rotated_to"], ["id"])
    op.add_column("tokens", sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_tokens_expires_at"), "tokens", ["expires_at"])


def _limits() -> None:
    op.create_table(
        "failed_logins",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address", "minute", name=op.f("pk_failed_logins")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "request_counts",
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_id", "minute", name=op.f("pk_request_counts")),
        prefixes=["UNLOGGED"],
    )


def downgrade() -> None:
    # The chain of seals is lost with it: going up again seals anew, under other checkpoints.
    op.drop_table("request_counts")
    op.drop_table("failed_logins")
    for column in ("warned_at", "rotated_to", "trust_id", "origin"):
        op.drop_column("tokens", column)
    op.drop_index(op.f("ix_tokens_expires_at"), "tokens")
    op.drop_column("group_members", "by_claim")
    op.drop_column("groups", "claim")
    for table in ("sign_ins", "identity_links", "used_assertions", "trusts"):
        op.drop_table(table)
    for table in ("versions", "events"):
        op.drop_column(table, "redaction_id")
    for table in reversed(APPEND_ONLY):
        op.drop_table(table)
