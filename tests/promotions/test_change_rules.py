"""What differs between two recipes, on plain values: cases, and properties that hold for all."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.canonical import canonical
from app.promotions.rules.changes import (
    Change,
    Row,
    compare,
    dataset_changes,
    difference,
    differences,
    flattened,
    same,
    step_changes,
)

RECIPE: dict[str, Any] = {
    "params": {},
    "metrics": {},
    "code": None,
    "datasets": [],
    "preprocessing": [],
    "environment": None,
    "seed": None,
    "signature": None,
    "source": None,
}
# The first numbers take long to draw, on a machine with other work.
in_its_time = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
numbers = st.one_of(
    st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
names = st.text(alphabet="ab.`é", max_size=3)
leaves = st.one_of(st.none(), st.booleans(), numbers, st.text("xy", max_size=2))
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
params = st.dictionaries(names, values, max_size=4)
digests = st.sampled_from(["aa" * 32, "bb" * 32, None])
datasets = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["train", "test"]), "name": st.sampled_from("ab")},
        optional={"sha256": digests, "rows": st.sampled_from([1, 2])},
    ),
    max_size=5,
)
steps = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc")}, optional={"sha256": digests}),
    max_size=5,
)


def swapped(rows: list[Row]) -> list[Row]:
    turned = {Change.ADDED: Change.GONE, Change.GONE: Change.ADDED}
    return in_order(
        [
            replace(r, change=turned.get(r.change, r.change), before=r.after, after=r.before)
            for r in rows
        ]
    )


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=repr)


def applied(rows: list[Row], before: dict[str, Any]) -> dict[str, Any]:
    found = dict(before)
    for row in rows:
        if row.change is Change.GONE:
            assert same(found.pop(row.key), row.before)
        else:
            assert row.change is (Change.CHANGED if row.key in found else Change.ADDED)
            found[row.key] = row.after
    return found


@in_its_time
@given(before=params, after=params)
def test_the_rows_lead_from_the_one_to_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    rows = differences(flattened(before), flattened(after))
    assert canonical(applied(rows, flattened(before))) == canonical(flattened(after))
    assert len({row.key for row in rows}) == len(rows)


@in_its_time
@given(tree=params, other=params)
def test_two_objects_flatten_to_the_same_only_where_they_are_the_same(
    tree: dict[str, Any], other: dict[str, Any]
) -> None:
    assert same(flattened(tree), flattened(other)) == (canonical(tree) == canonical(other))
    assert differences(flattened(tree), flattened(tree)) == []


@in_its_time
@given(before=params, after=params)
def test_swapping_the_two_swaps_every_row(before: dict[str, Any], after: dict[str, Any]) -> None:
    there = differences(flattened(before), flattened(after))
    assert in_order(differences(flattened(after), flattened(before))) == swapped(there)


@in_its_time
@given(before=datasets, after=datasets)
def test_data_are_matched_the_same_in_both_directions(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    there = dataset_changes(before, after)
    assert in_order(dataset_changes(after, before)) == swapped(there)
    added = sum(r.change is Change.ADDED for r in there)
    gone = sum(r.change is Change.GONE for r in there)
    assert len(before) - gone + added == len(after)
    assert dataset_changes(before, before[::-1]) == []


@in_its_time
@given(before=steps, after=steps)
def test_steps_are_matched_the_same_in_both_directions(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    assert in_order(step_changes(after, before)) == swapped(step_changes(before, after))
    assert step_changes(before, before) == []
    assert (step_changes(before, after) == []) == (before == after)


@in_its_time
@given(before=numbers, after=numbers)
def test_a_difference_turns_its_sign(before: float, after: float) -> None:
    there, back = difference(before, after), difference(after, before)
    assert there == (None if back is None else -back)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (0.921, 0.934, 0.013),
        (0.3, 0.1, -0.2),
        (1, 1.5, 0.5),
        (5, 5, 0),
        (None, 0.9, None),
        (0.9, None, None),
        (-1.7e308, 1.7e308, None),
    ],
)
def test_differences_are_decimal(
    before: float | None, after: float | None, found: float | None
) -> None:
    assert difference(before, after) == found


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (1, 1.0, True),
        (1, True, False),
        ([0], [False], False),
        ({"a": [1]}, {"a": [True]}, False),
        ([], {}, False),
        (None, 0, False),
        ("1", 1, False),
    ],
)
def test_json_values_are_the_same_or_not(one: Any, other: Any, found: bool) -> None:
    assert same(one, other) is found


@pytest.mark.parametrize(
    ("tree", "flat"),
    [
        ({"a": {"b": 1, "c": {"d": None}}}, {"a.b": 1, "a.c.d": None}),
        ({"a": {}, "b": [{"c": 1}]}, {"a": {}, "b": [{"c": 1}]}),
        ({"a.b": 1, "a": {"b": 2}}, {"`a.b`": 1, "a.b": 2}),
        ({"a": {"": 1}, "`": 2}, {"a.``": 1, "````": 2}),
    ],
)
def test_paths_name_leaves(tree: dict[str, Any], flat: dict[str, Any]) -> None:
    assert flattened(tree) == flat


def test_null_says_nothing_of_code_and_something_of_a_parameter() -> None:
    after = {**RECIPE, "params": {"a": None}, "code": {"commit": "3f2c", "branch": None}}
    found = compare(RECIPE, after)
    assert found["params"] == [Row("a", Change.ADDED, None, None)]
    assert found["code"] == [Row("commit", Change.ADDED, None, "3f2c")]


def test_seed_signature_and_source_are_told_too() -> None:
    before = {**RECIPE, "seed": 7, "signature": {"inputs": [1], "outputs": {"p": "float"}}}
    after = {**RECIPE, "source": "s3://x", "signature": {"inputs": [2], "outputs": {"p": "float"}}}
    assert compare(before, after)["other"] == [
        Row("seed", Change.GONE, 7, None),
        Row("signature.inputs", Change.CHANGED, [1], [2]),
        Row("source", Change.ADDED, None, "s3://x"),
    ]


def test_a_data_set_with_other_bytes_has_changed_and_not_come_and_gone() -> None:
    before = [{"role": "train", "name": "a", "sha256": "aa"}, {"role": "test", "name": "b"}]
    after = [{"role": "train", "name": "a", "sha256": "bb"}, {"role": "other", "name": "b"}]
    assert dataset_changes(before, after) == [
        Row("other b", Change.ADDED, None, after[1]),
        Row("test b", Change.GONE, before[1], None),
        Row("train a", Change.CHANGED, before[0], after[0]),
    ]


def test_of_several_with_one_name_the_digest_says_which_is_which() -> None:
    one = {"role": "train", "name": "a", "sha256": "aa"}
    two = {"role": "train", "name": "a", "sha256": "bb", "rows": 2}
    grown = {**two, "rows": 3}
    assert dataset_changes([one, two], [grown]) == [
        Row("train a", Change.CHANGED, two, grown),
        Row("train a", Change.GONE, one, None),
    ]


def test_steps_that_changed_places_have_moved_and_those_that_made_room_have_not() -> None:
    a, b, c = ({"name": name} for name in "abc")
    found = step_changes([a, b], [c, b, a])
    assert [(r.key, r.change, r.before and r.before["position"]) for r in found] == [
        ("a", Change.MOVED, 1),
        ("b", Change.MOVED, 2),
        ("c", Change.ADDED, None),
    ]
    assert [r.key for r in step_changes([a, b], [c, a, b])] == ["c"]
