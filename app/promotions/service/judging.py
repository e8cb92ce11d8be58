"""Judging a promotion by what is there now, and writing down what was found.

The caller of what writes holds the model's lock, so that nothing that a decision rests on changes
under it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor, Role
from app.core.canonical import sha256_hex
from app.core.db import announce
from app.policies.rules import ApprovalRule, Freeze, Policy, StageRule
from app.promotions import queries
from app.promotions.queries import PromotionView
from app.promotions.rules.judging import Facts, Findings, RuleFinding, Seen, judge
from app.promotions.rules.words import UNDECIDED, Status
from app.promotions.service.gathering import gather
from app.promotions.service.ground import Ground, ground_of
from app.promotions.tables import Promotion
from app.stages import service as stages
from app.stages.tables import Stage
from app.versions.tables import Version


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said about a promotion now. Without a `rule` nothing leads to its stage any
    more. `incumbents` have to make room; `source` is the stage that the version holds."""

    policy: Policy
    policy_revision: int
    rule: StageRule | None
    target: Stage | None
    source: Stage | None
    incumbents: list[stages.Holder]
    findings: Findings | None
    document: dict[str, Any]

    @property
    def empties(self) -> bool:
        """Whether applying takes the holder out of an exclusive stage without a successor."""
        return self.source is not None and self.source.exclusive


def what_is_shown(version: Version, policy_revision: int) -> Seen:
    """What a reviewer of this version sees."""
    return Seen(
        manifest_sha256=version.manifest_sha256 or "",
        recipe_sha256=version.recipe_sha256 or "",
        description_sha256=sha256_hex(version.description.encode()),
        policy_revision=policy_revision,
    )


async def judge_now(session: AsyncSession, case: PromotionView, now: datetime) -> Judgement:
    """What the facts are, and what follows from them. Reads only."""
    return await judge_under(session, case, await ground_of(session, case), now)


async def judge_under(
    session: AsyncSession, case: PromotionView, ground: Ground, now: datetime
) -> Judgement:
    """What follows on this ground."""
    promotion, model, version = case.promotion, case.model, case.version
    policy, revision, by_name = ground.policy, ground.revision, ground.stages
    rule, target = policy.rule_for(promotion.to_stage), by_name.get(promotion.to_stage)
    tenure = await stages.open_tenure(session, version.id)
    incumbents = [] if target is None else await stages.incumbents(session, model.id, target)
    source = by_name.get(tenure.stage) if tenure else None
    if rule is None or target is None:
        return Judgement(policy, revision, None, target, source, incumbents, None, {})
    # Nobody reviews what was never judged: that is done where it is asked for.
    given = (
        await queries.verdicts_on(session, promotion.id, model.name) if promotion.findings else []
    )
    incumbent = incumbents[0].number if incumbents else None
    facts = Facts(
        verdicts=tuple(each.verdict for each in given),
        parties=case.parties,
        now=now,
        shown=what_is_shown(version, revision),
        from_stage=promotion.from_stage,
        incumbent=incumbent,
        in_source_since=tenure.since if tenure else version.ready_at,
        evidence=await gather(session, case, rule, by_name),
    )
    findings = judge(rule, facts)
    empties = source is not None and source.exclusive
    document = as_document(findings, rule, incumbent=incumbent, empties=empties)
    document["policy_flags"] = list(ground.flags)
    document["freeze"] = [as_freeze(window) for window in policy.freeze]
    return Judgement(policy, revision, rule, target, source, incumbents, findings, document)


async def settle(
    session: AsyncSession,
    case: PromotionView,
    now: datetime,
    actor: Actor | None = None,
    *,
    ground: Ground | None = None,
) -> Judgement:
    """Judge an undecided promotion and write down what was found: its status follows, with an
    event where it changes. `actor` is who rejected it, where that is why one looks; the `ground`
    is looked up where the caller has not done so."""
    promotion = case.promotion
    found = await judge_under(session, case, ground or await ground_of(session, case), now)
    if is_overdue(promotion, now):
        end(session, None, case, Status.EXPIRED, now, "Its time ran out.")
    elif found.findings is None or found.rule is None:
        why = f"The stage {promotion.to_stage} is not there any more."
        end(session, None, case, Status.VOIDED, now, why)
    elif differs(promotion, found):
        _move_policy(session, case, found, found.rule)
        promotion.findings = found.document
        _follow(session, actor, case, found.findings, now)
        count_up(session, promotion)
    return found


def differs(promotion: Promotion, found: Judgement) -> bool:
    """Whether what is written about an undecided promotion is not what was found."""
    return (
        found.findings is None
        or promotion.findings != found.document
        or promotion.status != found.findings.status
        or promotion.policy_revision != found.policy_revision
    )


def is_overdue(promotion: Promotion, now: datetime) -> bool:
    """Whether its time has run out before it was decided."""
    return (
        promotion.status in UNDECIDED
        and promotion.expires_at is not None
        and promotion.expires_at <= now
    )


