"""What the rule of a stage makes of the facts: whose approval counts, and what is missing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.policies.rules import ApprovalRule, Incumbent, StageRule
from app.promotions.rules.duties import Leniency, Parties, Reviewer, conflict_of, fits
from app.promotions.rules.gates import Evidence, judge_gate
from app.promotions.rules.words import Decision, Status


@dataclass(frozen=True, slots=True)
class Seen:
    """What a review saw, or what there is to see now."""

    manifest_sha256: str
    recipe_sha256: str
    description_sha256: str
    policy_revision: int

    def differs_in(self, now: "Seen") -> str | None:
        """What has changed since, in words; None where nothing has."""
        if self.manifest_sha256 != now.manifest_sha256:
            return "the files are not those that it saw"
        if self.recipe_sha256 != now.recipe_sha256:
            return "the recipe is not the one that it saw"
        if self.description_sha256 != now.description_sha256:
            return "the description was edited since"
        if self.policy_revision != now.policy_revision:
            return "the policy for this stage changed since"
        return None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One review, with who gave it and what they saw."""

    id: UUID
    reviewer: Reviewer
    decision: Decision
    saw: Seen


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a decision rests on. `verdicts` are in order of time. Without `evidence` no gate of
    the policy passes."""

    verdicts: tuple[Verdict, ...]
    parties: Parties
    now: datetime
    shown: Seen
    from_stage: str
    incumbent: int | None = None
    in_source_since: datetime | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """How far one approval rule is met, and by whom."""

    rule: ApprovalRule
    given_by: tuple[str, ...]

    @property
    def given(self) -> int:
        """How many approvals count for it."""
        return min(len(self.given_by), self.rule.count)

    @property
    def missing(self) -> int:
        """How many more it takes."""
        return self.rule.count - self.given


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found: every gate, every approval rule, and which reviews count."""

    gates: tuple[dict[str, Any], ...]
    approvals: tuple[RuleFinding, ...]
    rejected_by: tuple[str, ...]
    counting: frozenset[UUID]
    stale: dict[UUID, str] = field(default_factory=dict)
    notes: dict[UUID, str] = field(default_factory=dict)

    @property
    def required(self) -> int:
        """How many approvals are asked for in all."""
        return sum(each.rule.count for each in self.approvals)

    @property
    def status(self) -> Status:
        """What follows for a promotion that is not decided yet. A rejection ends it where at most
        one approval is asked for in all; else it blocks until it is withdrawn."""
        if self.rejected_by:
            return Status.REJECTED if self.required <= 1 else Status.OPEN
        met = all(each.missing == 0 for each in self.approvals)
        return Status.APPROVED if met and all(g["passed"] for g in self.gates) else Status.OPEN

    @property
    def unmet(self) -> list[dict[str, str]]:
        """Everything that stands in the way, each with a sentence."""
        found = [
            {"kind": "gate", "detail": f"{gate['type']}: {gate['detail']}"}
            for gate in self.gates
            if not gate["passed"]
        ]
        found += [
            {"kind": "approval", "detail": describe_missing(each)}
            for each in self.approvals
            if each.missing
        ]
        return found + [
            {"kind": "rejection", "detail": f"{name} rejected it and has not withdrawn that."}
            for name in self.rejected_by
        ]


def describe_missing(found: RuleFinding) -> str:
    """What one approval rule still asks for, as a sentence."""
    number = "One more approval is" if found.missing == 1 else f"{found.missing} approvals are"
    return f"{number} missing, by {describe_rule(found.rule)}."


def describe_rule(rule: ApprovalRule) -> str:
    """Whom an approval rule means."""
    means = [f"a {role} or higher" for role in rule.roles]
    means += [f"a member of `{group}`" for group in rule.groups]
    means += [f"`{name}`" for name in rule.identities]
    return " or ".join(means) or "any reviewer"


