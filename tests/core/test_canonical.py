"""Canonical JSON is the same by both ways: of a value, and of a JSON text that has it."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.canonical import canonical, recanonical

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
EDGES = st.sampled_from([0.0, -0.0, 1e16, 1e21, 1e22, 1e-5, 1e-6, 1e-7, 5e-324, 1.5e300, 0.1, 3.0])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | EDGES
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=30,
)


@given(VALUES, st.booleans(), st.booleans())
@example({"\ue000": 1, "\U00010000": 1.5, "\ud7ff": 2**53}, False, True)
@example(["\\u0000", '"\\u00001.5', "\\", '"', "1.5", 1.5, {"\\u0000": 1e300}], True, False)
@example(2**53, True, True)
@example(-(2**64), True, True)
def test_a_text_has_the_canonical_json_of_its_value(
    value: Any, ascii_only: bool, spaced: bool
) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
    try:
        exact = canonical(value)
    except OverflowError:  # an integer that is no double
        with pytest.raises(ValueError, match="too large"):
            recanonical(text)
    else:
        assert recanonical(text) == exact


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nul",
        '{"a": 1,}',
        "NaN",
        "[Infinity]",
        "1e999",
        '"\\u0000"',
        '"\\u00001.5"',
        '{"a\\u0000": 1}',
        '"\\ud800"',
        "9" * 400,
        "9" * 5000,
        "[" * 100_000,
    ],
)
def test_what_no_record_can_hold_has_no_canonical_json(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever says so
        recanonical(text)
