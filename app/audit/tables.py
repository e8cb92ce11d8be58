"""The tables of the record."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from app.core.db import Base, Sha256


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Its name in SQL."""
        return "xid8"

    def bind_processor(self, dialect: object) -> Callable[[int | None], str | None]:
        """As text, from which PostgreSQL reads it: no kind of integer casts to it."""
        return lambda value: None if value is None else str(value)

    def result_processor(
        self, dialect: object, coltype: object
    ) -> Callable[[str | None], int | None]:
        """From the text that the driver leaves it as."""
        return lambda value: None if value is None else int(value)


class RecordEra(Base):
    """A stretch of the record whose transaction ids one PostgreSQL server counted; `core/eras.py`
    begins them. `stageward_era()` is the number of the newest."""

    __tablename__ = "record_eras"

    era: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    began_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    began_in: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))

    __table_args__ = (CheckConstraint("era > 0", name="era"),)


class Event(Base):
    """One recorded fact: who did what to what, when, from where, and what differed.

    Whatever an INSERT says of them, PostgreSQL sets era, xid and at (migration 0008)."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    era: Mapped[int] = mapped_column(server_default=text("stageward_era()"))
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    action: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    actor: Mapped[str] = mapped_column(Text)
    token_id: Mapped[UUID | None]
    model_id: Mapped[UUID | None]
    model: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int | None]
    subject: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    payload: Mapped[dict[str, Any]]
    payload_sha256: Mapped[str] = mapped_column(Sha256)
    # The table lies in a room above.
    redaction_id: Mapped[UUID | None] = mapped_column(ForeignKey("redactions.id"))

    __table_args__ = (
        CheckConstraint("era > 0 and id > 0", name="place"),
        Index("ix_events_era_xid_id", "era", "xid", "id"),
        Index("ix_events_model_era_xid_id", "model", "era", "xid", "id"),
        Index("ix_events_actor_era_xid_id", "actor", "era", "xid", "id"),
        Index("ix_events_action_era_xid_id", "action", "era", "xid", "id"),
    )
