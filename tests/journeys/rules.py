"""What a policy asks for, as the tests know it from the contract."""

from dataclasses import dataclass, replace
from typing import Any

from tests.journeys.people import RANKS, Person

Body = dict[str, Any]
Policy = dict[str, "Rule"]
INCUMBENTS = ("keep", "archive", "refuse")


@dataclass(frozen=True, slots=True)
class Approvals:
    """So many people of a role or a higher one, or named."""

    count: int
    roles: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()

    def means(self, who: Person) -> bool:
        if who.name in self.identities:
            return True
        if who.is_service:
            return False
        return any(map(who.has, self.roles)) or not (self.roles or self.identities)

    @property
    def people(self) -> tuple[str | None, frozenset[str]]:
        """Whom it means: from which role on, and who by name."""
        if not (self.roles or self.identities):
            return "reviewer", frozenset()
        return min(self.roles, key=RANKS.index, default=None), frozenset(self.identities)


@dataclass(frozen=True, slots=True)
class Rule:
    """What it takes to enter a stage."""

    sources: frozenset[str] = frozenset()
    exclusive: bool = False
    incumbent: str = "keep"
    approvals: tuple[Approvals, ...] = ()
    allow_self: bool = False
    allow_author: bool = False
    hours: float | None = None
    gates: tuple[Body, ...] = ()

    @property
    def required(self) -> int:
        return sum(each.count for each in self.approvals)

    def means_the_same(self, other: "Rule") -> bool:
        """Whether it asks for the same, in whatever order and words."""
        approvals = [
            sorted((each.count, str(each.people[0]), sorted(each.people[1])) for each in approvals)
            for approvals in (self.approvals, other.approvals)
        ]
        return (
            replace(self, approvals=(), gates=()) == replace(other, approvals=(), gates=())
            and approvals[0] == approvals[1]
            and all(gate in other.gates for gate in self.gates)
            and all(gate in self.gates for gate in other.gates)
        )

    def names(self, who: Person) -> bool:
        return any(who.name in each.identities for each in self.approvals)


DEFAULT: Body = {
    "stages": [
        {"name": "staging", "from": ["none", "archived"]},
        {
            "name": "production",
            "from": ["staging"],
            "exclusive": True,
            "approvals": [{"count": 1, "roles": ["reviewer"]}],
        },
        {"name": "archived", "from": ["none", "staging", "production"]},
    ]
}


def alone(body: Body) -> Policy:
    """What a policy says by itself. Where it does not name `archived`, everything may go there."""
    policy = {each["name"]: _rule(each) for each in body["stages"]}
    if "archived" not in policy:
        policy["archived"] = Rule(frozenset({"none", *policy}))
    return policy


def together(default: Policy, body: Body) -> Policy:
    """What holds for a model that adds to the default: both, and the stricter of each."""
    added = {each["name"]: each for each in body["stages"]}
    own = frozenset(added) - frozenset(default)
    policy = {name: _stricter(name, rule, added.get(name), own) for name, rule in default.items()}
    return policy | {name: _rule(added[name]) for name in added if name in own}


def _rule(stage: Body) -> Rule:
    exclusive = stage.get("exclusive", False)
    return Rule(
        sources=frozenset(stage.get("from", ())),
        exclusive=exclusive,
        incumbent=stage.get("incumbent", "archive" if exclusive else "keep"),
        approvals=_approvals(stage),
        allow_self=stage.get("allow_self_approval", False),
        allow_author=stage.get("allow_author_approval", False),
        hours=stage.get("min_hours_in_source"),
        gates=tuple(stage.get("gates", ())),
    )


def _approvals(stage: Body) -> tuple[Approvals, ...]:
    return tuple(
        Approvals(each["count"], tuple(each.get("roles", ())), tuple(each.get("identities", ())))
        for each in stage.get("approvals", ())
    )


def _stricter(name: str, rule: Rule, stage: Body | None, own: frozenset[str]) -> Rule:
    sources = rule.sources | own if name == "archived" else rule.sources
    if stage is None:
        return replace(rule, sources=sources)
    added = _rule(stage)
    hours = [each for each in (rule.hours, added.hours) if each is not None]
    return Rule(
        sources=sources & added.sources if "from" in stage else sources,
        exclusive=rule.exclusive or added.exclusive,
        incumbent=max(rule.incumbent, added.incumbent, key=INCUMBENTS.index),
        approvals=_largest(rule.approvals + added.approvals),
        allow_self=rule.allow_self and stage.get("allow_self_approval", True),
        allow_author=rule.allow_author and stage.get("allow_author_approval", True),
        hours=max(hours, default=None),
        gates=rule.gates + tuple(each for each in added.gates if each not in rule.gates),
    )


def _largest(approvals: tuple[Approvals, ...]) -> tuple[Approvals, ...]:
    """Of those that mean the same people, the one that asks for most."""
    found: dict[object, Approvals] = {}
    for each in approvals:
        known = found.setdefault(each.people, each)
        if each.count > known.count:
            found[each.people] = each
    return tuple(found.values())


def is_sound(policy: Policy, body: Body) -> bool:
    """Whether what is set names only stages that are there, every stage can be reached, and only
    exclusive ones have an incumbent."""
    named = {name for stage in body["stages"] for name in stage.get("from", ())}
    reached = {"none"}
    for _ in policy:
        reached |= {name for name, rule in policy.items() if rule.sources & reached}
    return (
        named <= {"none", "archived", *policy}
        and reached >= set(policy)
        and all(rule.exclusive or rule.incumbent == "keep" for rule in policy.values())
    )


def baselines(policy: Policy) -> frozenset[str]:
    """The aliases that gates compare with, which are protected for that."""
    against = [gate.get("against", "") for rule in policy.values() for gate in rule.gates]
    return frozenset(each[1:] for each in against if each.startswith("@"))
