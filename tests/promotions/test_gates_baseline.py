"""A baseline gate on plain values: what is compared with what, and how sure it must be."""

from typing import Any

import pytest

from app.promotions.rules.gates import (
    Holder,
)
from tests.promotions.evidence import (
    BASELINE,
    MINE,
    OTHER_DATA,
    THEIRS,
    decided,
    evidence,
    measured,
)


@pytest.mark.parametrize(
    ("value", "baseline", "allowed", "higher", "passes", "verdict"),
    [
        (0.934, 0.921, 0, True, True, "0.013 better"),
        (0.921, 0.921, 0, True, True, "just as good"),
        (0.92, 0.921, 0, True, False, "0.001 worse, and nothing is allowed"),
        (0.89, 0.90, 0.01, True, True, "0.01 worse, and 0.01 is allowed"),
        (
            0.8899999999,
            0.90,
            0.01,
            True,
            False,
            "0.0100000001 worse, and 0.01 is allowed",
        ),
        (0.2, 0.21, 0, False, True, "0.01 better"),
        (0.3, 0.2, 0.1, False, True, "0.1 worse, and 0.1 is allowed"),
        (0.31, 0.2, 0.1, False, False, "0.11 worse, and 0.1 is allowed"),
        (1e300, -1e300, 0, True, True, "2e+300 better"),
        (-1e-20, 1e20, 1e20, True, False, None),
    ],
)
def test_a_version_is_compared_with_the_one_in_use(
    value: float, baseline: float, allowed: float, higher: bool, passes: bool, verdict: str | None
) -> None:
    gate = {**BASELINE, "higher_is_better": higher, "max_regression": allowed}
    found = evidence(measured(value), measured(baseline, version=THEIRS))
    passed, detail = decided(gate, found)
    assert passed is passes
    if verdict is not None:
        assert detail.startswith("Version 6, which holds production, has ")
        assert " on the same data (9f86d0…); version 7 has " in detail
        assert detail.endswith(f": {verdict}.")


def test_only_measurements_on_the_same_bytes_are_compared() -> None:
    theirs_elsewhere = measured(0.5, version=THEIRS, sha256=OTHER_DATA)
    assert decided(BASELINE, evidence(measured(0.99), theirs_elsewhere)) == (
        False,
        "Version 6, which holds production, was measured on other data (ab1200…) than version 7 "
        "(9f86d0…): for auc on holdout, measure version 7 on ab1200… or version 6 on 9f86d0….",
    )
    # Of several data sets of one name, the one that both know and the candidate was last on.
    passed, detail = decided(
        BASELINE,
        evidence(
            measured(0.7, at=1, sha256=OTHER_DATA),
            measured(0.8, at=2),
            measured(0.99, at=3, sha256="c" * 64),
            measured(0.6, at=9, version=THEIRS, sha256=OTHER_DATA),
            measured(0.9, at=8, version=THEIRS),
        ),
    )
    assert not passed
    assert detail.endswith(
        "has 0.9 on the same data (9f86d0…); version 7 has 0.8: 0.1 worse, and nothing is allowed."
    )
    # A digest means data whatever its name.
    by_digest = {**BASELINE, "dataset": OTHER_DATA}
    renamed = measured(0.9, sha256=OTHER_DATA, dataset="another name")
    assert decided(by_digest, evidence(renamed, theirs_elsewhere))[0] is True
    assert decided(by_digest, evidence(measured(0.99), theirs_elsewhere))[0] is False


def test_what_was_not_measured_or_names_no_digest_cannot_be_compared() -> None:
    mine, theirs = measured(0.99), measured(0.5, version=THEIRS)
    nothing_of = "auc on holdout was never reported for version"
    holder = "6, which holds production"
    may = "anybody may report it."
    assert decided(BASELINE, evidence(mine))[1] == f"{nothing_of} {holder}; {may}"
    assert decided(BASELINE, evidence(theirs))[1] == f"{nothing_of} 7; {may}"
    assert decided(BASELINE, evidence())[1] == (
        f"{nothing_of} {holder}; {may} {nothing_of} 7; {may}"
    )
    bare = measured(0.5, version=THEIRS, sha256=None)
    assert decided(BASELINE, evidence(mine, bare)) == (
        False,
        "There is no digest of the data in what was reported of auc on holdout for version 6, "
        "which holds production: report it with the sha256 of the data set, so that it can be "
        "known to be the same data.",
    )
    assert decided(BASELINE, evidence(measured(0.99, sha256=None), bare))[0] is False


