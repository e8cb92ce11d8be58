"""What a policy says, as plain values."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.core.actor import Role
from app.core.canonical import MAX_SAFE_INTEGER, canonical
from app.stages.rules import ARCHIVED, NO_STAGE


class Incumbent(StrEnum):
    """What becomes of the versions that hold a stage when another one enters it."""

    KEEP = "keep"
    ARCHIVE = "archive"
    REFUSE = "refuse"

    @property
    def strictness(self) -> int:
        """How much it forbids; the larger, the more."""
        return list(Incumbent).index(self)


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """So many people, each of whom has one of the roles (or a higher one), is in one of the
    groups, or is named. With none of the three, any reviewer will do."""

    count: int
    roles: tuple[Role, ...] = ()
    groups: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[frozenset[Role], frozenset[str], frozenset[str]]:
        """Whom it means, whatever the order and the case: roles, groups, identities. Whoever has
        a role has those below it, so of several roles only the lowest says something."""
        roles = self.roles
        if not (roles or self.groups or self.identities):
            roles = (Role.REVIEWER,)
        lowest = min(roles, key=lambda role: role.rank, default=None)
        return (
            frozenset() if lowest is None else frozenset({lowest}),
            frozenset(self.groups),
            frozenset(name.lower() for name in self.identities),
        )

    def implies(self, other: "ApprovalRule") -> bool:
        """Whether whatever satisfies this rule satisfies the other one."""
        (roles, groups, names), (their_roles, their_groups, their_names) = self.people, other.people
        return (
            self.count >= other.count
            and all(any(role.includes(least) for least in their_roles) for role in roles)
            # whoever counts is a reviewer at least, so a group's member is one too
            and (Role.REVIEWER in their_roles or groups <= their_groups)
            and names <= their_names
        )


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
    def meaning(self) -> object:
        """What it asks for, in whatever order and words: two rules that mean the same are the same
        to whoever reviewed under one of them."""
        return (
            replace(self, from_stages=(), approvals=(), gates=()),
            frozenset(self.from_stages),
            Counter((rule.count, rule.people) for rule in self.approvals),
            frozenset(map(canonical, self.gates)),
        )


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
    """The policy that a stored body describes, where it stands alone. Every policy has a way to
    `archived`: where the body names none, from everywhere."""
    stages = tuple(map(_stage, body.get("stages", ())))
    if not any(stage.name == ARCHIVED for stage in stages):
        stages += (StageRule(ARCHIVED, (NO_STAGE, *(stage.name for stage in stages))),)
    return Policy(
        stages=stages,
        protected_aliases=frozenset(body.get("protected_aliases", ())) | baselines(stages),
        freeze=tuple(map(parse_freeze, body.get("freeze", ()))),
    )


def baselines(stages: Iterable[Any]) -> frozenset[str]:
    """The aliases that gates compare with. They are protected, else whoever may point one would
    choose what their version is compared with. One that bears a stage's name means its holder."""
    known = list(stages)
    names = {stage.name for stage in known}
    against = (gate.get("against") or "" for stage in known for gate in stage.gates)
    aliases = (each[1:] for each in against if each.startswith("@"))
    return frozenset(alias for alias in aliases if alias.lower() not in names)


def _stage(body: dict[str, Any]) -> StageRule:
    exclusive = is_exclusive(body.get("exclusive"), body.get("incumbent"))
    return StageRule(
        name=body["name"],
        from_stages=tuple(body.get("from") or ()),
        exclusive=exclusive,
        incumbent=Incumbent(body.get("incumbent") or usual_incumbent(exclusive=exclusive)),
        approvals=tuple(map(parse_approval, body.get("approvals") or ())),
        allow_self_approval=body.get("allow_self_approval") or False,
        allow_author_approval=body.get("allow_author_approval") or False,
        expires_after_hours=body.get("expires_after_hours"),
        min_hours_in_source=body.get("min_hours_in_source"),
        gates=parse_gates(body),
    )


def parse_gates(body: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The gates that a stored stage has. PostgreSQL keeps 1e300 as an integer of 301 digits; a
    gate's numbers are floats."""
    return tuple(
        {
            key: float(value) if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER else value
            for key, value in gate.items()
        }
        for gate in body.get("gates") or ()
    )


def is_exclusive(said: bool | None, incumbent: str | None) -> bool:
    """Whether at most one version holds a stage: where it says so, and where it refuses others
    while it is held."""
    return bool(said) or incumbent == Incumbent.REFUSE


def usual_incumbent(*, exclusive: bool) -> Incumbent:
    """What becomes of holders where a policy does not say so."""
    return Incumbent.ARCHIVE if exclusive else Incumbent.KEEP


def parse_approval(body: dict[str, Any]) -> ApprovalRule:
    """The approval rule that a stored body describes."""
    return ApprovalRule(
        count=body["count"],
        roles=tuple(Role(role) for role in body.get("roles") or ()),
        groups=tuple(body.get("groups") or ()),
        identities=tuple(body.get("identities") or ()),
    )


def parse_freeze(body: dict[str, Any]) -> Freeze:
    """The freeze that a stored body describes."""
    return Freeze(
        start=datetime.fromisoformat(body["from"]),
        end=datetime.fromisoformat(body["to"]),
        reason=body["reason"],
    )
