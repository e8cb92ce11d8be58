"""What headers of safetensors files say, kept with the blob.

Files that were attached before are read by a job that looks for them every hour; the index is what
it looks through.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SHA256 = sa.LargeBinary(32)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "tensor_headers",
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("tensors_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("parameters", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("metadata", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("metadata_left_out", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("hashed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_tensor_headers")),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["blobs.sha256"],
            name=op.f("fk_tensor_headers_sha256"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "status in ('read', 'unreadable')", name=op.f("ck_tensor_headers_status")
        ),
        sa.CheckConstraint(
            "(status = 'unreadable') = (reason is not null)", name=op.f("ck_tensor_headers_reason")
        ),
    )
    op.create_table(
        "tensors",
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("shape", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("stop", sa.BigInteger(), nullable=False),
        sa.Column("digest", SHA256),
        sa.PrimaryKeyConstraint("sha256", "name", name=op.f("pk_tensors")),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["tensor_headers.sha256"],
            name=op.f("fk_tensors_sha256"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_version_files_safetensors",
        "version_files",
        ["sha256"],
        postgresql_where=sa.text("lower(path) like '%.safetensors'"),
    )


def downgrade() -> None:
    op.drop_index("ix_version_files_safetensors", "version_files")
    op.drop_table("tensors")
    op.drop_table("tensor_headers")
