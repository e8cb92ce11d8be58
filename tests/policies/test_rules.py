"""How policies compose and what loosens them, as properties of pure functions."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from app.core.actor import Role
from app.policies.rules import (
    Incumbent,
    Policy,
    StageRule,
    compose,
    loosenings,
    parse,
    parse_addition,
    unreachable,
)
from app.promotions.rules.duties import Reviewer, fits

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KNOWN = ("staging", "production", "canary")
GROUPS, NAMES = ("risk", "legal"), ("ann", "bot")
GATES = (
    {"type": "stored"},
    {"type": "check", "name": "ci"},
    {"type": "fields", "require": ["run"]},
)

hours = st.one_of(st.none(), st.sampled_from([0.5, 1.0, 24.0, 48.0]))
flag = st.one_of(st.none(), st.booleans())
approval = st.fixed_dictionaries(
    {"count": st.integers(1, 2)},
    optional={
        "roles": st.lists(st.sampled_from(["reviewer", "maintainer"]), max_size=1),
        "groups": st.lists(st.sampled_from(GROUPS), max_size=1),
        "identities": st.lists(st.sampled_from(NAMES), max_size=1),
    },
)
freeze = st.builds(
    lambda start, length: {
        "from": (NOW + timedelta(hours=start)).isoformat(),
        "to": (NOW + timedelta(hours=start + length)).isoformat(),
        "reason": "X",
    },
    st.integers(-4, 4),
    st.integers(1, 6),
)


def stage(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"name": st.just(name)},
        optional={
            "from": st.lists(st.sampled_from(["none", "archived", *KNOWN, "own"]), unique=True),
            "exclusive": flag,
            "incumbent": st.sampled_from([None, "archive", "refuse"]),
            "approvals": st.lists(approval, max_size=2),
            "allow_self_approval": flag,
            "allow_author_approval": flag,
            "expires_after_hours": hours,
            "min_hours_in_source": hours,
            "gates": st.lists(st.sampled_from(GATES), max_size=2),
        },
    )


def bodies(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    stages = st.lists(st.sampled_from(names), unique=True, max_size=len(names)).flatmap(
        lambda chosen: st.tuples(*map(stage, chosen))
    )
    return st.fixed_dictionaries(
        {
            "stages": stages.map(list),
            "protected_aliases": st.lists(st.sampled_from(["champion", "best"]), unique=True),
            "freeze": st.lists(freeze, max_size=2),
        }
    )


defaults = bodies("staging", "production", "archived")
additions = bodies("staging", "production", "archived", "canary", "own")


@dataclass(frozen=True)
class Situation:
    """Something that a team might want to do."""

    source: str
    target: str
    held: bool
    approvers: tuple[Reviewer, ...]
    asked_by_approver: bool
    written_by_approver: bool
    hours_open: float
    hours_in_source: float
    passing: tuple[dict[str, Any], ...]
    at: datetime


def person(name: str, role: Role, groups: frozenset[str]) -> Reviewer:

    return Reviewer(
        uuid5(NAMESPACE_DNS, name), name, name != "bot", None, frozenset(), role, groups
    )


people = st.builds(
    person,
    st.sampled_from(["ann", "bot", "cy", "dee"]),
    st.sampled_from([Role.REVIEWER, Role.MAINTAINER]),
    st.frozensets(st.sampled_from(GROUPS)),
)
situations = st.builds(
    Situation,
    source=st.sampled_from(["none", "archived", *KNOWN, "own"]),
    target=st.sampled_from(["archived", *KNOWN]),
    held=st.booleans(),
    approvers=st.lists(people, max_size=3, unique_by=lambda each: each.name).map(tuple),
    asked_by_approver=st.booleans(),
    written_by_approver=st.booleans(),
    hours_open=st.sampled_from([0.0, 0.7, 2.0, 30.0]),
    hours_in_source=st.sampled_from([0.0, 0.7, 2.0, 30.0]),
    passing=st.lists(st.sampled_from(GATES), max_size=3).map(tuple),
    at=st.integers(-5, 8).map(lambda hours: NOW + timedelta(hours=hours)),
)


def allows(policy: Policy, it: Situation) -> bool:
    """Whether it may be done, told anew and simply: everything must be in order."""
    rule = policy.rule_for(it.target)
    if rule is None or it.source not in rule.from_stages:
        return False
    in_the_way = (
        it.held and rule.incumbent is Incumbent.REFUSE,
        any(window.start <= it.at < window.end for window in policy.freeze),
        it.hours_open >= (rule.expires_after_hours or 1e9),
        it.hours_in_source < (rule.min_hours_in_source or 0),
        any(gate not in it.passing for gate in rule.gates),
    )
    barred = (it.asked_by_approver and not rule.allow_self_approval) or (
        it.written_by_approver and not rule.allow_author_approval
    )
    approvers = [] if barred else it.approvers
    met = [sum(fits(one, each) for one in approvers) >= each.count for each in rule.approvals]
    return all(met) and not any(in_the_way)


@given(defaults, additions, situations)
def test_composing_never_allows_what_the_default_forbids(
    default: dict[str, Any], addition: dict[str, Any], it: Situation
) -> None:
    base = parse(default)
    known = {"none", *(rule.name for rule in base.stages)}
    assume(it.source in known)
    assume(it.target in known)
    whole = compose(base, parse_addition(addition))
    assert allows(base, it) or not allows(whole, it)
    assert whole.protected_aliases >= base.protected_aliases


@given(defaults, additions, situations)
def test_composing_never_allows_what_the_addition_forbids(
    default: dict[str, Any], addition: dict[str, Any], it: Situation
) -> None:
    whole = compose(parse(default), parse_addition(addition))
    own = parse_addition(addition).to_stage(it.target)
    if own is not None and own.from_stages is not None and it.source not in own.from_stages:
        assert it.target == "archived" or not allows(whole, it)
    if own is not None and any(gate not in it.passing for gate in own.gates):
        assert not allows(whole, it)


@given(defaults, additions)
def test_an_addition_is_never_looser_than_the_default(
    default: dict[str, Any], addition: dict[str, Any]
) -> None:
    base = parse(default)
    assert loosenings(base, compose(base, parse_addition(addition)), NOW) == []


@given(defaults)
def test_adding_nothing_changes_nothing(default: dict[str, Any]) -> None:
    base = parse(default)
    whole = compose(base, parse_addition({}))
    assert loosenings(whole, base, NOW) == loosenings(base, whole, NOW) == []
    assert [rule.name for rule in whole.stages] == [rule.name for rule in base.stages]


@given(defaults, additions)
def test_adding_twice_is_adding_once(default: dict[str, Any], addition: dict[str, Any]) -> None:
    once = compose(parse(default), parse_addition(addition))
    assert compose(once, parse_addition(addition)) == once


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(defaults, additions, st.one_of(st.none(), stage("production")), situations)
def test_what_is_not_called_looser_allows_nothing_new(
    earlier: dict[str, Any],
    addition: dict[str, Any],
    replaced: dict[str, Any] | None,
    it: Situation,
) -> None:
    before = parse(earlier)
    after = compose(before, parse_addition(addition))
    if replaced is not None:
        (rule, *_) = parse({"stages": [replaced]}).stages
        others = [each for each in after.stages if each.name != "production"]
        after = replace(after, stages=(*others, rule))
    assume(not loosenings(before, after, NOW))
    assume(before.rule_for(it.target) is not None)
    assume(it.at >= NOW)
    # A new stage leads to archived, or is a detour: see the table below.
    assume(it.source in {"none", "archived", *(rule.name for rule in before.stages)})
    assert allows(before, it) or not allows(after, it)


@pytest.mark.parametrize(
    ("canary", "others", "flagged"),
    [
        (["staging"], {}, []),
        (["staging", "shadow"], {"shadow": ["staging"]}, []),
        (["none"], {}, ["canary"]),
        (["staging", "none"], {}, ["canary"]),
        (["staging", "production"], {}, ["canary"]),
        (["staging", "shadow"], {"shadow": ["none"]}, ["canary"]),
        (["shadow"], {"shadow": ["canary"]}, ["canary"]),
    ],
)
def test_a_new_way_is_no_looser_where_it_is_a_detour(
    canary: list[str], others: dict[str, list[str]], flagged: list[str]
) -> None:
    before = Policy((StageRule("staging", ("none",)), StageRule("production", ("staging",))))
    new = {"canary": canary, **others}
    after = Policy(
        (
            StageRule("staging", ("none",)),
            *(StageRule(name, tuple(ways)) for name, ways in new.items()),
            StageRule("production", ("staging", "canary")),
        )
    )
    assert loosenings(before, after, NOW) == [
        f"`production` can now be entered from `{way}`." for way in flagged
    ]
    assert loosenings(after, before, NOW) == []


@given(defaults)
def test_a_policy_is_not_looser_than_itself(default: dict[str, Any]) -> None:
    assert loosenings(parse(default), parse(default), NOW) == []


def test_a_stage_without_a_way_from_the_beginning_is_unreachable() -> None:
    policy = Policy(
        (
            StageRule("staging", ("none",)),
            StageRule("production", ("staging", "production")),
            StageRule("island", ("archipelago",)),
            StageRule("archipelago", ("island",)),
        )
    )
    assert unreachable(policy) == ["island", "archipelago"]


def test_the_order_of_stages_is_that_of_the_default_with_new_ones_where_they_were_named() -> None:
    base = parse({"stages": [{"name": "staging", "from": ["none"]}, {"name": "production"}]})
    addition = parse_addition(
        {
            "stages": [
                {"name": "lab", "from": ["none"]},
                {"name": "staging"},
                {"name": "canary", "from": ["staging"]},
            ]
        }
    )
    names = [rule.name for rule in compose(base, addition).stages]
    assert names == ["lab", "staging", "canary", "production", "archived"]
