"""Policy revisions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PolicyRevision(Base):
    """One revision of the default policy (no `model_id`) or of a model's addition to it.

    `body` is null where the revision takes a model's own policy away; `loosened` flags a revision
    that allows what the one before did not, or what the last one without the flag did not.
    """

    __tablename__ = "policy_revisions"

    revision: Mapped[int] = mapped_column(
        BigInteger, Identity(always=False, start=1), primary_key=True
    )
    model_id: Mapped[UUID | None] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    body: Mapped[dict[str, Any] | None]
    replaces_default: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    loosened: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    # The table lies in a room above.
    redaction_id: Mapped[UUID | None] = mapped_column(ForeignKey("redactions.id"))

    __table_args__ = (Index("ix_policy_revisions_model_id", "model_id", "revision"),)
