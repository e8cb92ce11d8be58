"""Blobs: bytes that are stored and proven, named by their SHA-256."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256


class Blob(Base):
    """Bytes that were proven, in the store.

    A row is made a moment before the bytes are put at their blob key, so that whatever is killed, a
    sweep knows of them. References are the rows that name it (`version_files`);
    `unreferenced_since` starts the grace time after which a blob that nothing names is swept away.
    From `doomed_at` on its bytes are being freed, and nothing may name it any more. `checked_at` is
    when its bytes were last proven or read again; `damage` is what was wrong with them then, until
    the same bytes come again.
    """

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    proven_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    unreferenced_since: Mapped[datetime | None] = mapped_column(
        server_default=func.clock_timestamp()
    )
    doomed_at: Mapped[datetime | None]
    checked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    damage: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("size >= 0", name="size"),
        CheckConstraint("doomed_at is null or unreferenced_since is not null", name="doomed"),
        CheckConstraint("damage in ('missing', 'truncated', 'altered')", name="damage"),
        Index("ix_blobs_checked_at", "checked_at"),
        Index("ix_blobs_damage", "damage", postgresql_where=text("damage is not null")),
        Index(
            "ix_blobs_unreferenced_since",
            "unreferenced_since",
            postgresql_where=text("unreferenced_since is not null"),
        ),
    )
