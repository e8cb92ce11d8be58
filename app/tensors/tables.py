"""What the headers of safetensors files say, kept with the blob."""

from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256


class TensorHeader(Base):
    """That the header of a blob was read, or why it could not be. `hashed_at` is when the bytes of
    each of its tensors were hashed; null until they are."""

    __tablename__ = "tensor_headers"

    sha256: Mapped[str] = mapped_column(
        Sha256, ForeignKey("blobs.sha256", ondelete="CASCADE"), primary_key=True
    )
    status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    tensors_count: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    parameters: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    metadata_: Mapped[dict[str, str]] = mapped_column(
        "metadata", server_default=text("'{}'"), default=dict
    )
    metadata_left_out: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    read_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    hashed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("status in ('read', 'unreadable')", name="status"),
        CheckConstraint("(status = 'unreadable') = (reason is not null)", name="reason"),
    )


class TensorRow(Base):
    """A tensor of a blob. `digest` is the SHA-256 of its own bytes, from `start` up to `stop`."""

    __tablename__ = "tensors"

    sha256: Mapped[str] = mapped_column(
        Sha256, ForeignKey("tensor_headers.sha256", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    dtype: Mapped[str] = mapped_column(Text)
    shape: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    start: Mapped[int] = mapped_column(BigInteger)
    stop: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str | None] = mapped_column(Sha256)
