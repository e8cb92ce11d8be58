"""Grants: who has which role on which models."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.core.ids import new_id


class GrantRow(Base):
    """A role, given to an identity or a group, on the models whose name matches a glob."""

    __tablename__ = "grants"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    identity_id: Mapped[UUID | None] = mapped_column(ForeignKey("identities.id"))
    group_id: Mapped[UUID | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(Text)
    models: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        CheckConstraint("num_nonnulls(identity_id, group_id) = 1", name="subject"),
        CheckConstraint(
            "role in ('reader', 'contributor', 'reviewer', 'maintainer', 'admin')", name="role"
        ),
        CheckConstraint("role <> 'admin' or models = '*'", name="admin_is_global"),
        Index(
            "uq_grants_subject_models_role",
            text("coalesce(identity_id, group_id)"),
            "models",
            "role",
            unique=True,
        ),
        Index("ix_grants_group_id", "group_id"),
    )