def test_where_nobody_is_compared_with_the_policy_says_what_follows() -> None:
    free = evidence(measured(0.9), holders={"production": (), "@champion": ()})
    assert decided(BASELINE, free) == (
        False,
        "No version holds production now, so there is nothing to compare with.",
    )
    lenient = {**BASELINE, "if_no_baseline": "pass"}
    assert decided(lenient, free) == (
        True,
        "No version holds production now, so nothing is compared.",
    )
    assert decided({**lenient, "against": "@champion"}, free)[0] is True
    assert decided({**lenient, "against": "staging"}, free) == (
        False,
        "There is no stage staging to compare with.",
    )
    crowd = evidence(holders={"production": (Holder(THEIRS, 6), Holder(MINE, 7))})
    assert decided(lenient, crowd) == (
        False,
        "Several versions hold production; only one can be compared with.",
    )


def test_a_version_is_not_compared_with_itself() -> None:
    itself = evidence(holders={"@champion": (Holder(MINE, 7),)})
    assert decided({**BASELINE, "against": "@champion"}, itself) == (
        False,
        "No other version is @champion now, so there is nothing to compare with.",
    )
    first = {**BASELINE, "against": "@champion", "if_no_baseline": "pass"}
    assert decided(first, itself)[0] is True


def test_with_confidence_the_bound_decides_and_all_numbers_are_told() -> None:
    gate = {**BASELINE, "max_regression": 0.005, "confidence": 0.95}
    sure = evidence(measured(0.934, stderr=0.0024), measured(0.921, version=THEIRS, stderr=0.0032))
    assert decided(gate, sure) == (
        True,
        "Version 6, which holds production, has 0.921 on the same data (9f86d0…); version 7 has "
        "0.934. The difference is +0.013 with a standard error of 0.004; with 95 % confidence it "
        "is at least +0.00642059, and -0.005 is allowed.",
    )
    unsure = evidence(measured(0.934, stderr=0.03), measured(0.921, version=THEIRS, stderr=0.04))
    passed, detail = decided(gate, unsure)
    assert not passed
    assert detail.endswith("it is at least -0.0692427, and -0.005 is allowed.")
    losses = {**gate, "higher_is_better": False, "max_regression": 0}
    better = evidence(measured(0.2, stderr=0.001), measured(0.21, version=THEIRS, stderr=0.001))
    passed, detail = decided(losses, better)
    assert passed
    assert "The improvement (lower is better) is +0.01 with" in detail
    assert detail.endswith("and nothing below 0 is allowed.")


def test_a_share_of_n_is_as_sure_as_n_allows() -> None:
    gate = {**BASELINE, "confidence": 0.95}
    few = evidence(measured(0.95, n=100), measured(0.90, n=100, version=THEIRS))
    many = evidence(measured(0.95, n=10_000), measured(0.90, n=10_000, version=THEIRS))
    assert decided(gate, few)[0] is False
    assert decided(gate, many)[0] is True
    # All of a few right is no proof of never being wrong: the error is not zero.
    perfect = evidence(measured(1.0, n=1), measured(0.99, n=10_000, version=THEIRS))
    assert decided(gate, perfect)[0] is False


@pytest.mark.parametrize(
    ("mine", "theirs", "whose"),
    [
        ({}, {"stderr": 0.1}, "version 7"),
        ({"stderr": 0.1}, {}, "version 6, which holds production"),
        ({}, {"n": 0}, "version 6, which holds production and for version 7"),
        ({"stderr": -1.0}, {"stderr": 0.1}, "version 7"),
    ],
)
def test_confidence_takes_an_error_or_a_count_of_both(
    mine: dict[str, Any], theirs: dict[str, Any], whose: str
) -> None:
    found = evidence(measured(0.9, **mine), measured(0.5, version=THEIRS, **theirs))
    assert decided({**BASELINE, "confidence": 0.9}, found) == (
        False,
        f"How sure auc is cannot be told for {whose}: report it with its stderr, or with n where "
        "it is a share between 0 and 1.",
    )


def test_a_count_says_nothing_of_what_is_no_share() -> None:
    found = evidence(measured(17.0, n=50), measured(12.0, n=50, version=THEIRS))
    assert decided({**BASELINE, "confidence": 0.9}, found)[0] is False
    assert decided(BASELINE, found)[0] is True


def test_huge_errors_and_confidences_close_to_one_do_not_break() -> None:
    gate = {**BASELINE, "confidence": 0.9999999999999999}
    found = evidence(
        measured(1e308, stderr=1.7e308), measured(-1e308, version=THEIRS, stderr=1.7e308)
    )
    passed, detail = decided(gate, found)
    assert not passed
    assert "with 99.99999999999999 % confidence" in detail
