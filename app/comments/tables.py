"""Comments and their earlier texts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.core.ids import new_id


class Comment(Base):
    """A remark on a version, or on a promotion of it."""

    __tablename__ = "comments"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    version_id: Mapped[UUID] = mapped_column(ForeignKey("versions.id"))
    promotion_id: Mapped[UUID | None] = mapped_column(ForeignKey("promotions.id"))
    author_id: Mapped[UUID] = mapped_column(ForeignKey("identities.id"))
    author: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    edited_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(server_default=text("1"), default=1)

    __table_args__ = (
        Index(
            "ix_comments_version_id_id",
            "version_id",
            "id",
            postgresql_where=text("promotion_id is null"),
        ),
        Index("ix_comments_promotion_id_id", "promotion_id", "id"),
    )


class CommentEdit(Base):
    """An earlier text of a comment, and from when to when it stood there."""

    __tablename__ = "comment_edits"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    comment_id: Mapped[UUID] = mapped_column(ForeignKey("comments.id"))
    body: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]
    replaced_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (Index("ix_comment_edits_comment_id_id", "comment_id", "id"),)
