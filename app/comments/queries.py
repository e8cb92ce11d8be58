"""Every SELECT on comments."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, and_, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.comments.tables import Comment, CommentEdit
from app.models.tables import Model
from app.promotions.tables import Promotion
from app.versions.tables import Version


@dataclass(frozen=True, slots=True)
class CommentView:
    """A comment with the model and the number of the version that it is about."""

    comment: Comment
    model: Model
    version: int


# A promotion stays readable when its version is deleted, and what was said about it as well.
_views = (
    select(Comment, Model, Version.number)
    .join(Model, Model.id == Comment.model_id)
    .join(Version, Version.id == Comment.version_id)
    .where(
        Model.deleted_at.is_(None),
        or_(Version.deleted_at.is_(None), Comment.promotion_id.is_not(None)),
    )
)


async def view_of(
    session: AsyncSession, comment_id: UUID, *, held: bool = False
) -> CommentView | None:
    """A comment as PostgreSQL has it now; None where it, its model or version is not there.

    `held` until the end of the transaction, where the caller holds the model's lock."""
    statement = _views.where(Comment.id == comment_id)
    if held:
        statement = statement.with_for_update(of=Comment)
    found = await session.execute(statement.execution_options(populate_existing=True))
    row = found.one_or_none()
    return None if row is None else CommentView(*row)


async def version_is_there(session: AsyncSession, version_id: UUID) -> bool:
    """Whether the version was not deleted. The caller holds the model's lock."""
    there = select(Version.id).where(Version.id == version_id, Version.deleted_at.is_(None))
    return (await session.execute(there)).first() is not None


def _is_on(version: Version) -> ColumnElement[bool]:
    return and_(Comment.version_id == version.id, Comment.promotion_id.is_(None))


def _ids_about(version: Version) -> CompoundSelect[UUID]:
    """All on a version and on its promotions: one way into each index, and they are few."""
    return union_all(
        select(Comment.id).where(_is_on(version)),
        select(Comment.id)
        .join(Promotion, Promotion.id == Comment.promotion_id)
        .where(Promotion.model_id == version.model_id, Promotion.version_id == version.id),
    )


async def last_id(session: AsyncSession, version: Version) -> UUID | None:
    """The newest comment on a version or its promotions. The caller holds the model's lock."""
    ids = _ids_about(version).subquery()
    found = await session.execute(select(ids.c.id).order_by(ids.c.id.desc()).limit(1))
    return found.scalar_one_or_none()


async def on_version(
    session: AsyncSession, version: Version, *, promotions: bool, after: UUID | None, limit: int
) -> list[CommentView]:
    """The comments on a version, and with `promotions` those on its promotions as well, oldest
    first, and one more than `limit`."""
    if not promotions:
        return await _oldest(session, _is_on(version), after, limit)
    return await _oldest(session, Comment.id.in_(_ids_about(version)), after, limit)


async def on_promotion(
    session: AsyncSession, promotion_id: UUID, *, after: UUID | None, limit: int
) -> list[CommentView]:
    """The comments on a promotion, oldest first, and one more than `limit`."""
    return await _oldest(session, Comment.promotion_id == promotion_id, after, limit)


async def _oldest(
    session: AsyncSession, wanted: ColumnElement[bool], after: UUID | None, limit: int
) -> list[CommentView]:
    statement = _views.where(wanted).order_by(Comment.id).limit(limit + 1)
    if after is not None:
        statement = statement.where(Comment.id > after)
    return [CommentView(*row) for row in await session.execute(statement)]


async def earlier_texts(
    session: AsyncSession, comment_id: UUID, *, before: int | None, limit: int
) -> list[CommentEdit]:
    """The earlier texts of a comment, newest first, and one more than `limit`."""
    statement = select(CommentEdit).where(CommentEdit.comment_id == comment_id)
    if before is not None:
        statement = statement.where(CommentEdit.id < before)
    found = await session.execute(statement.order_by(CommentEdit.id.desc()).limit(limit + 1))
    return list(found.scalars())
