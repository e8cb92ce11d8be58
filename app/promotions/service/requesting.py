"""Asking for a promotion."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import Conflict, InvalidRequest, NotFound
from app.models import service as models
from app.models.tables import Model
from app.policies.rules import StageRule
from app.promotions import queries
from app.promotions.problems import PromotionAlreadyOpen, TransitionNotAllowed
from app.promotions.queries import PromotionView
from app.promotions.rules.words import UNDECIDED, Status
from app.promotions.schemas import PromotionInput
from app.promotions.service.applying import bring, emptying, hindrance
from app.promotions.service.case import check_usable, read_held
from app.promotions.service.ground import Ground, ground_in
from app.promotions.service.judging import end, expiry, is_overdue, note, settle
from app.promotions.tables import Promotion
from app.stages import service as stages
from app.stages.rules import NO_STAGE, Kind
from app.versions.tables import Version


async def request(
    session: AsyncSession, actor: Actor, model: Model, version_id: UUID, wanted: PromotionInput
) -> PromotionView:
    """Ask to move a version to a stage; with `apply`, move it in the same transaction where
    nothing is missing."""
    counter = await models.lock(session, model)
    version = await queries.lock_version(session, version_id)
    if version.deleted_at is not None:
        raise NotFound(f"The model `{model.name}` has no version {version.number} any more.")
    check_usable(version, model)
    ground = await ground_in(session, model)
    tenure = await stages.open_tenure(session, version.id)
    source, target = tenure.stage if tenure else NO_STAGE, wanted.to.lower()
    rule = _way(ground, model, version, source, target)
    await _check_no_twin(session, model, version, target)
    now = await clock(session)
    promotion = Promotion(
        model_id=model.id,
        version_id=version.id,
        from_stage=source,
        to_stage=target,
        reason=wanted.reason,
        requested_by_id=actor.identity_id,
        requested_by=actor.name,
        requested_by_owner_id=actor.owner_id,
        manifest_sha256=version.manifest_sha256,
        recipe_sha256=version.recipe_sha256,
        policy_revision=ground.revision,
        opened_under_revision=ground.revision,
        created_at=now,
        expires_at=expiry(rule, now),
    )
    session.add(promotion)
    await session.flush()
    case = await queries.view_of(session, promotion.id)
    if case is None:
        raise models.absent(model.name)
    note(session, actor, case, "promotion.requested", reason=wanted.reason, apply=wanted.apply)
    found = await settle(session, case, now, ground=ground)
    refusal = emptying(actor, case, found)
    if refusal is not None:
        raise refusal
    undecided = case.promotion.status in UNDECIDED
    if wanted.apply and undecided and hindrance(actor, case, found, now) is None:
        await bring(session, actor, case, counter, found, Kind.PROMOTION)
    await session.flush()
    return case


def _way(ground: Ground, model: Model, version: Version, source: str, target: str) -> StageRule:
    """The rule of the target stage, where it lets a version come from this one."""
    if target != NO_STAGE and target not in ground.stages:
        known = ", ".join(ground.stages)
        raise InvalidRequest(
            f"The model `{model.name}` has no stage `{target}`.",
            errors=[{"pointer": "/to", "detail": f"Its stages are: {known}."}],
        )
    if source == target:
        raise Conflict(f"Version {version.number} of `{model.name}` holds `{target}` already.")
    rule = ground.rule_for(target)
    if rule is None or source not in rule.from_stages:
        ways = ", ".join(f"`{each}`" for each in rule.from_stages) if rule else "nowhere"
        raise TransitionNotAllowed(
            f"Version {version.number} of `{model.name}` is in `{source}`; `{target}` is reached "
            f"from {ways} only."
        )
    return rule


async def _check_no_twin(
    session: AsyncSession, model: Model, version: Version, target: str
) -> None:
    twin = await queries.twin_of(session, version.id, target)
    if twin is None:
        return
    case, now = await read_held(session, twin)
    if is_overdue(case.promotion, now):
        end(session, None, case, Status.EXPIRED, now, "Its time ran out.")
        await session.flush()
        return
    raise PromotionAlreadyOpen(
        f"Version {version.number} of `{model.name}` has an undecided promotion to `{target}` "
        f"already: {twin}, asked for by {case.promotion.requested_by}. Review or apply that one, "
        "or cancel it first.",
        extra={"promotion": str(twin)},
    )
