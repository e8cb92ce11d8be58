"""The tables of trusted publishers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, Uuid, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256
from app.core.ids import new_id


class Trust(Base):
    """Whose word counts for a service account: an issuer, an audience, and what its tokens must
    claim (`claims`: name → patterns, one of which must match). `hands` are all who wrote it."""

    __tablename__ = "trusts"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    preset: Mapped[str | None] = mapped_column(Text)
    issuer: Mapped[str] = mapped_column(Text, index=True)
    audience: Mapped[str] = mapped_column(Text)
    claims: Mapped[dict[str, Any]]
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"), index=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    models: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    minutes: Mapped[int]
    hands: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)

    __table_args__ = (
        Index("uq_trusts_name", func.lower(text("name")), unique=True),
        CheckConstraint("minutes between 1 and 60", name="minutes"),
    )


class UsedAssertion(Base):
    """That a token of an issuer was taken: a digest of the issuer and its `jti`, until it ends."""

    __tablename__ = "used_assertions"

    digest: Mapped[str] = mapped_column(Sha256, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
