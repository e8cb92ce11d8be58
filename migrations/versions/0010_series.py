"""Points of learning curves.

A series is one curve of a version, with what its points come to, so that a list of curves reads no
points. Points are append-only: a step that was measured keeps its value. Going back loses them.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_step", sa.BigInteger()),
        sa.Column("last_step", sa.BigInteger()),
        sa.Column("last_value", sa.Double()),
        sa.Column("min", sa.Double()),
        sa.Column("max", sa.Double()),
        sa.Column("updated_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_series_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("version_id", "key", name=op.f("uq_series_version_id_key")),
    )
    op.create_table(
        "series_points",
        sa.Column("series_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "step", name=op.f("pk_series_points")),
        sa.CheckConstraint(
            "step between 0 and 9007199254740991", name=op.f("ck_series_points_step")
        ),
        sa.CheckConstraint(
            "value > '-infinity' and value < 'infinity'", name=op.f("ck_series_points_finite")
        ),
    )
    refuse = "execute function stageward_refuse_change"
    op.execute(f"create trigger keep before delete on series for each row {refuse}()")
    # What the points come to changes with them; which curve it is, only a redaction changes.
    op.execute(
        "create trigger refuse_change before update of id, version_id, key on series "
        f"for each row {refuse}('key')"
    )
    op.execute(
        "create trigger refuse_change before update or delete on series_points "
        f"for each row {refuse}()"
    )
    for table in ("series", "series_points"):
        op.execute(
            f"create trigger refuse_truncate before truncate on {table} for each statement "
            f"{refuse}()"
        )


def downgrade() -> None:
    op.drop_table("series_points")
    op.drop_table("series")