def judge(rule: StageRule, facts: Facts) -> Findings:
    """What the rule of the target stage makes of the facts."""
    weighty = [v for v in facts.verdicts if v.decision in (Decision.APPROVE, Decision.REJECT)]
    latest = _latest_verdicts(facts.verdicts)
    stale = {v.id: changed for v in weighty if (changed := v.saw.differs_in(facts.shown))}
    notes = {
        v.id: note
        for v in weighty
        if (note := _why_not(v, latest, stale.get(v.id), facts.parties, rule))
    }
    counting = [v for v in weighty if v.id not in notes]
    approving = [v.reviewer for v in counting if v.decision is Decision.APPROVE]
    return Findings(
        gates=tuple(judge_gates(rule, facts)),
        approvals=tuple(
            RuleFinding(each, tuple(sorted(r.name for r in approving if fits(r, each))))
            for each in rule.approvals
        ),
        rejected_by=tuple(
            sorted(v.reviewer.name for v in counting if v.decision is Decision.REJECT)
        ),
        counting=frozenset(v.id for v in counting),
        stale=stale,
        notes=notes,
    )


def _latest_verdicts(verdicts: Iterable[Verdict]) -> dict[UUID, UUID]:
    return {
        verdict.reviewer.identity_id: verdict.id
        for verdict in verdicts
        if verdict.decision is not Decision.COMMENT
    }


def _why_not(
    verdict: Verdict,
    latest: dict[UUID, UUID],
    changed: str | None,
    parties: Parties,
    rule: StageRule,
) -> str | None:
    """Why a verdict does not count. A rejection goes on counting when something was edited: else
    its author could edit it away."""
    reviewer = verdict.reviewer
    if latest[reviewer.identity_id] != verdict.id:
        return "a later verdict of the same reviewer takes its place"
    if not reviewer.may_review:
        return f"{reviewer.name} is no reviewer of this model any more"
    if verdict.decision is Decision.REJECT:
        return None
    return changed or _why_no_approval(reviewer, parties, rule)


def _why_no_approval(reviewer: Reviewer, parties: Parties, rule: StageRule) -> str | None:
    conflict = conflict_of(reviewer, parties, leniency_of(rule))
    if conflict is not None:
        return f"who {conflict.tie} does not approve it"
    if rule.approvals and not any(fits(reviewer, each) for each in rule.approvals):
        return f"no approval rule of this stage means {reviewer.name}"
    return None


def leniency_of(rule: StageRule) -> Leniency:
    """What the rule of a stage overlooks."""
    return Leniency(rule.allow_self_approval, rule.allow_author_approval)


def judge_gates(rule: StageRule, facts: Facts) -> list[dict[str, Any]]:
    """Each gate with whether it passes, and why, as a sentence."""
    found = []
    if facts.from_stage not in rule.from_stages:
        allowed = ", ".join(f"`{stage}`" for stage in rule.from_stages) or "nowhere"
        detail = f"A version comes there from {allowed} only."
        found.append({"type": "from", "passed": False, "detail": detail})
    if rule.min_hours_in_source is not None:
        found.append(_long_enough(rule.min_hours_in_source, facts))
    if rule.incumbent is Incumbent.REFUSE:
        free = facts.incumbent is None
        detail = "Nobody holds it." if free else f"Version {facts.incumbent} holds it."
        found.append({"type": "incumbent", "passed": free, "detail": detail})
    known = facts.evidence.gates if facts.evidence else (None,) * len(rule.gates)
    return found + [
        judge_gate(stored, gate, facts.evidence)
        for stored, gate in zip(rule.gates, known, strict=True)
    ]


def _long_enough(hours: float, facts: Facts) -> dict[str, Any]:
    since = facts.in_source_since
    passed = since is not None and since + timedelta(hours=hours) <= facts.now
    detail = f"It must have been where it comes from for {hours:g} hours"
    detail += f"; it is since {since:%Y-%m-%dT%H:%M:%SZ}." if since else "."
    return {
        "type": "min_hours_in_source",
        "hours": hours,
        "passed": passed,
        "detail": detail,
    }


def would_count(
    reviewer: Reviewer, parties: Parties, lenient: Leniency, approvals: Iterable[RuleFinding]
) -> bool:
    """Whether an approval by this reviewer, given now, would bring the promotion further."""
    return (
        reviewer.may_review
        and conflict_of(reviewer, parties, lenient) is None
        and any(
            each.missing and reviewer.name not in each.given_by and fits(reviewer, each.rule)
            for each in approvals
        )
    )
