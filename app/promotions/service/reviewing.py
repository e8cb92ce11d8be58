"""Reviewing and cancelling."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor, Role
from app.core.ids import new_id
from app.core.problems import NotAllowed
from app.policies.rules import StageRule
from app.promotions import queries
from app.promotions.problems import OnlyPeopleApprove, SeparationOfDuties, VerdictNotGiven
from app.promotions.queries import PromotionView
from app.promotions.rules.duties import Conflict, Reviewer, Through, conflict_of, is_named
from app.promotions.rules.judging import Seen, leniency_of
from app.promotions.rules.words import Decision, Status
from app.promotions.schemas import ReviewInput
from app.promotions.service.case import check_undecided, hold
from app.promotions.service.ground import ground_of
from app.promotions.service.judging import count_up, end, note, settle, what_is_shown
from app.promotions.tables import Review


async def review(
    session: AsyncSession,
    actor: Actor,
    case: PromotionView,
    wanted: ReviewInput,
    if_match: str | None,
) -> tuple[PromotionView, Review]:
    """Add a verdict or a remark, bound to what there is to see now, and let the status follow."""
    case, _, now = await hold(session, case, if_match)
    ground = await ground_of(session, case)
    if wanted.decision is Decision.APPROVE:
        groups = await queries.group_names(session, actor.group_ids)
        reviewer = as_reviewer(actor, case.model.name, groups)
        rule = ground.rule_for(case.promotion.to_stage)
        await _check_may_approve(session, case, reviewer, rule)
    given = (await queries.reviews_of(session, [case.promotion.id]))[case.promotion.id]
    if wanted.decision is Decision.WITHDRAW and not has_verdict(given, actor):
        raise VerdictNotGiven("You have no verdict on this promotion that you could withdraw.")
    saw = what_is_shown(case.version, ground.revision)
    added = _review(case, actor, wanted, saw, _after(given, now))
    session.add(added)
    await session.flush()
    note(
        session,
        actor,
        case,
        "promotion.reviewed",
        decision=wanted.decision.value,
        comment=wanted.comment,
        review=str(added.id),
        manifest_sha256=added.manifest_sha256,
        recipe_sha256=added.recipe_sha256,
        policy_revision=added.policy_revision,
    )
    count_up(session, case.promotion)
    await settle(session, case, now, actor, ground=ground)
    await session.flush()
    return case, added


def _review(
    case: PromotionView, actor: Actor, wanted: ReviewInput, saw: Seen, at: datetime
) -> Review:
    return Review(
        id=new_id(),
        promotion_id=case.promotion.id,
        reviewer_id=actor.identity_id,
        reviewer=actor.name,
        token_id=actor.token_id,
        decision=wanted.decision.value,
        comment=wanted.comment,
        manifest_sha256=saw.manifest_sha256,
        recipe_sha256=saw.recipe_sha256,
        description_sha256=saw.description_sha256,
        policy_revision=saw.policy_revision,
        at=at,
    )


def _after(given: list[Review], now: datetime) -> datetime:
    """Later than every review before it, also where the clock was set back: the latest counts."""
    last = max((each.at for each in given), default=None)
    return now if last is None else max(now, last + timedelta(microseconds=1))


def as_reviewer(actor: Actor, model: str, groups: frozenset[str]) -> Reviewer:
    """The actor as the rules see a reviewer. `groups` are the names of theirs."""
    return Reviewer(
        identity_id=actor.identity_id,
        name=actor.name,
        is_person=actor.kind == "user",
        owner_id=actor.owner_id,
        issuers=actor.issuers,
        role=actor.role_on(model),
        groups=groups,
    )


async def _check_may_approve(
    session: AsyncSession, case: PromotionView, reviewer: Reviewer, rule: StageRule | None
) -> None:
    if rule is None:
        return
    conflict = conflict_of(reviewer, case.parties, leniency_of(rule))
    if conflict is not None:
        raise SeparationOfDuties(await _explain(session, case, reviewer, conflict))
    if not reviewer.is_person and not is_named(reviewer, rule.approvals):
        raise OnlyPeopleApprove(
            f"{reviewer.name} is a service account, and no approval rule of "
            f"`{case.promotion.to_stage}` names it. Have a person approve."
        )


async def _explain(
    session: AsyncSession, case: PromotionView, reviewer: Reviewer, conflict: Conflict
) -> str:
    """The rule that forbids it, and the ways out."""
    if conflict.through is Through.SELF:
        why, way = f"{reviewer.name} {conflict.tie}", ""
    elif conflict.through is Through.OWNER:
        party = await queries.identity_name(session, conflict.party)
        why, way = f"its owner {party} {conflict.tie}", ""
    else:
        party = await queries.identity_name(session, conflict.party)
        why = f"this token was issued by {party}, who {conflict.tie}"
        way = f" or {reviewer.name} uses a token that {party} had no hand in;"
    return (
        f"{reviewer.name} cannot approve version {case.version.number} of `{case.model.name}`: "
        f"{why}. Who asks for a promotion or writes the version does not approve it, nor do their "
        "owners or their tokens for others, whatever the role. Ways out: another reviewer approves "
        f"it;{way} for a team of one, an admin sets a policy for `{case.promotion.to_stage}` with "
        "`allow_self_approval` and `allow_author_approval`."
    )


def has_verdict(given: list[Review], actor: Actor) -> bool:
    """Whether the actor's latest word, of these in order of time, is a verdict."""
    own = [each.decision for each in given if each.reviewer_id == actor.identity_id]
    words = [each for each in own if each != Decision.COMMENT]
    return bool(words) and words[-1] != Decision.WITHDRAW


async def cancel(
    session: AsyncSession,
    actor: Actor,
    case: PromotionView,
    reason: str | None,
    if_match: str | None,
) -> PromotionView:
    """End a promotion that is no longer wanted: who asked for it may, and a maintainer."""
    if not may_cancel(actor, case):
        raise NotAllowed(
            f"Only {case.promotion.requested_by}, who asked for it, or a maintainer of "
            f"`{case.model.name}` cancels this promotion. Ask one of them."
        )
    case, _, now = await hold(session, case, if_match)
    check_undecided(case.promotion, now)
    end(session, actor, case, Status.CANCELLED, now, reason or "It is no longer wanted.")
    await session.flush()
    return case


def may_cancel(actor: Actor, case: PromotionView) -> bool:
    """Whether the actor asked for it, or is a maintainer of the model."""
    role = actor.role_on(case.model.name)
    asked = actor.identity_id == case.promotion.requested_by_id
    return asked or (role is not None and role.includes(Role.MAINTAINER))
