"""Reviews, and those who gave them as they stand now."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.tables import GrantRow
from app.core.actor import Role
from app.core.globs import matches
from app.identities.tables import Group, Identity, Membership
from app.promotions.rules.duties import Reviewer
from app.promotions.rules.judging import Seen, Verdict
from app.promotions.rules.words import Decision
from app.promotions.tables import Review
from app.tokens.tables import Token


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review with the one who gave it, as they stand now."""

    review: Review
    verdict: Verdict


groups_of_identity = (
    select(func.array_agg(Group.name))
    .join(Membership, Membership.group_id == Group.id)
    .where(Membership.identity_id == Identity.id)
    .correlate(Identity)
    .scalar_subquery()
)
_grants = (
    select(func.json_agg(func.json_build_array(GrantRow.role, GrantRow.models)))
    .where(
        or_(
            GrantRow.identity_id == Identity.id,
            GrantRow.group_id.in_(
                select(Membership.group_id)
                .where(Membership.identity_id == Identity.id)
                .correlate(Identity)
            ),
        )
    )
    .correlate(Identity)
    .scalar_subquery()
)


async def verdicts_on(session: AsyncSession, promotion_id: UUID, model: str) -> list[ReviewView]:
    """The reviews of a promotion in the order in which they were given, in one statement."""
    found = await session.execute(
        select(
            Review,
            Identity,
            Token.issuers,
            groups_of_identity.label("groups"),
            _grants.label("grants"),
        )
        .join(Identity, Identity.id == Review.reviewer_id)
        .outerjoin(Token, Token.id == Review.token_id)
        .where(Review.promotion_id == promotion_id)
        .order_by(Review.at, Review.id)
        .execution_options(populate_existing=True)
    )
    return [_as_review(row, model) for row in found]


def _as_review(row: Any, model: str) -> ReviewView:
    review, identity = row[0], row[1]
    roles = [Role(role) for role, glob in row.grants or () if matches(glob, model)]
    reviewer = Reviewer(
        identity_id=identity.id,
        name=identity.name,
        is_person=identity.kind == "user",
        owner_id=identity.owner_id,
        issuers=frozenset(row.issuers or ()),
        role=max(roles, key=lambda role: role.rank, default=None),
        groups=frozenset(row.groups or ()),
        disabled=identity.disabled_at is not None,
    )
    saw = Seen(
        manifest_sha256=review.manifest_sha256,
        recipe_sha256=review.recipe_sha256,
        description_sha256=review.description_sha256,
        policy_revision=review.policy_revision,
    )
    return ReviewView(review, Verdict(review.id, reviewer, Decision(review.decision), saw))


async def reviews_of(session: AsyncSession, promotion_ids: list[UUID]) -> dict[UUID, list[Review]]:
    """The reviews of several promotions, each in the order in which they were given."""
    found: dict[UUID, list[Review]] = {each: [] for each in promotion_ids}
    statement = select(Review).where(Review.promotion_id.in_(promotion_ids))
    for review in (await session.execute(statement.order_by(Review.at, Review.id))).scalars():
        found[review.promotion_id].append(review)
    return found


async def group_names(session: AsyncSession, group_ids: frozenset[UUID]) -> frozenset[str]:
    """What these groups are called."""
    if not group_ids:
        return frozenset()
    found = await session.execute(select(Group.name).where(Group.id.in_(group_ids)))
    return frozenset(found.scalars())


async def identity_name(session: AsyncSession, identity_id: UUID) -> str:
    """What an identity is called."""
    found = await session.execute(select(Identity.name).where(Identity.id == identity_id))
    return found.scalar_one()
