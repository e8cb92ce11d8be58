"""Versions, who wrote them, and what they descend from."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256
from app.core.ids import new_id


class Version(Base):
    """One build of a model. What is frozen when it is ready: name, recipe, digests, sizes.

    While it is `verifying`, `bytes_verified` of `bytes_to_verify` have been proven."""

    __tablename__ = "versions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    number: Mapped[int]
    name: Mapped[str | None] = mapped_column(Text)
    name_key: Mapped[str | None] = mapped_column(Text, Computed("lower(name)", persisted=True))
    name_rendered: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    status: Mapped[str] = mapped_column(Text, server_default="draft", default="draft")
    failure: Mapped[dict[str, Any] | None]
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    tags: Mapped[dict[str, str]] = mapped_column(server_default=text("'{}'"), default=dict)

    params: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    metrics: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    code: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    datasets: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"), default=list)
    preprocessing: Mapped[list[Any]] = mapped_column(
        JSONB, server_default=text("'[]'"), default=list
    )
    environment: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    seed: Mapped[int | None] = mapped_column(BigInteger)
    signature: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    run: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    source: Mapped[str | None] = mapped_column(Text)

    files_count: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    size: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    bytes_verified: Mapped[int | None] = mapped_column(BigInteger)
    bytes_to_verify: Mapped[int | None] = mapped_column(BigInteger)
    manifest_sha256: Mapped[str | None] = mapped_column(Sha256)
    recipe_sha256: Mapped[str | None] = mapped_column(Sha256)

    recalled: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    overridden: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    # The table lies in a room above.
    redaction_id: Mapped[UUID | None] = mapped_column(ForeignKey("redactions.id"))
    created_by_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"))
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ready_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)

    __table_args__ = (
        UniqueConstraint("model_id", "number"),
        Index(
            "uq_versions_model_id_name_key",
            "model_id",
            "name_key",
            unique=True,
            postgresql_where=text("deleted_at is null"),
        ),
        CheckConstraint("number > 0", name="number"),
        CheckConstraint(
            "status in ('draft', 'verifying', 'ready', 'failed', 'discarded')", name="status"
        ),
        CheckConstraint(
            "(status = 'ready') = (num_nonnulls(ready_at, manifest_sha256, recipe_sha256) = 3)",
            name="ready_is_whole",
        ),
        CheckConstraint(
            "(status = 'verifying') = (num_nonnulls(bytes_verified, bytes_to_verify) = 2)",
            name="verifying_tells_how_far",
        ),
        Index(
            "ix_versions_model_id_number",
            "model_id",
            "number",
            postgresql_include=["created_at", "id"],
            postgresql_where=text("deleted_at is null"),
        ),
        Index(
            "ix_versions_model_id_created_at_id",
            "model_id",
            "created_at",
            "id",
            postgresql_where=text("deleted_at is null"),
        ),
        Index(
            "ix_versions_created_at_id",
            "created_at",
            "id",
            postgresql_where=text("deleted_at is null"),
        ),
        Index("ix_versions_verifying", "updated_at", postgresql_where=text("status = 'verifying'")),
    )


class Author(Base):
    """An identity that wrote content of a version before it was ready, with its owner where it is
    a service account: neither of them may approve the version."""

    __tablename__ = "version_authors"

    version_id: Mapped[UUID] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True
    )
    identity_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[UUID | None]
    first_wrote_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Parent(Base):
    """That a version was made from another one, of this or another model."""

    __tablename__ = "version_parents"

    version_id: Mapped[UUID] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True
    )
    parent_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    position: Mapped[int]

    __table_args__ = (Index("ix_version_parents_parent_id", "parent_id", "version_id"),)
