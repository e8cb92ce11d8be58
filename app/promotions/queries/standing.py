"""The promotions that are not decided yet, as far as a policy concerns them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.promotions.queries.promotions import PromotionView, as_view, has_gate, views
from app.promotions.rules.words import UNDECIDED
from app.promotions.tables import Promotion, Review

_open = views.where(Promotion.status.in_(UNDECIDED)).order_by(Promotion.id)


async def undecided_of_model(session: AsyncSession, model_id: UUID) -> list[PromotionView]:
    """All of a model's, held. The caller holds the model's lock."""
    statement = _open.where(Promotion.model_id == model_id).with_for_update(of=Promotion)
    return [as_view(row) for row in await session.execute(statement)]


async def undecided_after(
    session: AsyncSession,
    after: UUID | None,
    limit: int,
    *,
    only_touched: bool,
    reviewers: Sequence[UUID] | None,
) -> list[PromotionView]:
    """So many of all models', in the order of their ids; if asked only those that some identities
    reviewed, or that time or a change of rights may have touched: those that expire, that have
    reviews, or gates that look at either."""
    statement = _open.limit(limit)
    if reviewers is not None:
        theirs = select(Review.promotion_id).where(Review.reviewer_id.in_(reviewers))
        statement = statement.where(Promotion.id.in_(theirs))
    if only_touched:
        gated = has_gate("metric", "baseline", "check", "min_hours_in_source")
        reviewed = select(Review.id).where(Review.promotion_id == Promotion.id).exists()
        statement = statement.where(or_(Promotion.expires_at.is_not(None), reviewed, gated))
    if after is not None:
        statement = statement.where(Promotion.id > after)
    return [as_view(row) for row in await session.execute(statement)]


async def have_open_reviews(session: AsyncSession, identity_ids: Sequence[UUID]) -> bool:
    """Whether one of these identities reviewed a promotion that is not decided yet."""
    statement = (
        select(Review.id)
        .join(Promotion, Promotion.id == Review.promotion_id)
        .where(Review.reviewer_id.in_(identity_ids), Promotion.status.in_(UNDECIDED))
        .limit(1)
    )
    return (await session.execute(statement)).first() is not None
