"""Taking a promotion into one's hands: the locks, in their order, and what must hold then."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.etags import check_if_match, etag
from app.core.problems import NotFound
from app.models import service as models
from app.models.tables import Counter, Model
from app.promotions import queries
from app.promotions.problems import PromotionEnded
from app.promotions.queries import PromotionView
from app.promotions.rules.words import UNDECIDED, Status
from app.promotions.service.judging import is_overdue
from app.promotions.tables import Promotion
from app.versions.problems import VersionNotReady, VersionRecalled
from app.versions.tables import Version


async def hold(
    session: AsyncSession, case: PromotionView, if_match: str | None
) -> tuple[PromotionView, Counter, datetime]:
    """The promotion, fresh and held with its version and its model, where it is undecided and
    `If-Match` still names it; and the time."""
    counter = await models.lock_any(session, case.model)
    fresh, now = await read_held(session, case.promotion.id)
    check_if_match(if_match, etag(fresh.promotion.revision))
    check_undecided(fresh.promotion, now)
    return fresh, counter, now


async def read_held(session: AsyncSession, promotion_id: UUID) -> tuple[PromotionView, datetime]:
    """A promotion, fresh and held with its version; and the time. The caller holds the model's
    lock. A 404 where the model was deleted."""
    await queries.lock(session, promotion_id)
    found = await queries.view_and_clock(session, promotion_id)
    if found is None:
        raise NotFound(f"There is no promotion `{promotion_id}`, or it is hidden from you.")
    return found


def check_undecided(promotion: Promotion, now: datetime) -> None:
    """Refuse to act on a promotion that has ended, also by the mere passing of time."""
    if is_overdue(promotion, now):
        _refuse(promotion, Status.EXPIRED, f"expired at {promotion.expires_at:%Y-%m-%dT%H:%M:%SZ}")
    if promotion.status not in UNDECIDED:
        how = f"was {promotion.status} at {promotion.ended_at:%Y-%m-%dT%H:%M:%SZ}"
        how += f" by {promotion.ended_by}"
        if promotion.ended_because:
            how += f" ({promotion.ended_because.rstrip('.')})"
        _refuse(promotion, Status(promotion.status), how)


def _refuse(promotion: Promotion, status: Status, how: str) -> None:
    already = "already " if status is Status.APPLIED else ""
    raise PromotionEnded(
        f"The promotion {already}{how}. Ask for a new one if it is still wanted.",
        extra={"ended_as": status.value, "promotion": str(promotion.id)},
    )


def check_usable(version: Version, model: Model) -> None:
    """Refuse what may not be promoted: only ready versions move, and none that was recalled."""
    if version.status != "ready":
        raise VersionNotReady(
            f"Version {version.number} of `{model.name}` is {version.status}. Finalise it first: "
            "only ready versions are promoted."
        )
    if version.recalled is not None:
        raise VersionRecalled(
            f"Version {version.number} of `{model.name}` was recalled: "
            f"{version.recalled.get('reason', '')} Promote another one, or lift the recall."
        )