def expiry(rule: StageRule, created_at: datetime) -> datetime | None:
    """When a promotion expires under a rule; None for never."""
    if rule.expires_after_hours is None:
        return None
    return created_at + timedelta(hours=rule.expires_after_hours)


def _move_policy(
    session: AsyncSession, case: PromotionView, found: Judgement, rule: StageRule
) -> None:
    promotion = case.promotion
    if promotion.policy_revision == found.policy_revision:
        return
    changed = {"from": promotion.policy_revision, "to": found.policy_revision}
    note(session, None, case, "promotion.policy_changed", policy_revision=changed)
    promotion.policy_revision = found.policy_revision
    promotion.expires_at = expiry(rule, promotion.created_at)


def _follow(
    session: AsyncSession,
    actor: Actor | None,
    case: PromotionView,
    findings: Findings,
    now: datetime,
) -> None:
    """Let the status follow the findings. The service itself concludes, so no person is named as
    the one who approved it; the reviews say who did."""
    promotion = case.promotion
    if promotion.status == findings.status:
        return
    if findings.status is Status.REJECTED:
        names = ", ".join(findings.rejected_by)
        end(session, actor, case, Status.REJECTED, now, f"Rejected by {names}.")
        return
    promotion.status = findings.status
    if findings.status is Status.APPROVED:
        by = sorted({name for each in findings.approvals for name in each.given_by})
        note(session, None, case, "promotion.approved", approved_by=by)
    else:
        note(session, None, case, "promotion.reopened", unmet=findings.unmet)


def end(
    session: AsyncSession,
    actor: Actor | None,
    case: PromotionView,
    status: Status,
    now: datetime,
    because: str | None,
    **details: Any,
) -> None:
    """Decide a promotion for good. No actor means the service itself."""
    promotion = case.promotion
    promotion.status = status
    promotion.ended_at = now
    promotion.ended_by_id = actor.identity_id if actor else None
    promotion.ended_by = actor.name if actor else audit.SYSTEM
    promotion.ended_because = because
    count_up(session, promotion)
    if because is not None:
        details = {"reason": because, **details}
    note(session, actor, case, f"promotion.{status.value}", **details)


def count_up(session: AsyncSession, promotion: Promotion) -> None:
    """What is shown of it has changed: a new ETag, and those who wait for it wake."""
    promotion.revision += 1
    announce(session, topic(promotion))


def topic(promotion: Promotion) -> str:
    """What those who wait for a promotion listen to."""
    return f"promotion:{promotion.id}"


def note(
    session: AsyncSession, actor: Actor | None, case: PromotionView, action: str, **details: Any
) -> None:
    """Record an event about a promotion."""
    promotion = case.promotion
    audit.record(
        session,
        actor,
        action,
        subject=f"promotion:{promotion.id}",
        model_id=case.model.id,
        model=case.model.name,
        version=case.version.number,
        details={"from": promotion.from_stage, "to": promotion.to_stage, **details},
    )


def as_document(
    findings: Findings, rule: StageRule, *, incumbent: int | None, empties: bool
) -> dict[str, Any]:
    """What was found, as it is kept with the promotion and shown."""
    given = sum(each.given for each in findings.approvals)
    return {
        "gates": list(findings.gates),
        "approvals": {
            "required": findings.required,
            "given": given,
            "missing": findings.required - given,
            "rules": [_rule_document(each) for each in findings.approvals],
        },
        "rejected_by": list(findings.rejected_by),
        "counting": sorted(str(each) for each in findings.counting),
        "stale": {str(each): why for each, why in sorted(findings.stale.items())},
        "notes": {str(each): why for each, why in sorted(findings.notes.items())},
        "incumbent": incumbent,
        "empties": empties,
        "allow_self_approval": rule.allow_self_approval,
        "allow_author_approval": rule.allow_author_approval,
    }


def as_freeze(window: Freeze) -> dict[str, str]:
    """A freeze, as it is kept."""
    return {
        "from": window.start.isoformat(),
        "to": window.end.isoformat(),
        "reason": window.reason,
    }


def _rule_document(found: RuleFinding) -> dict[str, Any]:
    return {
        "count": found.rule.count,
        "roles": [role.value for role in found.rule.roles],
        "groups": list(found.rule.groups),
        "identities": list(found.rule.identities),
        "given": found.given,
        "missing": found.missing,
        "given_by": list(found.given_by),
    }


def rules_in(document: dict[str, Any]) -> list[RuleFinding]:
    """The approval rules of a kept document, with how far each is met."""
    return [
        RuleFinding(
            ApprovalRule(
                count=each["count"],
                roles=tuple(map(Role, each["roles"])),
                groups=tuple(each["groups"]),
                identities=tuple(each["identities"]),
            ),
            tuple(each["given_by"]),
        )
        for each in document.get("approvals", {}).get("rules", ())
    ]
