"""Evaluations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256
from app.core.ids import new_id


class Evaluation(Base):
    """What was measured of a version on one data set: `{metric: {value, stderr?, n?}}`."""

    __tablename__ = "evaluations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    dataset_name: Mapped[str] = mapped_column(Text)
    dataset_version: Mapped[str | None] = mapped_column(Text)
    dataset_sha256: Mapped[str | None] = mapped_column(Sha256)
    metrics: Mapped[dict[str, Any]] = mapped_column(JSONB)
    source: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text, server_default="", default="")
    reported_by_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"))
    reported_by: Mapped[str] = mapped_column(Text)
    token_id: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    # The table lies in a room above.
    redaction_id: Mapped[UUID | None] = mapped_column(ForeignKey("redactions.id"))

    __table_args__ = (
        Index("ix_evaluations_version_id_id", "version_id", "id"),
        Index("ix_evaluations_dataset", "model_id", text("md5(dataset_name)")),
        Index(
            "ix_evaluations_digest",
            *("model_id", "dataset_sha256"),
            postgresql_where=text("dataset_sha256 is not null"),
        ),
    )
