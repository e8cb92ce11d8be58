"""Gates on plain values: checks, what is stored, what is unknown, and what has to be read."""

from typing import Any

import pytest

from app.policies.gates import baseline_aliases, baseline_stages
from app.promotions.rules.gates import (
    Needs,
    judge_gate,
    needs_of,
    parse_gate,
)
from tests.promotions.evidence import (
    ALICE,
    BASELINE,
    CHECK,
    DATA,
    METRIC,
    checked,
    decided,
    evidence,
    measured,
)

BY_CI = {"reported_by": {"identities": ["CI-Bot"]}}


@pytest.mark.parametrize(
    ("status", "passes", "says"),
    [
        ("success", True, "succeeded (reported by ci-bot): 40 of 40."),
        ("failure", False, "failed (reported by ci-bot): 40 of 40."),
        ("pending", False, "has not finished yet (reported by ci-bot): 40 of 40."),
    ],
)
def test_a_check_must_say_success(status: str, passes: bool, says: str) -> None:
    found = evidence(checks=(checked(status, summary="40 of\n40"),))
    assert decided(CHECK, found) == (passes, f"The check ci/robustness {says}")


def test_the_latest_permitted_report_of_a_check_decides() -> None:
    success, failure = checked("success", at=1), checked("failure", at=2)
    for reports in ((success, failure), (failure, success)):
        assert decided(CHECK, evidence(checks=reports))[0] is False
    forged = checked("success", at=3, by=ALICE)
    assert decided({**CHECK, **BY_CI}, evidence(checks=(failure, forged))) == (
        False,
        "The check ci/robustness failed (reported by ci-bot).",
    )
    assert decided({**CHECK, **BY_CI}, evidence(checks=(forged,))) == (
        False,
        "The check ci/robustness was reported by alice only, and that does not count; CI-Bot must "
        "report it.",
    )
    assert decided(CHECK, evidence(checks=(checked("success", name="ci/other"),))) == (
        False,
        "The check ci/robustness was never reported for these files; anybody may report it.",
    )


def test_content_must_be_held_here() -> None:
    gate = {"type": "stored"}
    assert decided(gate, evidence(is_stored=True, files_count=3)) == (
        True,
        "Version 7 is held here with all its 3 files.",
    )
    assert decided(gate, evidence()) == (False, "It holds no file.")
    elsewhere = evidence(files_count=1, recipe={"source": "s3://models/churn/"})
    assert decided(gate, elsewhere) == (
        False,
        "Its content is held elsewhere too: it names the source s3://models/churn/.",
    )


@pytest.mark.parametrize(
    "stored",
    [
        {"type": "fairness", "group": "age"},
        {},
        {"type": None},
        {"type": "metric", "metric": "auc"},
        {"type": "check", "name": "ci", "sudo": True},
        {"type": "stored", "passed": True},
    ],
)
def test_a_gate_that_this_server_does_not_know_never_passes(stored: dict[str, Any]) -> None:
    assert parse_gate(stored) is None
    found = judge_gate(stored, None, evidence(is_stored=True))
    assert found["passed"] is False
    assert "cannot decide" in found["detail"]
    assert found["type"] == str(stored.get("type"))


def test_a_large_number_is_still_one_when_it_comes_back_as_an_integer() -> None:
    for number in (10**20, 10**300):
        gate = {**METRIC, "value": number}
        assert decided(gate, evidence(measured(float(number))))[0] is True
        assert decided(gate, evidence(measured(1.0)))[0] is False
    assert parse_gate({**METRIC, "value": 10**400}) is None


def test_a_finding_is_the_gate_with_its_verdict() -> None:
    found = judge_gate(METRIC, parse_gate(METRIC), evidence(measured(0.934)))
    detail = "auc on holdout is 0.934; 0.9 or more is asked for (reported by ci-bot)."
    assert found == {**METRIC, "passed": True, "detail": detail}
    assert judge_gate(METRIC, parse_gate(METRIC), None)["passed"] is False


def test_nothing_is_read_that_no_gate_needs() -> None:
    def needs(*gates: dict[str, Any]) -> Needs:
        return needs_of([parse_gate(gate) for gate in gates], "production")

    fields = {"type": "fields", "require": ["description"]}
    own = {"type": "metric", "metric": "auc", "op": ">", "value": 0}
    assert needs(fields, own, {"type": "stored"}, {"type": "unknown"}) == Needs()
    assert needs({**own, **BY_CI}) == Needs(authors=True)
    assert needs({"type": "fields", "require": ["parents"]}) == Needs(parents=True)
    assert needs({"type": "formats", "deny": ["pickle"]}) == Needs(files=True)
    assert needs(CHECK, {**CHECK, "name": "b"}) == Needs(checks=frozenset({"ci/robustness", "b"}))
    assert needs(METRIC, {**METRIC, "dataset": DATA.upper(), "metric": "f1"}) == Needs(
        metrics=frozenset({"auc", "f1"}),
        datasets=frozenset({"holdout"}),
        digests=frozenset({DATA}),
    )
    assert needs(BASELINE, {**BASELINE, "against": "@champion"}) == Needs(
        metrics=frozenset({"auc"}),
        datasets=frozenset({"holdout"}),
        against=frozenset({"production", "@champion"}),
    )


def test_a_policy_learns_whom_its_gates_compare_with() -> None:
    stored = [
        BASELINE,
        {**BASELINE, "against": "canary"},
        {**BASELINE, "against": "@Champion"},
        {**METRIC, "against": "@other"},
        {"type": "baseline", "against": 5},
    ]
    assert baseline_aliases(stored) == {"Champion"}
    assert baseline_stages(stored) == {"canary"}
    shapes = [parse_gate({**BASELINE, "against": against}) for against in ("CANARY", "@Champion")]
    assert baseline_aliases([*shapes, parse_gate(METRIC)]) == {"Champion"}
    assert baseline_stages([*shapes, parse_gate(BASELINE)]) == {"canary"}
