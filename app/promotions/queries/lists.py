"""Lists of promotions."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from app.access.service import visible
from app.core.actor import Actor, Grant, Role
from app.models.tables import Model
from app.promotions.queries.promotions import PromotionView, as_view, overdue_now, views
from app.promotions.rules.words import UNDECIDED, Status
from app.promotions.tables import Promotion
from app.versions.tables import Version


def _has_status(status: Status) -> ColumnElement[bool]:
    """As it is shown: what is overdue has expired, whether or not that was written yet."""
    if status is Status.EXPIRED:
        return or_(Promotion.status == status, func.coalesce(overdue_now, False))
    if status in UNDECIDED:
        return and_(Promotion.status == status, ~func.coalesce(overdue_now, False))
    return Promotion.status == status


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to."""

    statuses: tuple[Status, ...] = ()
    model: str | None = None
    to: str | None = None
    requested_by: str | None = None


async def page(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, before: UUID | None, limit: int
) -> list[PromotionView]:
    """The promotions that an actor can see, newest first, and one more than `limit`."""
    statement = views.where(visible(actor, Model.name))
    if wanted.statuses:
        statement = statement.where(or_(*map(_has_status, wanted.statuses)))
    if wanted.model is not None:
        statement = statement.where(Model.name == wanted.model)
    if wanted.to is not None:
        statement = statement.where(Promotion.to_stage == wanted.to.lower())
    if wanted.requested_by is not None:
        statement = statement.where(Promotion.requested_by == wanted.requested_by)
    return await _newest(session, statement, before, limit)


async def page_for_reviewer(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, before: UUID | None, limit: int
) -> list[PromotionView]:
    """The open promotions of models on which an actor is a reviewer."""
    grants: tuple[Grant, ...] = tuple(g for g in actor.grants if g.role.includes(Role.REVIEWER))
    return await page(
        session,
        replace(actor, grants=grants),
        replace(wanted, statuses=(Status.OPEN,)),
        before=before,
        limit=limit,
    )


async def _newest(
    session: AsyncSession, statement: Select[Any], before: UUID | None, limit: int
) -> list[PromotionView]:
    statement = (
        statement.options(load_only(Version.number, Version.name))
        .order_by(Promotion.id.desc())
        .limit(limit + 1)
    )
    if before is not None:
        statement = statement.where(Promotion.id < before)
    return [as_view(row) for row in await session.execute(statement)]
