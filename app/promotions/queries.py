"""Every SELECT on promotions and reviews."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, load_only

from app.access.service import visible
from app.access.tables import GrantRow
from app.core.actor import Actor, Grant, Role
from app.core.globs import matches
from app.identities.tables import Group, Identity, Membership
from app.models.tables import Model
from app.promotions.rules.duties import Parties, Reviewer
from app.promotions.rules.judging import Seen, Verdict
from app.promotions.rules.words import UNDECIDED, Decision, Status
from app.promotions.tables import Promotion, Review
from app.tokens.tables import Token
from app.versions.tables import Author, Version


@dataclass(frozen=True, slots=True)
class PromotionView:
    """A promotion with its model and version, and who had a part in them."""

    promotion: Promotion
    model: Model
    version: Version
    parties: Parties


_Asker = aliased(Identity)
_Writer = aliased(Identity)
_of_version = Author.version_id == Promotion.version_id
_writers = select(func.array_agg(Author.identity_id)).where(_of_version).scalar_subquery()
_their_owners = select(func.array_agg(Author.owner_id)).where(_of_version).scalar_subquery()
_their_owners_now = (
    select(func.array_agg(_Writer.owner_id))
    .join(Author, Author.identity_id == _Writer.id)
    .where(_of_version)
    .scalar_subquery()
)
_views = (
    select(
        Promotion,
        Model,
        Version,
        _Asker.owner_id.label("asker_owner"),
        _writers.label("writers"),
        _their_owners.label("owners"),
        _their_owners_now.label("owners_now"),
    )
    .join(Model, Model.id == Promotion.model_id)
    .join(Version, Version.id == Promotion.version_id)
    .join(_Asker, _Asker.id == Promotion.requested_by_id)
    .where(Model.deleted_at.is_(None))
)
_overdue = and_(Promotion.status.in_(UNDECIDED), Promotion.expires_at <= func.statement_timestamp())


def _ids(*found: UUID | None) -> frozenset[UUID]:
    return frozenset(each for each in found if each is not None)


def _as_view(row: Any) -> PromotionView:
    """An owner counts as recorded when the work was done, and as it is now."""
    promotion: Promotion = row[0]
    parties = Parties(
        askers=_ids(promotion.requested_by_id),
        owners_of_askers=_ids(promotion.requested_by_owner_id, row.asker_owner),
        writers=_ids(*(row.writers or ())),
        owners_of_writers=_ids(*(row.owners or ()), *(row.owners_now or ())),
    )
    return PromotionView(promotion, row[1], row[2], parties)


async def view_of(session: AsyncSession, promotion_id: UUID) -> PromotionView | None:
    """A promotion as PostgreSQL has it now; None where it or its model is not there."""
    statement = _views.where(Promotion.id == promotion_id)
    found = await session.execute(statement.execution_options(populate_existing=True))
    row = found.one_or_none()
    return None if row is None else _as_view(row)


async def revision_of(session: AsyncSession, promotion_id: UUID) -> tuple[int, bool]:
    """A promotion's revision, and whether it is overdue: what a waiter looks at."""
    found = await session.execute(
        select(Promotion.revision, func.coalesce(_overdue, False)).where(
            Promotion.id == promotion_id
        )
    )
    revision, overdue = found.one()
    return revision, overdue


async def lock_version(session: AsyncSession, version_id: UUID) -> Version:
    """A version's row, deleted or not, fresh and held. The caller holds the model's lock."""
    statement = select(Version).where(Version.id == version_id).with_for_update()
    found = await session.execute(statement.execution_options(populate_existing=True))
    return found.scalar_one()


async def lock(session: AsyncSession, promotion_id: UUID, version_id: UUID) -> None:
    """Hold the promotion's version and then the promotion until the end of the transaction. The
    caller holds the model's lock."""
    await lock_version(session, version_id)
    held = select(Promotion.id).where(Promotion.id == promotion_id).with_for_update()
    await session.execute(held)


async def twin_of(session: AsyncSession, version_id: UUID, to_stage: str) -> UUID | None:
    """The undecided promotion of a version to a stage, if there is one."""
    found = await session.execute(
        select(Promotion.id).where(
            Promotion.version_id == version_id,
            Promotion.to_stage == to_stage,
            Promotion.status.in_(UNDECIDED),
        )
    )
    return found.scalar_one_or_none()


async def undecided(
    session: AsyncSession, model_id: UUID, *, versions: list[UUID], stages: list[str]
) -> list[PromotionView]:
    """The undecided promotions of some versions of a model, or to some stages, held. The caller
    holds the model's lock."""
    concerned = or_(Promotion.version_id.in_(versions), Promotion.to_stage.in_(stages))
    statement = (
        _views.where(Promotion.model_id == model_id, Promotion.status.in_(UNDECIDED), concerned)
        .order_by(Promotion.id)
        .with_for_update(of=Promotion)
    )
    return [_as_view(row) for row in await session.execute(statement)]


async def to_look_at(session: AsyncSession, after: UUID | None, limit: int) -> list[UUID]:
    """Undecided promotions that time or a change of rights may have touched: those that expire
    and those that have reviews."""
    reviewed = select(Review.id).where(Review.promotion_id == Promotion.id).exists()
    statement = (
        select(Promotion.id)
        .where(Promotion.status.in_(UNDECIDED), or_(Promotion.expires_at.is_not(None), reviewed))
        .order_by(Promotion.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Promotion.id > after)
    return list((await session.execute(statement)).scalars())


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review with the one who gave it, as they stand now."""

    review: Review
    verdict: Verdict


_groups = (
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
            _groups.label("groups"),
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


def _has_status(status: Status) -> ColumnElement[bool]:
    """As it is shown: what is overdue has expired, whether or not that was written yet."""
    if status is Status.EXPIRED:
        return or_(Promotion.status == status, func.coalesce(_overdue, False))
    if status in UNDECIDED:
        return and_(Promotion.status == status, ~func.coalesce(_overdue, False))
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
    statement = _views.where(visible(actor, Model.name))
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
    return [_as_view(row) for row in await session.execute(statement)]
