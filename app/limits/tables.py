"""Counts by the minute; UNLOGGED, as they mean nothing after a crash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class FailedLogins(Base):
    """How often an address came without a valid token within a minute; with `sign-in ` before it,
    how often it began one."""

    __tablename__ = "failed_logins"

    address: Mapped[str] = mapped_column(Text, primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]

    __table_args__ = {"prefixes": ["UNLOGGED"]}


class RequestCount(Base):
    """How often a token was used within a minute."""

    __tablename__ = "request_counts"

    token_id: Mapped[UUID] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = {"prefixes": ["UNLOGGED"]}
