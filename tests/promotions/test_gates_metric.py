"""A metric gate on plain values, and whose reports count."""

from typing import Any

import pytest

from app.promotions.rules.gates import (
    Reporter,
)
from tests.promotions.evidence import (
    ALICE,
    BASELINE,
    CHECK,
    CI,
    DATA,
    METRIC,
    THEIRS,
    checked,
    decided,
    evidence,
    measured,
)

BY_CI = {"reported_by": {"identities": ["CI-Bot"]}}
BY_GROUP = {"reported_by": {"groups": ["Evaluators"]}}


@pytest.mark.parametrize(
    ("op", "value", "passes", "asks"),
    [
        (">=", 0.9, True, "0.9 or more"),
        (">=", 0.934, True, "0.934 or more"),
        (">", 0.934, False, "more than 0.934"),
        ("<=", 0.9, False, "0.9 or less"),
        ("<", 1, True, "less than 1"),
        ("=", 0.934, True, "exactly 0.934"),
        ("==", 0.935, False, "exactly 0.935"),
        ("!=", 0.934, False, "anything but 0.934"),
    ],
)
def test_a_metric_is_compared_with_what_is_asked_for(
    op: str, value: float, passes: bool, asks: str
) -> None:
    found = decided({**METRIC, "op": op, "value": value}, evidence(measured(0.934)))
    detail = f"auc on holdout is 0.934; {asks} is asked for (reported by ci-bot)."
    assert found == (passes, detail)


def test_numbers_are_compared_as_they_were_written_and_never_look_the_same_when_they_differ() -> (
    None
):
    just_less = evidence(measured(0.8999999999))
    assert decided(METRIC, just_less) == (
        False,
        "auc on holdout is 0.8999999999; 0.9 or more is asked for (reported by ci-bot).",
    )
    sum_of_tenths = {**METRIC, "op": "<=", "value": 0.3}
    assert decided(sum_of_tenths, evidence(measured(0.1 + 0.2))) == (
        False,
        "auc on holdout is 0.30000000000000004; 0.3 or less is asked for (reported by ci-bot).",
    )
    for value, text in (
        (1e300, "1e+300"),
        (-2.5e-12, "-2.5e-12"),
        (0.0, "0"),
        (-0.0, "0"),
        (1234567, "1234567"),
        (48213.5, "48213.5"),
        (1 / 3, "0.333333"),
        (5e-324, "5e-324"),
    ):
        detail = decided({**METRIC, "value": 17}, evidence(measured(value)))[1]
        assert f" is {text}; " in detail


@pytest.mark.parametrize("gate", [METRIC, {**METRIC, "dataset": DATA.upper()}])
def test_the_newest_report_that_counts_decides_even_when_it_is_worse(gate: dict[str, Any]) -> None:
    better, worse = measured(0.95, at=1), measured(0.89, at=2)
    assert decided(gate, evidence(better, worse))[0] is False
    assert decided(gate, evidence(worse, better))[0] is False
    newer_by_alice = measured(0.99, by=ALICE, at=3)
    assert decided({**gate, **BY_CI}, evidence(better, worse, newer_by_alice))[0] is False
    assert decided(gate, evidence(better, worse, newer_by_alice))[0] is True


@pytest.mark.parametrize(
    ("reporter", "counts"),
    [
        (CI, {"identities": True, "groups": False}),
        (Reporter("CI-BOT", frozenset({"x"})), {"identities": True, "groups": False}),
        (Reporter("eve", frozenset({"EVALUATORS"})), {"identities": False, "groups": True}),
        (Reporter("evaluators"), {"identities": False, "groups": False}),
        (Reporter("alice", frozenset({"ci-bot"})), {"identities": False, "groups": False}),
        (Reporter("ci-bot", frozenset({"evaluators"}), disabled=True), {}),
    ],
)
def test_only_reports_of_those_who_are_permitted_and_not_disabled_count(
    reporter: Reporter, counts: dict[str, bool]
) -> None:
    found = evidence(
        measured(0.99, by=reporter, at=2),
        measured(0.99, by=reporter, version=THEIRS),
        checks=(checked("success", by=reporter),),
    )
    for kind, rule in (("identities", BY_CI), ("groups", BY_GROUP)):
        for gate in (METRIC, BASELINE, CHECK):
            assert decided({**gate, **rule}, found)[0] is counts.get(kind, False), (gate, rule)
    for gate in (METRIC, BASELINE, CHECK):
        assert decided(gate, found)[0] is not reporter.disabled


def test_a_metric_that_nobody_permitted_has_reported_says_who_may() -> None:
    who = {"reported_by": {"identities": ["ci-bot", "eval"], "groups": ["evaluators"]}}
    assert decided({**METRIC, **who}, evidence()) == (
        False,
        "auc on holdout was never reported for version 7; ci-bot, eval or a member of evaluators "
        "may report it.",
    )
    by_alice = evidence(measured(0.99, by=ALICE), measured(0.98, by=Reporter("bob"), at=2))
    assert decided({**METRIC, **who}, by_alice) == (
        False,
        "auc on holdout was reported for version 7 by alice and bob only, and that does not count; "
        "ci-bot, eval or a member of evaluators must report it.",
    )
    other = evidence(
        measured(0.99, dataset="train"), measured(0.99, metric="f1"), measured(0.9, version=THEIRS)
    )
    assert decided(METRIC, other) == (
        False,
        "auc on holdout was never reported for version 7; anybody may report it.",
    )


def test_a_versions_own_metrics_are_the_word_of_all_its_authors() -> None:
    gate = {"type": "metric", "metric": "auc", "op": ">=", "value": 0.9}
    recipe = {"metrics": {"auc": 0.934}}
    detail = "auc is 0.934; 0.9 or more is asked for (the version's own metric)."
    assert decided(gate, evidence(recipe=recipe)) == (True, detail)
    by_ci = {**gate, **BY_CI}
    assert decided(by_ci, evidence(recipe=recipe, authors=(CI,))) == (True, detail)
    assert decided(by_ci, evidence(recipe=recipe, authors=(CI, ALICE))) == (
        False,
        "The version's own auc is the word of alice; only that of CI-Bot counts.",
    )
    assert decided(by_ci, evidence(recipe=recipe))[0] is False
    disabled = Reporter("ci-bot", disabled=True)
    assert decided(by_ci, evidence(recipe=recipe, authors=(disabled,)))[0] is False
    assert decided(gate, evidence(measured(0.99))) == (
        False,
        "Version 7 has no metric auc of its own.",
    )
