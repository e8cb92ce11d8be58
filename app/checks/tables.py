"""Checks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256
from app.core.ids import new_id


class Check(Base):
    """One report of a check on a version: its status, for the files of this manifest."""

    __tablename__ = "checks"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text, server_default="", default="")
    url: Mapped[str | None] = mapped_column(Text)
    manifest_sha256: Mapped[str] = mapped_column(Sha256)
    reported_by_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"))
    reported_by: Mapped[str] = mapped_column(Text)
    token_id: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    # The table lies in a room above.
    redaction_id: Mapped[UUID | None] = mapped_column(ForeignKey("redactions.id"))

    __table_args__ = (
        CheckConstraint("status in ('pending', 'success', 'failure')", name="status"),
        Index("ix_checks_version_id_name_id", "version_id", "name", "id"),
    )
