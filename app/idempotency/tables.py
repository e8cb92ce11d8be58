"""The table of answers that were given under an idempotency key."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256


class KeptAnswer(Base):
    """The first 2xx answer to a request, and what that request was."""

    __tablename__ = "idempotency_keys"

    identity_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)
    body_sha256: Mapped[str] = mapped_column(Sha256)
    status: Mapped[int]
    headers: Mapped[dict[str, str]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)
