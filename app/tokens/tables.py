"""The table of tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Text, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256
from app.core.ids import new_id


class Token(Base):
    """A credential. Only an HMAC of the secret is stored.

    `issued_by` is who asked for it; `issuers` are all who had a hand in it: the issuer, the owner
    of an issuing service account, and the issuers of the token that was used to ask. `origin` tells
    how it came about; `trust_id` by which trust it was exchanged (the table lies in a room above);
    `rotated_to` which token took its place; `warned_at` when its end was announced.
    """

    __tablename__ = "tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Sha256, unique=True)
    hint: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    models: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(Text)
    issued_by: Mapped[UUID | None] = mapped_column(ForeignKey("identities.id"))
    issuers: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}", default=list)
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    # The table lies in a room above.
    redaction_id: Mapped[UUID | None] = mapped_column(ForeignKey("redactions.id"))
    origin: Mapped[str] = mapped_column(Text, server_default="issued", default="issued")
    trust_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("trusts.id", ondelete="SET NULL"), index=True
    )
    rotated_to: Mapped[UUID | None] = mapped_column(ForeignKey("tokens.id"))
    warned_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("origin in ('issued', 'exchanged', 'signed_in')", name="origin"),
    )
