"""Models and their counters."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.core.ids import new_id


class Model(Base):
    """An ML model: what its versions have in common."""

    __tablename__ = "models"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    tags: Mapped[dict[str, str]] = mapped_column(server_default=text("'{}'"), default=dict)
    name_template: Mapped[str | None] = mapped_column(Text)
    naming: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None] = mapped_column(Text)
    purged_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_models_name",
            func.lower(text("name")),
            unique=True,
            postgresql_where=text("purged_at is null"),
        ),
        Index("ix_models_name", "name"),
        Index(
            "ix_models_text",
            func.stageward_model_text(text("name"), text("description"), text("tags")).label(
                "said"
            ),
            postgresql_using="gin",
            postgresql_ops={"said": "gin_trgm_ops"},
            postgresql_where=text("deleted_at is null"),
        ),
    )


class Counter(Base):
    """What changes often about a model, in a narrow row that is also the model's lock.

    `last_number` is the highest number given; `latest_ready` the highest ready number;
    `revision` counts every change of what a model shows, for its ETag.
    """

    __tablename__ = "model_counters"

    model_id: Mapped[UUID] = mapped_column(
        ForeignKey("models.id", ondelete="CASCADE"), primary_key=True
    )
    last_number: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    latest_ready: Mapped[int | None]
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)
