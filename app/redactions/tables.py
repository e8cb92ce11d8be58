"""The tables of redactions; both are append-only."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.audit.tables import Xid8
from app.core.db import Base
from app.core.ids import new_id


class Redaction(Base):
    """That a text was removed: by whom, why, and what stands in its place. Never the text."""

    __tablename__ = "redactions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    by: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    marker: Mapped[str] = mapped_column(Text, unique=True)
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))

    __table_args__ = (
        CheckConstraint("marker = 'redacted-' || right(id::text, 12)", name="marker"),
    )


class RedactionPlace(Base):
    """In how many rows of which column (`versions.params`) a redaction found the text."""

    __tablename__ = "redaction_places"

    redaction_id: Mapped[UUID] = mapped_column(ForeignKey("redactions.id"), primary_key=True)
    place: Mapped[str] = mapped_column(Text, primary_key=True)
    rows: Mapped[int] = mapped_column(BigInteger)
