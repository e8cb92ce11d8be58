"""Promotions and reviews."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256
from app.core.ids import new_id


class Promotion(Base):
    """A request to move a version to a stage, and what became of it.

    `findings` is what was found when it was last judged (gates, approvals, which reviews count,
    the incumbent); with the end of the promotion it stays as it was then.
    """

    __tablename__ = "promotions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    from_stage: Mapped[str] = mapped_column(Text)
    to_stage: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="open", default="open")
    reason: Mapped[str] = mapped_column(Text)
    requested_by_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"))
    requested_by: Mapped[str] = mapped_column(Text)
    requested_by_owner_id: Mapped[UUID | None]
    manifest_sha256: Mapped[str] = mapped_column(Sha256)
    recipe_sha256: Mapped[str] = mapped_column(Sha256)
    policy_revision: Mapped[int] = mapped_column(ForeignKey("policy_revisions.revision"))
    opened_under_revision: Mapped[int] = mapped_column(ForeignKey("policy_revisions.revision"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("identities.id"))
    ended_by: Mapped[str | None] = mapped_column(Text)
    ended_because: Mapped[str | None] = mapped_column(Text)
    override: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    findings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)

    __table_args__ = (
        UniqueConstraint("id", "status", name="uq_promotions_id_status"),
        CheckConstraint(
            "status in ('open', 'approved', 'applied', 'rejected', 'cancelled', 'expired', "
            "'superseded', 'voided')",
            name="status",
        ),
        CheckConstraint("(status in ('open', 'approved')) = (ended_at is null)", name="ended"),
        Index(
            "uq_promotions_open",
            "version_id",
            "to_stage",
            unique=True,
            postgresql_where=text("status in ('open', 'approved')"),
        ),
        Index("ix_promotions_model_id_id", "model_id", "id"),
        Index("ix_promotions_status_id", "status", "id"),
        Index(
            "ix_promotions_expires_at",
            "expires_at",
            postgresql_where=text("status in ('open', 'approved')"),
        ),
    )


class Review(Base):
    """A person's verdict on a promotion, with what it saw. The latest of each reviewer counts."""

    __tablename__ = "reviews"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    promotion_id: Mapped[UUID] = mapped_column(ForeignKey("promotions.id"), index=True)
    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"), index=True)
    reviewer: Mapped[str] = mapped_column(Text)
    token_id: Mapped[UUID | None]
    decision: Mapped[str] = mapped_column(Text)
    comment: Mapped[str] = mapped_column(Text, server_default="", default="")
    manifest_sha256: Mapped[str] = mapped_column(Sha256)
    recipe_sha256: Mapped[str] = mapped_column(Sha256)
    description_sha256: Mapped[str] = mapped_column(Sha256)
    policy_revision: Mapped[int] = mapped_column(ForeignKey("policy_revisions.revision"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        CheckConstraint(
            "decision in ('approve', 'reject', 'comment', 'withdraw')", name="decision"
        ),
    )
