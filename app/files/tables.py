"""Files of versions and uploads under way."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Sha256
from app.core.ids import new_id


class File(Base):
    """A path inside a version, and the proven blob it points at."""

    __tablename__ = "version_files"

    version_id: Mapped[UUID] = mapped_column(
        ForeignKey("versions.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    sha256: Mapped[str] = mapped_column(Sha256, ForeignKey("blobs.sha256"), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(Text)
    added_by: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        Index(
            "ix_version_files_safetensors",
            "sha256",
            postgresql_where=text("lower(path) like '%.safetensors'"),
        ),
    )


class Upload(Base):
    """Bytes on their way: declared for a path of a draft, written to `incoming/<id>`.

    `begun` says that the store knows of it, and `store_handle` is the store's own name of a
    multipart upload, where it has one. An upload leaves `open` once: `completed` (attached),
    `received` (its bytes are whole in the store, and a job proves them), `abandoned` (given up or
    replaced) or `expired`. What was received ends as `completed` or as `refused`, where `found`
    says which bytes came instead (null: the store could not give them back). What is open,
    received, expired or refused is declared: the version is not ready without it.

    `bytes_verified` is how far the proof has come, `proof_tried_at` when a job first failed to read
    the bytes, `proven_at` when they were seen to be what was declared, and `cleared_at` when those
    under `incoming/` were seen to be gone.
    """

    __tablename__ = "uploads"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(Text(collation="C"))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Sha256, index=True)
    media_type: Mapped[str] = mapped_column(Text)
    part_size: Mapped[int] = mapped_column(BigInteger)
    part_sha256: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    begun: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    store_handle: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="open", default="open")
    created_by: Mapped[str] = mapped_column(Text)
    created_by_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime]
    received_at: Mapped[datetime | None]
    proof_tried_at: Mapped[datetime | None]
    bytes_verified: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    found: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    proven_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    cleared_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "status in ('open', 'received', 'completed', 'refused', 'abandoned', 'expired')",
            name="status",
        ),
        CheckConstraint("size >= 0 and part_size > 0", name="size"),
        Index(
            "uq_uploads_version_id_path",
            "version_id",
            "path",
            unique=True,
            postgresql_where=text("status in ('open', 'received', 'expired', 'refused')"),
        ),
        Index("ix_uploads_expires_at", "expires_at", postgresql_where=text("status = 'open'")),
        Index(
            "ix_uploads_received_at", "received_at", postgresql_where=text("status = 'received'")
        ),
        Index(
            "ix_uploads_uncleared",
            "ended_at",
            postgresql_where=text("status not in ('open', 'received') and cleared_at is null"),
        ),
    )
