"""Applying a promotion: the version moves, and with it everything that follows."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import check, may
from app.access.table import Permission
from app.core.actor import Actor
from app.core.problems import Conflict
from app.models.tables import Counter
from app.promotions.problems import PromotionNotApproved, StageFrozen, StageWouldBeEmptied
from app.promotions.queries import PromotionView
from app.promotions.rules.words import Status
from app.promotions.schemas import ApplyInput, OverrideInput
from app.promotions.service.case import check_undecided, check_usable, hold
from app.promotions.service.judging import Judgement, end, note, settle
from app.stages import service as stages
from app.stages.rules import NO_STAGE, Cause, Kind


async def apply(
    session: AsyncSession,
    actor: Actor,
    case: PromotionView,
    wanted: ApplyInput,
    if_match: str | None,
) -> PromotionView:
    """Move the version, where everything still holds: checked again, with the stage locked."""
    case, counter, now = await hold(session, case, if_match)
    found = await settle(session, case, now)
    check_undecided(case.promotion, now)
    _check_expected(case, found, wanted)
    refusal = hindrance(actor, case, found, now)
    if refusal is not None:
        raise refusal
    await bring(session, actor, case, counter, found, Kind.PROMOTION)
    return case


def hindrance(
    actor: Actor, case: PromotionView, found: Judgement, now: datetime
) -> Exception | None:
    """Why this actor cannot apply the promotion now, if anything stands in the way."""
    if found.findings is None or found.findings.status is not Status.APPROVED:
        return _not_approved(case, found)
    frozen = found.policy.frozen_at(now)
    if frozen is not None:
        return StageFrozen(
            f"Nothing is applied until {frozen.end:%Y-%m-%dT%H:%M:%SZ}: {frozen.reason}"
        )
    return emptying(actor, case, found)


def emptying(actor: Actor, case: PromotionView, found: Judgement) -> Exception | None:
    """Why this actor cannot take the version out of the stage that it holds, if so."""
    model, source = case.model.name, found.source
    if source is None or not found.empties or may(actor, Permission.STAGES_EMPTY, model):
        return None
    return StageWouldBeEmptied(
        f"Version {case.version.number} holds `{source.name}` of `{model}`, and nobody would take "
        "its place. This takes the role maintainer on the model: ask a maintainer, or promote a "
        "successor, which archives the holder."
    )


def _not_approved(case: PromotionView, found: Judgement) -> PromotionNotApproved:
    unmet = found.findings.unmet if found.findings else []
    sentences = " ".join(each["detail"] for each in unmet)
    return PromotionNotApproved(
        f"Version {case.version.number} of `{case.model.name}` is not approved for "
        f"`{case.promotion.to_stage}` yet. {sentences}",
        extra={"unmet": unmet, "promotion": str(case.promotion.id)},
    )


def _check_expected(case: PromotionView, found: Judgement, wanted: ApplyInput) -> None:
    if "expected_incumbent" in wanted.model_fields_set and found.target is not None:
        holder = found.incumbents[0] if found.incumbents else None
        stages.check_expected(wanted.expected_incumbent, holder, found.target, case.model)


async def override(
    session: AsyncSession,
    actor: Actor,
    case: PromotionView,
    wanted: OverrideInput,
    if_match: str | None,
) -> PromotionView:
    """Apply it although something is missing. What was missing is kept for ever with the reason."""
    check(actor, Permission.PROMOTIONS_OVERRIDE, case.model.name)
    case, counter, now = await hold(session, case, if_match)
    found = await settle(session, case, now)
    check_undecided(case.promotion, now)
    unmet = found.findings.unmet if found.findings else []
    frozen = found.policy.frozen_at(now)
    if frozen is not None:
        unmet = [*unmet, {"kind": "freeze", "detail": frozen.reason}]
    case.promotion.override = {"reason": wanted.reason, "by": actor.name, "unmet": unmet}
    note(session, actor, case, "promotion.overridden", reason=wanted.reason, unmet=unmet)
    await bring(session, actor, case, counter, found, Kind.OVERRIDE)
    return case


async def bring(
    session: AsyncSession,
    actor: Actor,
    case: PromotionView,
    counter: Counter,
    found: Judgement,
    kind: Kind,
) -> None:
    """Move the version into the stage, and archive the incumbent of an exclusive one, at one
    instant. The caller holds all locks and has decided that it may be done."""
    promotion, model, version = case.promotion, case.model, case.version
    check_usable(version, model)
    holds = found.source.name if found.source else NO_STAGE
    if holds != promotion.from_stage or found.target is None:
        raise Conflict(
            f"Version {version.number} of `{model.name}` holds `{holds}`, and the promotion is "
            f"about moving it from `{promotion.from_stage}`. Ask for a new one."
        )
    ids = [version.id, *(holder.version_id for holder in found.incumbents)]
    at = await stages.instant_for(session, model, found.target, ids)
    flags: dict[str, Any] = {"override": True} if kind is Kind.OVERRIDE else {}
    if found.document.get("policy_flags"):
        flags["policy_flags"] = found.document["policy_flags"]
    end(
        session,
        actor,
        case,
        Status.APPLIED,
        at,
        None,
        incumbent=found.document.get("incumbent"),
        **flags,
    )
    await session.flush()
    reason = promotion.override["reason"] if promotion.override else promotion.reason
    await stages.enter(
        session,
        actor,
        model,
        counter,
        stage=found.target,
        version_id=version.id,
        number=version.number,
        leaving=found.incumbents,
        cause=Cause(kind, reason, promotion_id=promotion.id),
        at=at,
    )
