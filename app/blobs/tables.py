"""Blobs: bytes that are stored and proven, named by their SHA-256."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256


class Blob(Base):
    """Proven bytes in the store. A row exists only once the bytes are at their blob key.

    References are the rows that name it (`version_files`); `unreferenced_since` starts the grace
    time after which a blob that nothing names is swept away. From `doomed_at` on its bytes are
    being freed, and nothing may name it any more.
    """

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    proven_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    unreferenced_since: Mapped[datetime | None] = mapped_column(
        server_default=func.clock_timestamp()
    )
    doomed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("size >= 0", name="size"),
        CheckConstraint("doomed_at is null or unreferenced_since is not null", name="doomed"),
        Index(
            "ix_blobs_unreferenced_since",
            "unreferenced_since",
            postgresql_where=text("unreferenced_since is not null"),
        ),
    )
