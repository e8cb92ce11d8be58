"""What holds of gates whatever the numbers, reports and files are."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.policies.gates.formats import KNOWN_FORMATS, is_of
from app.promotions.rules.gates import Measured, Reporter
from app.promotions.rules.gates.numbers import difference, exact, shown
from tests.promotions.evidence import (
    BASELINE,
    DATA,
    MINE,
    OTHER_DATA,
    THEIRS,
    decided,
    evidence,
    measured,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(min_value=0, max_value=1)
errors = st.floats(min_value=0, max_value=10)
regressions = st.one_of(st.just(0.0), st.floats(min_value=0, max_value=1e6))
confidences = st.floats(min_value=0.5, max_value=1, exclude_min=True, exclude_max=True)
names = st.text("abc.-PKLpkltorchz", min_size=1, max_size=12)
entries = st.one_of(st.sampled_from(sorted(KNOWN_FORMATS)), st.just(".abc"), st.just(".pkl"))


def passes(
    mine: Measured, theirs: Measured, *, higher: bool = True, **settings_of_gate: Any
) -> bool:
    gate = {**BASELINE, "higher_is_better": higher, **settings_of_gate}
    return decided(gate, evidence(mine, replace(theirs, version_id=THEIRS)))[0]


@given(finite, finite, finite, regressions, st.booleans())
def test_doing_better_never_turns_a_passing_baseline_into_a_failing_one(
    value: float, better: float, baseline: float, allowed: float, higher: bool
) -> None:
    low, high = sorted((value, better))
    worse, best = (low, high) if higher else (high, low)
    theirs = measured(baseline)
    before = passes(measured(worse), theirs, higher=higher, max_regression=allowed)
    after = passes(measured(best), theirs, higher=higher, max_regression=allowed)
    assert after or not before


@given(finite, st.booleans())
def test_doing_just_as_well_passes(value: float, higher: bool) -> None:
    assert passes(measured(value), measured(value), higher=higher)


@given(finite, finite, regressions)
def test_a_regression_is_compared_without_rounding(
    value: float, baseline: float, allowed: float
) -> None:
    expected = exact(value).as_integer_ratio(), exact(baseline).as_integer_ratio()
    (a, b), (c, d) = expected
    e, f = exact(allowed).as_integer_ratio()
    # a/b - c/d >= -e/f, in whole numbers
    assert passes(measured(value), measured(baseline), max_regression=allowed) is (
        a * d * f - c * b * f + e * b * d >= 0
    )


@given(shares, shares, errors, errors, errors, confidences, regressions)
def test_a_larger_error_never_helps(
    value: float,
    baseline: float,
    error: float,
    more: float,
    other: float,
    sure: float,
    allowed: float,
) -> None:
    less, greater = sorted((error, more))
    theirs = measured(baseline, stderr=other)
    how: dict[str, Any] = {"confidence": sure, "max_regression": allowed}
    if passes(measured(value, stderr=greater), theirs, **how):
        assert passes(measured(value, stderr=less), theirs, **how)
    mine = measured(value, stderr=other)
    if passes(mine, measured(baseline, stderr=greater), **how):
        assert passes(mine, measured(baseline, stderr=less), **how)


@given(shares, shares, errors, errors, confidences, confidences)
def test_more_confidence_never_helps_and_none_asks_for_least(
    value: float, baseline: float, error: float, other: float, sure: float, surer: float
) -> None:
    less, more = sorted((sure, surer))
    mine, theirs = measured(value, stderr=error), measured(baseline, stderr=other)
    if passes(mine, theirs, confidence=more):
        assert passes(mine, theirs, confidence=less)
    if passes(mine, theirs, confidence=less):
        assert passes(mine, theirs)


@given(finite, finite, st.floats(min_value=0, allow_infinity=False), confidences)
def test_a_verdict_comes_with_a_sentence_whatever_the_numbers(
    value: float, baseline: float, error: float, sure: float
) -> None:
    mine, theirs = measured(value, stderr=error), measured(baseline, stderr=error, version=THEIRS)
    for gate in (BASELINE, {**BASELINE, "confidence": sure}):
        detail = decided(gate, evidence(mine, theirs))[1]
        assert detail.endswith(".")
        assert "nan" not in detail.lower()
        assert len(detail) < 600


reports = st.lists(
    st.builds(
        measured,
        shares,
        version=st.sampled_from([MINE, THEIRS]),
        by=st.sampled_from(
            [Reporter("ci-bot"), Reporter("alice"), Reporter("ci-bot", disabled=True)]
        ),
        sha256=st.sampled_from([DATA, OTHER_DATA, None]),
        dataset=st.sampled_from(["holdout", "train"]),
    ),
    max_size=12,
).map(lambda found: [replace(each, id=UUID(int=n)) for n, each in enumerate(found)])


@settings(max_examples=200)
@given(reports, st.randoms(use_true_random=False), st.sampled_from(["baseline", "metric"]))
def test_reports_count_by_when_they_were_made_and_by_whom_not_by_their_order(
    found: list[Measured], random: Any, kind: str
) -> None:
    gate = {**BASELINE, "reported_by": {"identities": ["ci-bot"]}}
    if kind == "metric":
        gate = {"type": "metric", "metric": "auc", "dataset": "holdout", "op": ">", "value": 0.5}
        gate["reported_by"] = {"identities": ["ci-bot"]}
    shuffled = random.sample(found, len(found))
    verdict = decided(gate, evidence(*found))
    assert decided(gate, evidence(*shuffled)) == verdict
    permitted = [r for r in found if r.by == Reporter("ci-bot") and r.dataset == "holdout"]
    assert decided(gate, evidence(*permitted))[0] is verdict[0]


@settings(max_examples=200)
@given(st.lists(names, max_size=6), names, st.lists(entries, min_size=1, max_size=3))
def test_one_more_file_never_makes_formats_pass(
    files: list[str], one_more: str, asked: list[str]
) -> None:
    more = [*files, one_more]
    for kind in ("deny", "allow"):
        gate = {"type": "formats", kind: asked}
        assume(kind == "deny" or files)
        if decided(gate, evidence(files=tuple(more)))[0]:
            assert decided(gate, evidence(files=tuple(files)))[0]
    everything = {"type": "formats", "deny": asked}
    assert decided(everything, evidence(files=tuple(files)))[0] is not any(
        is_of(path, entry) for path in files for entry in asked
    )


@given(st.lists(finite, min_size=1, max_size=4))
def test_different_numbers_look_different_and_equal_ones_alike(values: list[float]) -> None:
    numbers = [exact(value) for value in values]
    texts = shown(*numbers)
    assert len(set(texts)) == len(set(numbers))
    for number, text in zip(numbers, texts, strict=True):
        error = abs(difference(Decimal(text), number))
        assert error <= abs(number) * Decimal("0.00001")
