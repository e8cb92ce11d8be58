"""The rules on plain values: tables of cases, and properties that hold for all."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.actor import Role
from app.policies.rules import ApprovalRule, Incumbent, StageRule
from app.promotions.rules.duties import (
    Leniency,
    Parties,
    Reviewer,
    Through,
    Tie,
    conflict_of,
    fits,
)
from app.promotions.rules.judging import Facts, Findings, Seen, Verdict, judge, would_count
from app.promotions.rules.words import Decision, Status

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SHOWN = Seen("m" * 64, "r" * 64, "d" * 64, 1)
STRICT = Leniency()
ALICE, BOB, CAROL, DAN, MIA = (UUID(int=n) for n in range(1, 6))
NAMES = {ALICE: "alice", BOB: "bob", CAROL: "carol", DAN: "dan", MIA: "mia"}
ROLES = list(Role)


def person(identity: UUID, role: Role | None = Role.REVIEWER, **fields: Any) -> Reviewer:
    defaults: dict[str, Any] = {
        "is_person": True,
        "owner_id": None,
        "issuers": frozenset(),
        "groups": frozenset(),
    }
    return Reviewer(identity, NAMES[identity], role=role, **{**defaults, **fields})


def verdict(
    reviewer: Reviewer, decision: Decision = Decision.APPROVE, saw: Seen = SHOWN
) -> Verdict:
    return Verdict(uuid4(), reviewer, decision, saw)


def rule(*approvals: ApprovalRule, **fields: Any) -> StageRule:
    return StageRule("production", ("staging",), exclusive=True, approvals=approvals, **fields)


def facts(*verdicts: Verdict, **fields: Any) -> Facts:
    defaults: dict[str, Any] = {
        "parties": Parties(askers=frozenset({ALICE})),
        "now": NOW,
        "shown": SHOWN,
        "from_stage": "staging",
    }
    return Facts(verdicts=verdicts, **{**defaults, **fields})


ONE = ApprovalRule(1, roles=(Role.REVIEWER,))
TWO = ApprovalRule(2, roles=(Role.REVIEWER,))


# --- Separation of duties ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parties", "reviewer", "lenient", "tie", "through"),
    [
        (Parties(frozenset({BOB})), person(BOB), STRICT, Tie.ASKED, Through.SELF),
        (
            Parties(frozenset({ALICE}), frozenset({BOB})),
            person(BOB),
            STRICT,
            Tie.OWNS_ASKER,
            Through.SELF,
        ),
        (
            Parties(frozenset({ALICE}), writers=frozenset({BOB})),
            person(BOB),
            STRICT,
            Tie.WROTE,
            Through.SELF,
        ),
        (
            Parties(frozenset({ALICE}), owners_of_writers=frozenset({BOB})),
            person(BOB),
            STRICT,
            Tie.OWNS_WRITER,
            Through.SELF,
        ),
        (
            Parties(frozenset({ALICE})),
            person(BOB, is_person=False, owner_id=ALICE),
            STRICT,
            Tie.ASKED,
            Through.OWNER,
        ),
        (
            Parties(frozenset({ALICE})),
            person(BOB, issuers=frozenset({DAN, ALICE})),
            STRICT,
            Tie.ASKED,
            Through.TOKEN,
        ),
        (
            Parties(frozenset({ALICE}), writers=frozenset({MIA})),
            person(BOB, Role.ADMIN, issuers=frozenset({MIA})),
            Leniency(allow_self_approval=True),
            Tie.WROTE,
            Through.TOKEN,
        ),
        (
            Parties(frozenset({BOB}), writers=frozenset({BOB})),
            person(BOB, Role.ADMIN),
            Leniency(allow_author_approval=True),
            Tie.ASKED,
            Through.SELF,
        ),
        (
            Parties(frozenset({BOB}), writers=frozenset({BOB})),
            person(BOB, Role.ADMIN),
            Leniency(allow_self_approval=True),
            Tie.WROTE,
            Through.SELF,
        ),
    ],
)
def test_who_had_a_part_is_found_wherever_it_reaches_them(
    parties: Parties, reviewer: Reviewer, lenient: Leniency, tie: Tie, through: Through
) -> None:
    conflict = conflict_of(reviewer, parties, lenient)
    assert conflict is not None
    assert (conflict.tie, conflict.through) == (tie, through)


@pytest.mark.parametrize(
    ("parties", "reviewer", "lenient"),
    [
        (Parties(frozenset({ALICE})), person(BOB), STRICT),
        (Parties(frozenset({ALICE})), person(BOB, issuers=frozenset({MIA})), STRICT),
        (Parties(frozenset({BOB})), person(BOB), Leniency(allow_self_approval=True)),
        (
            Parties(frozenset({BOB}), writers=frozenset({BOB})),
            person(BOB),
            Leniency(allow_self_approval=True, allow_author_approval=True),
        ),
    ],
)
def test_others_had_no_part(parties: Parties, reviewer: Reviewer, lenient: Leniency) -> None:
    assert conflict_of(reviewer, parties, lenient) is None


people = st.sampled_from(list(NAMES))
crowds = st.frozensets(people)
roles = st.one_of(st.none(), st.sampled_from(ROLES))
reviewers = st.builds(
    lambda identity, role, is_person, owner, issuers, groups, disabled: Reviewer(
        identity,
        NAMES[identity],
        is_person,
        None if is_person else owner,
        issuers,
        role,
        groups,
        disabled,
    ),
    people,
    roles,
    st.booleans(),
    people,
    crowds,
    st.frozensets(st.sampled_from(["risk", "legal"])),
    st.booleans(),
)
parties_of_all_kinds = st.builds(
    Parties, people.map(lambda p: frozenset({p})), crowds, crowds, crowds
)
rules = st.builds(
    ApprovalRule,
    st.integers(1, 3),
    st.lists(st.sampled_from(ROLES), max_size=2).map(tuple),
    st.lists(st.sampled_from(["risk", "legal"]), max_size=1).map(tuple),
    st.lists(st.sampled_from(list(NAMES.values())), max_size=2).map(tuple),
)
saws = st.sampled_from(
    [SHOWN, replace(SHOWN, description_sha256="e" * 64), replace(SHOWN, policy_revision=2)]
)
verdicts = st.lists(
    st.builds(Verdict, st.uuids(), reviewers, st.sampled_from(list(Decision)), saws),
    max_size=8,
    unique_by=lambda v: v.id,
)
stage_rules = st.builds(
    lambda approvals, own, author: rule(
        *approvals, allow_self_approval=own, allow_author_approval=author
    ),
    st.lists(rules, max_size=3),
    st.booleans(),
    st.booleans(),
)


def as_one_person_each(found: list[Verdict]) -> list[Verdict]:
    """An identity has one standing at a time: the first that was drawn for it."""
    standing = {v.reviewer.identity_id: v.reviewer for v in reversed(found)}
    return [replace(v, reviewer=standing[v.reviewer.identity_id]) for v in found]


@settings(deadline=None)
@given(stage_rules, verdicts, parties_of_all_kinds)
def test_nobody_with_a_part_is_ever_counted(
    stage: StageRule, drawn: list[Verdict], parties: Parties
) -> None:
    given_ = as_one_person_each(drawn)
    found = judge(stage, facts(*given_, parties=parties))
    for each in given_:
        if each.id not in found.counting or each.decision is not Decision.APPROVE:
            continue
        reached = {each.reviewer.identity_id, each.reviewer.owner_id, *each.reviewer.issuers}
        if not stage.allow_self_approval:
            assert not reached & (parties.askers | parties.owners_of_askers)
        if not stage.allow_author_approval:
            assert not reached & (parties.writers | parties.owners_of_writers)
        assert each.reviewer.may_review
        assert each.saw == SHOWN


@settings(deadline=None)
@given(stage_rules, verdicts, parties_of_all_kinds)
def test_approved_means_that_enough_different_people_agree_and_nobody_objects(
    stage: StageRule, drawn: list[Verdict], parties: Parties
) -> None:
    given_ = as_one_person_each(drawn)
    found = judge(stage, facts(*given_, parties=parties))
    last = {v.reviewer.identity_id: v for v in given_ if v.decision is not Decision.COMMENT}
    agree = [v.reviewer for v in last.values() if v.decision is Decision.APPROVE]
    object_ = [v for v in last.values() if v.decision is Decision.REJECT and v.reviewer.may_review]
    if found.status is Status.APPROVED:
        assert not object_
        for each in stage.approvals:
            assert len({r.identity_id for r in agree if fits(r, each)}) >= each.count
    if object_:
        single = sum(each.count for each in stage.approvals) <= 1
        assert found.status is (Status.REJECTED if single else Status.OPEN)
    assert bool(found.unmet) == (found.status is not Status.APPROVED)


@settings(deadline=None)
@given(stage_rules, verdicts, parties_of_all_kinds, reviewers)
def test_one_more_approval_never_takes_one_away(
    stage: StageRule, drawn: list[Verdict], parties: Parties, reviewer: Reviewer
) -> None:
    before = judge(stage, facts(*as_one_person_each(drawn), parties=parties))
    more = as_one_person_each([*drawn, verdict(reviewer)])
    after = judge(stage, facts(*more, parties=parties))
    for was, now in zip(before.approvals, after.approvals, strict=True):
        others = {name for name in was.given_by if name != reviewer.name}
        assert others <= set(now.given_by)


@settings(deadline=None)
@given(stage_rules, verdicts, parties_of_all_kinds, reviewers)
def test_the_inbox_promises_exactly_what_an_approval_then_does(
    stage: StageRule, drawn: list[Verdict], parties: Parties, reviewer: Reviewer
) -> None:
    others = [v for v in drawn if v.reviewer.identity_id != reviewer.identity_id]
    earlier = as_one_person_each(others)
    lenient = Leniency(stage.allow_self_approval, stage.allow_author_approval)
    before = judge(stage, facts(*earlier, parties=parties))
    after = judge(stage, facts(*earlier, verdict(reviewer), parties=parties))
    closer = sum(a.given for a in after.approvals) > sum(b.given for b in before.approvals)
    assert would_count(reviewer, parties, lenient, before.approvals) == closer


# --- Whom a rule means -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reviewer", "approval", "meant"),
    [
        (person(BOB), ONE, True),
        (person(BOB, Role.ADMIN), ONE, True),
        (person(BOB, Role.MAINTAINER), ApprovalRule(1, roles=(Role.ADMIN,)), False),
        (person(BOB, Role.REVIEWER), ApprovalRule(1, roles=(Role.MAINTAINER,)), False),
        (person(BOB, None), ONE, False),
        (person(BOB), ApprovalRule(1), True),
        (person(BOB), ApprovalRule(1, groups=("risk",)), False),
        (person(BOB, groups=frozenset({"risk"})), ApprovalRule(1, groups=("risk",)), True),
        (person(BOB, groups=frozenset({"Risk"})), ApprovalRule(1, groups=("risk",)), True),
        (person(BOB), ApprovalRule(1, identities=("BOB",)), True),
        (person(BOB), ApprovalRule(1, identities=("bobby",)), False),
        (person(BOB, is_person=False), ONE, False),
        (person(BOB, is_person=False), ApprovalRule(1), False),
        (
            person(BOB, is_person=False, groups=frozenset({"risk"})),
            ApprovalRule(1, groups=("risk",)),
            False,
        ),
        (person(BOB, is_person=False), ApprovalRule(1, identities=("bob",)), True),
        (
            person(BOB, Role.REVIEWER),
            ApprovalRule(1, roles=(Role.MAINTAINER,), identities=("bob",)),
            True,
        ),
    ],
)
def test_whom_a_rule_means(reviewer: Reviewer, approval: ApprovalRule, meant: bool) -> None:
    assert fits(reviewer, approval) is meant


# --- Judging -----------------------------------------------------------------------------------


def status_of(stage: StageRule, *verdicts: Verdict, **fields: Any) -> Status:
    return judge(stage, facts(*verdicts, **fields)).status


OTHER = replace(SHOWN, description_sha256="e" * 64)


@pytest.mark.parametrize(
    ("stage", "given_", "status"),
    [
        (rule(), [], Status.APPROVED),
        (rule(ONE), [], Status.OPEN),
        (rule(ONE), [verdict(person(BOB))], Status.APPROVED),
        (rule(ONE), [verdict(person(BOB), saw=OTHER)], Status.OPEN),
        (rule(ONE), [verdict(person(BOB), saw=OTHER), verdict(person(BOB))], Status.APPROVED),
        (rule(ONE), [verdict(person(BOB)), verdict(person(BOB), saw=OTHER)], Status.OPEN),
        (rule(ONE), [verdict(person(BOB), Decision.REJECT)], Status.REJECTED),
        (rule(), [verdict(person(BOB), Decision.REJECT)], Status.REJECTED),
        (rule(ONE), [verdict(person(BOB, Role.CONTRIBUTOR))], Status.OPEN),
        (rule(ONE), [verdict(person(BOB, disabled=True))], Status.OPEN),
        (rule(ONE), [verdict(person(BOB, None), Decision.REJECT)], Status.OPEN),
        (rule(ONE), [verdict(person(BOB), Decision.COMMENT)], Status.OPEN),
        (
            rule(ONE),
            [verdict(person(BOB)), verdict(person(BOB), Decision.COMMENT)],
            Status.APPROVED,
        ),
        (rule(ONE), [verdict(person(BOB)), verdict(person(BOB), Decision.WITHDRAW)], Status.OPEN),
        (rule(TWO), [verdict(person(BOB)), verdict(person(BOB))], Status.OPEN),
        (rule(TWO), [verdict(person(BOB)), verdict(person(MIA))], Status.APPROVED),
        (
            rule(TWO),
            [verdict(person(BOB)), verdict(person(MIA)), verdict(person(DAN), Decision.REJECT)],
            Status.OPEN,
        ),
        (
            rule(TWO),
            [
                verdict(person(BOB)),
                verdict(person(MIA)),
                verdict(person(DAN), Decision.REJECT, OTHER),
            ],
            Status.OPEN,
        ),
        (
            rule(ONE, ApprovalRule(1, roles=(Role.MAINTAINER,))),
            [verdict(person(MIA, Role.MAINTAINER))],
            Status.APPROVED,
        ),
        (
            rule(ONE, ApprovalRule(1, roles=(Role.MAINTAINER,))),
            [verdict(person(MIA)), verdict(person(BOB))],
            Status.OPEN,
        ),
    ],
)
def test_what_follows_from_the_reviews(
    stage: StageRule, given_: list[Verdict], status: Status
) -> None:
    assert status_of(stage, *given_) is status


@pytest.mark.parametrize("field", ["manifest_sha256", "recipe_sha256", "description_sha256"])
def test_a_review_of_anything_else_is_stale(field: str) -> None:
    seen = verdict(person(BOB), saw=Seen(**{**asdict(SHOWN), field: "f" * 64}))
    found = judge(rule(ONE), facts(seen))
    assert found.stale.keys() == found.notes.keys() == {seen.id}
    assert found.status is Status.OPEN


def test_a_reason_is_given_for_each_verdict_that_does_not_count() -> None:
    first, second = verdict(person(BOB)), verdict(person(BOB))
    asked = verdict(person(ALICE))
    found = judge(rule(ONE), facts(first, second, asked))
    assert found.notes == {
        first.id: "a later verdict of the same reviewer takes its place",
        asked.id: "who asked for it does not approve it",
    }
    assert found.counting == {second.id}


def gates_of(stage: StageRule, **fields: Any) -> list[tuple[str, bool]]:
    found: Findings = judge(stage, facts(**fields))
    return [(gate["type"], gate["passed"]) for gate in found.gates]


@pytest.mark.parametrize(
    ("stage", "fields", "gates"),
    [
        (rule(), {}, []),
        (rule(), {"from_stage": "none"}, [("from", False)]),
        (
            rule(min_hours_in_source=0.5),
            {"in_source_since": NOW - timedelta(minutes=30)},
            [("min_hours_in_source", True)],
        ),
        (
            rule(min_hours_in_source=0.5),
            {"in_source_since": NOW - timedelta(minutes=29, seconds=59)},
            [("min_hours_in_source", False)],
        ),
        (rule(min_hours_in_source=1), {}, [("min_hours_in_source", False)]),
        (rule(incumbent=Incumbent.REFUSE), {}, [("incumbent", True)]),
        (rule(incumbent=Incumbent.REFUSE), {"incumbent": 3}, [("incumbent", False)]),
        (rule(gates=({"type": "unheard-of"},)), {}, [("unheard-of", False)]),
    ],
)
def test_gates(stage: StageRule, fields: dict[str, Any], gates: list[tuple[str, bool]]) -> None:
    assert gates_of(stage, **fields) == gates
    passed = all(ok for _, ok in gates)
    assert status_of(stage, **fields) is (Status.APPROVED if passed else Status.OPEN)
