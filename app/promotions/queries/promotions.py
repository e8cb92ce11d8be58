"""Promotions with their model, their version and those who had a part in them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.identities.tables import Identity
from app.models.tables import Model
from app.promotions.rules.duties import Parties
from app.promotions.rules.words import UNDECIDED
from app.promotions.tables import Promotion
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
views = (
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
overdue_now = and_(
    Promotion.status.in_(UNDECIDED), Promotion.expires_at <= func.statement_timestamp()
)


def _ids(*found: UUID | None) -> frozenset[UUID]:
    return frozenset(each for each in found if each is not None)


def as_view(row: Any) -> PromotionView:
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
    statement = views.where(Promotion.id == promotion_id)
    found = await session.execute(statement.execution_options(populate_existing=True))
    row = found.one_or_none()
    return None if row is None else as_view(row)


async def view_and_clock(
    session: AsyncSession, promotion_id: UUID
) -> tuple[PromotionView, datetime] | None:
    """The same, with PostgreSQL's wall clock, in one round trip."""
    statement = views.add_columns(func.clock_timestamp()).where(Promotion.id == promotion_id)
    found = await session.execute(statement.execution_options(populate_existing=True))
    row = found.one_or_none()
    return None if row is None else (as_view(row), row[-1].astimezone(UTC))


async def revision_of(session: AsyncSession, promotion_id: UUID) -> tuple[int, bool]:
    """A promotion's revision, and whether it is overdue: what a waiter looks at."""
    found = await session.execute(
        select(Promotion.revision, func.coalesce(overdue_now, False)).where(
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


async def lock(session: AsyncSession, promotion_id: UUID) -> None:
    """Hold the promotion's version and then the promotion until the end of the transaction. The
    caller holds the model's lock, and reads them afterwards: what is read with a lock that one had
    to wait for may be as it was before."""
    held = (
        select(Promotion.id)
        .join(Version, Version.id == Promotion.version_id)
        .where(Promotion.id == promotion_id)
        .with_for_update(of=(Version, Promotion))
    )
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


def has_gate(*types: str) -> ColumnElement[bool]:
    """Whether a gate of one of these types was found when a promotion was last judged."""
    return or_(*(Promotion.findings.contains({"gates": [{"type": each}]}) for each in types))


async def undecided(
    session: AsyncSession,
    model_id: UUID,
    *,
    versions: list[UUID],
    stages: list[str],
    comparing: bool = False,
) -> list[PromotionView]:
    """The undecided promotions of some versions of a model, or to some stages, held; if asked, also
    those that a gate compares with a version in use. The caller holds the model's lock."""
    concerned = or_(Promotion.version_id.in_(versions), Promotion.to_stage.in_(stages))
    if comparing:
        concerned = or_(concerned, has_gate("baseline"))
    statement = (
        views.where(Promotion.model_id == model_id, Promotion.status.in_(UNDECIDED), concerned)
        .order_by(Promotion.id)
        .with_for_update(of=Promotion)
    )
    return [as_view(row) for row in await session.execute(statement)]
