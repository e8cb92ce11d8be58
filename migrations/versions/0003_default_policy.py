"""The default policy's first revision, and the stages that every model has.

Revision ID: 0003
Revises: 0002
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STAGES = (("staging", False), ("production", True), ("archived", False))
POLICY = {
    "stages": [
        {"name": "staging", "from": ["none", "archived"], "exclusive": False},
        {
            "name": "production",
            "from": ["staging"],
            "exclusive": True,
            "incumbent": "archive",
            "approvals": [{"count": 1, "roles": ["reviewer"]}],
        },
        {"name": "archived", "from": ["none", "staging", "production"], "exclusive": False},
    ],
    "protected_aliases": [],
    "freeze": [],
}


def upgrade() -> None:
    connection = op.get_bind()
    for position, (name, exclusive) in enumerate(STAGES, 1):
        connection.execute(
            sa.text(
                "insert into stages (id, name, exclusive, position) "
                "values (gen_random_uuid(), :name, :exclusive, :position)"
            ),
            {"name": name, "exclusive": exclusive, "position": position},
        )
    connection.execute(
        sa.text(
            "insert into policy_revisions (body, created_by) "
            "values (cast(:body as jsonb), 'stageward')"
        ),
        {"body": json.dumps(POLICY)},
    )


def downgrade() -> None:
    # The revision row may stand in promotions and is append-only: it stays.
    op.execute("delete from stages where model_id is null")
