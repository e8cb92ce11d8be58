"""How a model's own policy adds to the default: both hold, and the stricter of each counts."""

from dataclasses import dataclass
from typing import Any, TypeVar

from app.policies.rules.policy import (
    ApprovalRule,
    Freeze,
    Incumbent,
    Policy,
    StageRule,
    baselines,
    is_exclusive,
    parse_approval,
    parse_freeze,
    parse_gates,
    usual_incumbent,
)
from app.stages.rules import ARCHIVED

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StageAddition:
    """What a model adds to the rule of a stage. None means that it adds nothing there."""

    name: str
    from_stages: tuple[str, ...] | None = None
    exclusive: bool | None = None
    incumbent: Incumbent | None = None
    approvals: tuple[ApprovalRule, ...] = ()
    allow_self_approval: bool | None = None
    allow_author_approval: bool | None = None
    expires_after_hours: float | None = None
    min_hours_in_source: float | None = None
    gates: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Addition:
    """What a model adds to the default policy."""

    stages: tuple[StageAddition, ...] = ()
    protected_aliases: frozenset[str] = frozenset()
    freeze: tuple[Freeze, ...] = ()

    def to_stage(self, name: str) -> StageAddition | None:
        """What it adds to the rule of a stage."""
        return next((each for each in self.stages if each.name == name), None)


def parse_addition(body: dict[str, Any]) -> Addition:
    """The addition that a stored body describes."""
    return Addition(
        stages=tuple(map(_stage, body.get("stages", ()))),
        protected_aliases=frozenset(body.get("protected_aliases", ())),
        freeze=tuple(map(parse_freeze, body.get("freeze", ()))),
    )


def _stage(body: dict[str, Any]) -> StageAddition:
    ways, incumbent = body.get("from"), body.get("incumbent")
    return StageAddition(
        name=body["name"],
        from_stages=None if ways is None else tuple(ways),
        exclusive=body.get("exclusive"),
        incumbent=None if incumbent is None else Incumbent(incumbent),
        approvals=tuple(map(parse_approval, body.get("approvals") or ())),
        allow_self_approval=body.get("allow_self_approval"),
        allow_author_approval=body.get("allow_author_approval"),
        expires_after_hours=body.get("expires_after_hours"),
        min_hours_in_source=body.get("min_hours_in_source"),
        gates=parse_gates(body),
    )


def compose(default: Policy, addition: Addition) -> Policy:
    """The policy in force for a model: never does it allow what the default forbids.

    A stage that only the addition has is as the addition says. The default cannot know it, so the
    one way out of it that needs no word of the default leads to `archived`.
    """
    known = {rule.name: rule for rule in default.stages}
    own = tuple(each.name for each in addition.stages if each.name not in known)
    merged = {name: _together(rule, addition.to_stage(name), own) for name, rule in known.items()}
    added = {each.name: _alone(each) for each in addition.stages if each.name not in known}
    order = _in_order([*known], [each.name for each in addition.stages])
    rules = [merged.get(name) or added[name] for name in order]
    aliases = default.protected_aliases | addition.protected_aliases
    return Policy(
        stages=tuple(rules),
        protected_aliases=aliases | baselines(rules),
        freeze=_once((*default.freeze, *addition.freeze)),
    )


def _in_order(default: list[str], added: list[str]) -> list[str]:
    """The default's order, with each new stage after the one that it follows in the addition."""
    names, before = list(default), -1
    for name in added:
        if name not in names:
            names.insert(before + 1, name)
        before = names.index(name)
    return names


def _together(default: StageRule, added: StageAddition | None, own: tuple[str, ...]) -> StageRule:
    exits = own if default.name == ARCHIVED else ()
    added = added or StageAddition(default.name)
    exclusive = default.exclusive or is_exclusive(added.exclusive, added.incumbent)
    incumbents = [default.incumbent, added.incumbent or Incumbent.KEEP]
    incumbents.append(usual_incumbent(exclusive=exclusive))
    return StageRule(
        name=default.name,
        from_stages=_ways((*default.from_stages, *exits), added.from_stages),
        exclusive=exclusive,
        incumbent=max(incumbents, key=lambda each: each.strictness),
        approvals=_strictest((*default.approvals, *added.approvals)),
        allow_self_approval=default.allow_self_approval and added.allow_self_approval is not False,
        allow_author_approval=default.allow_author_approval
        and added.allow_author_approval is not False,
        expires_after_hours=_least(default.expires_after_hours, added.expires_after_hours),
        min_hours_in_source=_most(default.min_hours_in_source, added.min_hours_in_source),
        gates=_once((*default.gates, *added.gates)),
    )


def _alone(added: StageAddition) -> StageRule:
    exclusive = is_exclusive(added.exclusive, added.incumbent)
    return StageRule(
        name=added.name,
        from_stages=added.from_stages or (),
        exclusive=exclusive,
        incumbent=added.incumbent or usual_incumbent(exclusive=exclusive),
        approvals=_strictest(added.approvals),
        allow_self_approval=bool(added.allow_self_approval),
        allow_author_approval=bool(added.allow_author_approval),
        expires_after_hours=added.expires_after_hours,
        min_hours_in_source=added.min_hours_in_source,
        gates=_once(added.gates),
    )


def _ways(default: tuple[str, ...], added: tuple[str, ...] | None) -> tuple[str, ...]:
    return default if added is None else tuple(each for each in default if each in added)


def _strictest(rules: tuple[ApprovalRule, ...]) -> tuple[ApprovalRule, ...]:
    """Of rules for the same people only the one that asks for most of them: it implies the rest."""
    most: dict[object, ApprovalRule] = {}
    for rule in rules:
        known = most.get(rule.people)
        if known is None or rule.count > known.count:
            most[rule.people] = rule
    return tuple(most.values())


def _once(items: tuple[T, ...]) -> tuple[T, ...]:
    found: list[T] = []
    for item in items:
        if item not in found:
            found.append(item)
    return tuple(found)


def _least(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _most(one: float | None, other: float | None) -> float | None:
    return max((each for each in (one, other) if each is not None), default=None)
