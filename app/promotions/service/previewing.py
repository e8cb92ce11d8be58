"""What a policy would do to a version, without doing it."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.ids import new_id
from app.core.problems import InvalidRequest, Problem
from app.models.tables import Model
from app.policies import service as policies
from app.policies.rules import Policy, StageRule
from app.policies.schemas import PreviewInput
from app.policies.schemas.outputs import FreezeOutput
from app.policies.service import InForce
from app.promotions.queries import PromotionView
from app.promotions.rules.duties import Parties
from app.promotions.rules.words import Status
from app.promotions.schemas import PreviewOutput
from app.promotions.service.applying import emptying
from app.promotions.service.case import check_usable
from app.promotions.service.ground import Ground, stages_of
from app.promotions.service.judging import Judgement, expiry, judge_under
from app.promotions.tables import Promotion
from app.stages import service as stages
from app.stages.rules import NO_STAGE
from app.stages.tables import Stage
from app.versions.tables import Version


async def preview(
    session: AsyncSession, actor: Actor, model: Model, version: Version, wanted: PreviewInput
) -> PreviewOutput:
    """What would become of a promotion that this actor asked for now. Reads only."""
    policy, target, now = (
        await _policy(session, model, wanted),
        wanted.to.lower(),
        await clock(session),
    )
    rule = _rule(policy.policy, model, target)
    tenure = await stages.open_tenure(session, version.id)
    case = _as_if_asked(actor, model, version, tenure.stage if tenure else NO_STAGE, target, now)
    by_name = await stages_of(session, model)
    by_name |= {r.name: Stage(name=r.name, exclusive=r.exclusive) for r in policy.policy.stages}
    ground = Ground(policy.policy, policy.revision, policy.flags, by_name)
    found = await judge_under(session, case, ground, now)
    return _as_output(actor, case, rule, found, now, tried=wanted.policy is not None)


async def _policy(session: AsyncSession, model: Model, wanted: PreviewInput) -> InForce:
    in_force = await policies.in_force(session, model)
    if wanted.policy is None:
        return in_force
    return InForce(await policies.tried(session, model, wanted.policy), in_force.revision)


def _rule(policy: Policy, model: Model, target: str) -> StageRule:
    rule = policy.rule_for(target)
    if rule is None:
        known = ", ".join(each.name for each in policy.stages)
        raise InvalidRequest(
            f"Under this policy nothing leads `{model.name}` to `{target}`.",
            errors=[{"pointer": "/to", "detail": f"It leads to: {known}."}],
        )
    return rule


def _as_if_asked(
    actor: Actor, model: Model, version: Version, source: str, target: str, now: datetime
) -> PromotionView:
    """A promotion that nobody writes down."""
    promotion = Promotion(
        id=new_id(),
        model_id=model.id,
        version_id=version.id,
        from_stage=source,
        to_stage=target,
        status=Status.OPEN,
        created_at=now,
        findings={},
    )
    return PromotionView(promotion, model, version, Parties(frozenset({actor.identity_id})))


def _as_output(
    actor: Actor,
    case: PromotionView,
    rule: StageRule,
    found: Judgement,
    now: datetime,
    *,
    tried: bool,
) -> PreviewOutput:
    promotion, refusals = case.promotion, _refusals(actor, case, rule, found)
    frozen = found.policy.frozen_at(now)
    unmet = found.findings.unmet if found.findings else []
    return PreviewOutput(
        model=case.model.name,
        version=case.version.number,
        from_=promotion.from_stage,
        to=promotion.to_stage,
        outcome="refused" if refusals else "waits" if unmet or frozen else "applies",
        policy_revision=None if tried else found.policy_revision,
        incumbent=found.document.get("incumbent"),
        gates=found.document.get("gates", []),
        approvals=found.document["approvals"],
        unmet=refusals + unmet,
        freeze=None if frozen is None else FreezeOutput.of(frozen),
        expires_at=expiry(rule, now),
    )


def _refusals(
    actor: Actor, case: PromotionView, rule: StageRule, found: Judgement
) -> list[dict[str, str]]:
    """Why a promotion could not even be asked for."""
    source, target = case.promotion.from_stage, case.promotion.to_stage
    refusals: list[dict[str, Any]] = []
    try:
        check_usable(case.version, case.model)
    except Problem as problem:
        refusals.append({"kind": "version", "detail": problem.detail})
    if source == target:
        refusals.append({"kind": "stage", "detail": f"It holds `{target}` already."})
    elif source not in rule.from_stages:
        ways = ", ".join(f"`{each}`" for each in rule.from_stages) or "nowhere"
        detail = f"It holds `{source}`; `{target}` is reached from {ways} only."
        refusals.append({"kind": "stage", "detail": detail})
    empties = emptying(actor, case, found)
    if isinstance(empties, Problem):
        refusals.append({"kind": "stage", "detail": empties.detail})
    return refusals
