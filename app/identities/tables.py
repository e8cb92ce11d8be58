"""People and service accounts, and their groups. A name belongs to one of either."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.core.ids import new_id


class Identity(Base):
    """A person (`user`) or a service account (`service`), which has a person as its owner."""

    __tablename__ = "identities"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("identities.id"), index=True)
    disabled_at: Mapped[datetime | None]
    disabled_by: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)

    __table_args__ = (
        Index("uq_identities_name", func.lower(text("name")), unique=True),
        CheckConstraint("kind in ('user', 'service')", name="kind"),
        CheckConstraint("(kind = 'service') = (owner_id is not null)", name="owner"),
    )


class Group(Base):
    """People and service accounts that are granted roles, or asked for reviews, together. With a
    `claim`, whoever signs in is in it just as long as their provider says so."""

    __tablename__ = "groups"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    claim: Mapped[str | None] = mapped_column(Text, index=True)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)

    __table_args__ = (Index("uq_groups_name", func.lower(text("name")), unique=True),)


class Membership(Base):
    """That an identity is in a group."""

    __tablename__ = "group_members"

    group_id: Mapped[UUID] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True
    )
    identity_id: Mapped[UUID] = mapped_column(
        ForeignKey("identities.id"), primary_key=True, index=True
    )
    added_by: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    by_claim: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
