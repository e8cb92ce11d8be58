"""Data sets and how often each model used them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class DatasetUse(Base):
    """How many versions of a model used a data set, and as what.

    PostgreSQL alone writes these rows (triggers of migration 0013). `data_key` is a hash of name,
    version and digest; what a recipe does not say is an empty text. `first_used_at` and
    `last_used_at` also count versions that were deleted since."""

    __tablename__ = "dataset_uses"

    data_key: Mapped[UUID] = mapped_column(primary_key=True)
    model_id: Mapped[UUID] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    versions: Mapped[int]
    as_train: Mapped[int]
    as_validation: Mapped[int]
    as_test: Mapped[int]
    as_other: Mapped[int]
    first_used_at: Mapped[datetime]
    last_used_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_dataset_uses_name", text("substr(name, 1, 100)"), "data_key", "model_id"),
        Index("ix_dataset_uses_sha256", "sha256", postgresql_where=text("sha256 <> ''")),
    )
