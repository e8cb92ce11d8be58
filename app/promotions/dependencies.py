"""The promotion that a path names, for an actor who may use it so."""

from typing import Annotated
from uuid import UUID

from fastapi import Path

from app.access.dependencies import CurrentActor
from app.access.service import check
from app.access.table import Permission
from app.core.actor import Actor
from app.core.problems import NotFound
from app.core.runtime import CurrentRuntime, Transaction
from app.promotions import queries, service
from app.promotions.queries import PromotionView

PromotionPath = Annotated[
    str,
    Path(
        max_length=64,
        description="The promotion's `id`.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"],
    ),
]


class PromotionToRead:
    """A dependency: the promotion in the path, as it is now. It holds no connection, so that one
    can wait for a change afterwards."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self, promotion: PromotionPath, actor: CurrentActor, runtime: CurrentRuntime
    ) -> PromotionView:
        """The promotion, or a 404 or 403."""
        promotion_id = _id(promotion)
        case = await service.current(runtime, promotion_id, actor) if promotion_id else None
        return _allowed(case, promotion, actor, self.permission)


class PromotionToChange:
    """A dependency: the promotion in the path, inside the request's transaction, not held yet."""

    def __init__(self, permission: Permission) -> None:
        """`permission` is what the route takes."""
        self.permission = permission

    async def __call__(
        self, promotion: PromotionPath, actor: CurrentActor, session: Transaction
    ) -> PromotionView:
        """The promotion, or a 404 or 403."""
        promotion_id = _id(promotion)
        case = await queries.view_of(session, promotion_id) if promotion_id else None
        return _allowed(case, promotion, actor, self.permission)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _allowed(
    case: PromotionView | None, text: str, actor: Actor, permission: Permission
) -> PromotionView:
    if case is None or actor.role_on(case.model.name) is None:
        raise NotFound(f"There is no promotion `{text}`, or it is hidden from you.")
    check(actor, permission, case.model.name)
    return case
