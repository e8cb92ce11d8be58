"""What a policy says, as plain values."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.core.actor import Role


class Incumbent(StrEnum):
    """What becomes of the versions that hold a stage when another one enters it."""

    ARCHIVE = "archive"
    KEEP = "keep"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """So many people, each of whom has one of the roles (or a higher one), is in one of the
    groups, or is named. With none of the three, any reviewer will do."""

    count: int
    roles: tuple[Role, ...] = ()
    groups: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageRule:
    """What it takes to enter one stage. Times are in hours and may be fractions."""

    name: str
    from_stages: tuple[str, ...] = ()
    exclusive: bool = False
    incumbent: Incumbent = Incumbent.KEEP
    approvals: tuple[ApprovalRule, ...] = ()
    allow_self_approval: bool = False
    allow_author_approval: bool = False
    expires_after_hours: float | None = None
    min_hours_in_source: float | None = None
    gates: tuple[dict[str, Any], ...] = ()

    @property
    def approvals_required(self) -> int:
        """How many approvals are asked for in all."""
        return sum(rule.count for rule in self.approvals)


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which no promotion is applied, and why."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The stages of a model with what it takes to enter each."""

    stages: tuple[StageRule, ...]
    protected_aliases: frozenset[str] = frozenset()
    freeze: tuple[Freeze, ...] = field(default=())

    def rule_for(self, stage: str) -> StageRule | None:
        """What it takes to enter a stage; None where nothing leads there."""
        return next((rule for rule in self.stages if rule.name == stage), None)

    def frozen_at(self, at: datetime) -> Freeze | None:
        """The freeze that covers an instant, if there is one."""
        return next((window for window in self.freeze if window.start <= at < window.end), None)


def parse(body: dict[str, Any]) -> Policy:
    """The policy that a stored body describes."""
    return Policy(
        stages=tuple(_stage(stage) for stage in body.get("stages", ())),
        protected_aliases=frozenset(body.get("protected_aliases", ())),
        freeze=tuple(_freeze(window) for window in body.get("freeze", ())),
    )


def _stage(body: dict[str, Any]) -> StageRule:
    exclusive = body.get("exclusive", False)
    usual = Incumbent.ARCHIVE if exclusive else Incumbent.KEEP
    return StageRule(
        name=body["name"],
        from_stages=tuple(body.get("from", ())),
        exclusive=exclusive,
        incumbent=Incumbent(body.get("incumbent") or usual),
        approvals=tuple(_approval(rule) for rule in body.get("approvals", ())),
        allow_self_approval=body.get("allow_self_approval", False),
        allow_author_approval=body.get("allow_author_approval", False),
        expires_after_hours=body.get("expires_after_hours"),
        min_hours_in_source=body.get("min_hours_in_source"),
        gates=tuple(body.get("gates", ())),
    )


def _approval(body: dict[str, Any]) -> ApprovalRule:
    return ApprovalRule(
        count=body["count"],
        roles=tuple(Role(role) for role in body.get("roles") or ()),
        groups=tuple(body.get("groups") or ()),
        identities=tuple(body.get("identities") or ()),
    )


def _freeze(body: dict[str, Any]) -> Freeze:
    return Freeze(
        start=datetime.fromisoformat(body["from"]),
        end=datetime.fromisoformat(body["to"]),
        reason=body["reason"],
    )
