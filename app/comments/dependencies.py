"""The comment that a path names, and what one may comment on, for an actor who may use it so."""

from typing import Annotated
from uuid import UUID

from fastapi import Path
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.dependencies import CurrentActor
from app.access.service import check
from app.access.table import Permission
from app.comments import queries
from app.comments.queries import CommentView
from app.comments.service import Place, absent
from app.core.actor import Actor
from app.core.runtime import CurrentRuntime, Reading, Transaction
from app.models.dependencies import ModelPath, load_model
from app.promotions.dependencies import (
    PromotionPath,
    PromotionToChange,
    PromotionToRead,
)
from app.versions.dependencies import RefPath, resolve

CommentPath = Annotated[
    str,
    Path(
        max_length=64,
        description="The comment's `id`.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a84"],
    ),
]


class VersionToComment:
    """A dependency: what the `{ref}` in the path means, inside the request's transaction."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self, model: ModelPath, ref: RefPath, actor: CurrentActor, session: Transaction
    ) -> Place:
        """The version, or a 404, 403 or 409."""
        found = await load_model(session, actor, model, self.permission)
        view = await resolve(session, actor, model, ref)
        return Place(found, view.version)


class PromotionToComment:
    """A dependency: the promotion in the path, inside the request's transaction."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission
        self._find = PromotionToChange(permission)

    async def __call__(
        self, promotion: PromotionPath, actor: CurrentActor, session: Transaction
    ) -> Place:
        """The promotion, or a 404 or 403."""
        case = await self._find(promotion, actor, session)
        return Place(case.model, case.version, case.promotion.id)


class PromotionDiscussed:
    """A dependency: the promotion in the path, whose comments are to be read."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission
        self._find = PromotionToRead(permission)

    async def __call__(
        self, promotion: PromotionPath, actor: CurrentActor, runtime: CurrentRuntime
    ) -> UUID:
        """The promotion's id, or a 404 or 403."""
        case = await self._find(promotion, actor, runtime)
        return case.promotion.id


class CommentToRead:
    """A dependency: the comment in the path, read in autocommit."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self, comment: CommentPath, actor: CurrentActor, session: Reading
    ) -> CommentView:
        """The comment, or a 404 or 403."""
        return await _load(session, actor, comment, self.permission)


class CommentToChange:
    """A dependency: the comment in the path, inside the request's transaction, not held yet."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self, comment: CommentPath, actor: CurrentActor, session: Transaction
    ) -> CommentView:
        """The comment, or a 404 or 403."""
        return await _load(session, actor, comment, self.permission)


async def _load(
    session: AsyncSession, actor: Actor, text: str, permission: Permission
) -> CommentView:
    comment_id = _id(text)
    view = await queries.view_of(session, comment_id) if comment_id else None
    if view is None or actor.role_on(view.model.name) is None:
        raise absent(text)
    check(actor, permission, view.model.name)
    return view


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
