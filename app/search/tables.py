"""Facts: the numbers and texts of versions by key, in the orders of pages."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

# Versions up to this number have no entry in the index of facts of one model: as many are read.
FEW = 250


class VersionFact(Base):
    """That a version has a number, or a text, under a key.

    PostgreSQL alone writes these rows (triggers of migration 0009). `key` is a hash of the key's
    name and, for a text, of the text; the `num` of a text is 0. They lead to versions that may
    match: whether one does is seen in its own row."""

    __tablename__ = "version_facts"

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    num: Mapped[Decimal] = mapped_column(Numeric, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(primary_key=True)
    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    model_id: Mapped[UUID]
    number: Mapped[int]

    __table_args__ = (
        Index(
            "ix_version_facts_in_model",
            *("model_id", "key", "num", "number"),
            postgresql_where=text(f"number > {FEW}"),
        ),
    )
