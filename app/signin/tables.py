"""The tables of sign-in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256
from app.core.ids import new_id


class IdentityLink(Base):
    """That an account at a provider is this identity."""

    __tablename__ = "identity_links"

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"), index=True)
    linked_by: Mapped[str] = mapped_column(Text)
    linked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class SignIn(Base):
    """One sign-in under way: begun (our `state` is with the provider), back (`identity_id` and a
    one-time code for whoever began it), used (`token_id`). Of state and code only digests."""

    __tablename__ = "sign_ins"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    state_sha256: Mapped[str] = mapped_column(Sha256, unique=True)
    redirect_uri: Mapped[str] = mapped_column(Text)
    client_state: Mapped[str | None] = mapped_column(Text)
    challenge: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    identity_id: Mapped[UUID | None] = mapped_column(ForeignKey("identities.id"))
    code_sha256: Mapped[str | None] = mapped_column(Sha256, unique=True)
    used_at: Mapped[datetime | None]
    token_id: Mapped[UUID | None] = mapped_column(ForeignKey("tokens.id"))
