"""Proof as a job, its progress, and what is known of a stored blob's health.

One transaction, which holds these three tables while `blobs` is rewritten: some seconds for each
million blobs.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATUSES = ("open", "received", "completed", "refused", "abandoned", "expired")
EARLIER_STATUSES = ("open", "completed", "abandoned", "expired")


def upgrade() -> None:
    op.add_column("uploads", sa.Column("received_at", sa.DateTime(timezone=True)))
    op.add_column("uploads", sa.Column("proof_tried_at", sa.DateTime(timezone=True)))
    op.add_column(
        "uploads",
        sa.Column("bytes_verified", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("uploads", sa.Column("found", postgresql.JSONB()))
    _set_statuses(STATUSES)
    _index_uploads(
        declared="status in ('open', 'received', 'expired', 'refused')",
        uncleared="status not in ('open', 'received') and cleared_at is null",
    )
    op.create_index(
        "ix_uploads_received_at",
        "uploads",
        ["received_at"],
        postgresql_where=sa.text("status = 'received'"),
    )

    op.add_column("versions", sa.Column("bytes_verified", sa.BigInteger()))
    op.add_column("versions", sa.Column("bytes_to_verify", sa.BigInteger()))
    op.create_check_constraint(
        op.f("ck_versions_verifying_tells_how_far"),
        "versions",
        "(status = 'verifying') = (num_nonnulls(bytes_verified, bytes_to_verify) = 2)",
    )

    op.create_index(
        "ix_versions_verifying",
        "versions",
        ["updated_at"],
        postgresql_where=sa.text("status = 'verifying'"),
    )

    op.add_column("blobs", sa.Column("checked_at", sa.DateTime(timezone=True)))
    op.execute("update blobs set checked_at = proven_at")
    op.alter_column(
        "blobs", "checked_at", nullable=False, server_default=sa.text("clock_timestamp()")
    )
    op.add_column("blobs", sa.Column("damage", sa.Text()))
    op.create_check_constraint(
        op.f("ck_blobs_damage"), "blobs", "damage in ('missing', 'truncated', 'altered')"
    )
    op.create_index("ix_blobs_checked_at", "blobs", ["checked_at"])
    op.create_index(
        "ix_blobs_damage", "blobs", ["damage"], postgresql_where=sa.text("damage is not null")
    )


def downgrade() -> None:
    """Uploads that were received are given up: earlier servers know no such thing."""
    op.drop_index("ix_blobs_damage", "blobs")
    op.drop_index("ix_blobs_checked_at", "blobs")
    op.drop_column("blobs", "damage")
    op.drop_column("blobs", "checked_at")
    op.execute(
        "update versions set status = 'draft', bytes_verified = null, bytes_to_verify = null "
        "where status = 'verifying'"
    )
    op.drop_index("ix_versions_verifying", "versions")
    op.drop_column("versions", "bytes_to_verify")
    op.drop_column("versions", "bytes_verified")
    op.execute("update uploads set status = 'expired' where status in ('received', 'refused')")
    op.drop_index("ix_uploads_received_at", "uploads")
    _set_statuses(EARLIER_STATUSES)
    _index_uploads(
        declared="status in ('open', 'expired')",
        uncleared="status <> 'open' and cleared_at is null",
    )
    op.drop_column("uploads", "found")
    op.drop_column("uploads", "bytes_verified")
    op.drop_column("uploads", "proof_tried_at")
    op.drop_column("uploads", "received_at")


def _set_statuses(statuses: tuple[str, ...]) -> None:
    name, listed = op.f("ck_uploads_status"), ", ".join(f"'{status}'" for status in statuses)
    op.drop_constraint(name, "uploads")
    op.create_check_constraint(name, "uploads", f"status in ({listed})")


def _index_uploads(*, declared: str, uncleared: str) -> None:
    op.drop_index("uq_uploads_version_id_path", "uploads")
    op.create_index(
        "uq_uploads_version_id_path",
        "uploads",
        ["version_id", "path"],
        unique=True,
        postgresql_where=sa.text(declared),
    )
    op.drop_index("ix_uploads_uncleared", "uploads")
    op.create_index(
        "ix_uploads_uncleared", "uploads", ["ended_at"], postgresql_where=sa.text(uncleared)
    )
