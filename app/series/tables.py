"""Series and their points."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Series(Base):
    """One curve of a version, with what its points come to."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    key: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    first_step: Mapped[int | None] = mapped_column(BigInteger)
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    last_value: Mapped[float | None] = mapped_column(Double)
    min: Mapped[float | None] = mapped_column(Double)
    max: Mapped[float | None] = mapped_column(Double)
    updated_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("version_id", "key"),)


class Point(Base):
    """A value at a step. It has no foreign key: its series is found and held by whoever adds it,
    and is never deleted; to ask for each of 10,000 points would double what they take."""

    __tablename__ = "series_points"

    series_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    value: Mapped[float] = mapped_column(Double)
    at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("step between 0 and 9007199254740991", name="step"),
        CheckConstraint("value > '-infinity' and value < 'infinity'", name="finite"),
    )
