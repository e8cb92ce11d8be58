"""The tables of seals and checkpoints; both are append-only."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.audit.tables import Xid8
from app.core.db import Base, Sha256


class Seal(Base):
    """One link of the chain, for one event.

    `texts_sha256` covers, with the event's salt, those texts of the event that a redaction may
    change (subject, model, request id, address); `hash` covers all else and the seal before.
    """

    __tablename__ = "seals"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    era: Mapped[int]
    xid: Mapped[int] = mapped_column(Xid8)
    texts_sha256: Mapped[str] = mapped_column(Sha256)
    hash: Mapped[str] = mapped_column(Sha256)

    __table_args__ = (CheckConstraint("seq > 0", name="seq"),)


class Checkpoint(Base):
    """The head of the chain at some time, signed."""

    __tablename__ = "checkpoints"

    seq: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("seals.seq"), primary_key=True, autoincrement=False
    )
    hash: Mapped[str] = mapped_column(Sha256)
    at: Mapped[datetime]
    key_id: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
