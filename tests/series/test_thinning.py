"""What is thinned out for a chart keeps its ends and its extremes, and invents nothing."""

import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.core.runtime import Runtime
from app.series.rules import Contradiction, NewPoint, buckets_for, distinct, told
from tests.counting import statements
from tests.factories import pointers, problem
from tests.promotions.acting import People, registered
from tests.series.measuring import SERIES, Sql, curve, fill, logged, pairs, points


async def test_a_curve_is_thinned_to_at_most_so_many_of_its_own_points(people: People) -> None:
    await registered(people)
    chance = random.Random(7)
    steps = sorted(chance.sample(range(2**40), 3000))
    whole = [(step, chance.uniform(-1, 1)) for step in steps]
    await logged(people.ci, [{"key": "loss", "step": s, "value": v} for s, v in whole])
    for most in (4, 5, 10, 101, 1000, 2999):
        found = await curve(people.carol, "loss", max_points=most)
        kept = pairs(found)
        assert most / 2 <= len(kept) <= most
        assert kept == sorted(kept)
        assert set(kept) <= set(whole)
        assert (kept[0], kept[-1]) == (whole[0], whole[-1])
        assert min(whole, key=lambda each: each[1]) in kept
        assert max(whole, key=lambda each: each[1]) in kept
        assert (found["downsampled"], found["count_in_range"]) == (True, 3000)
    found = await curve(people.carol, "loss", max_points=3000)
    assert (pairs(found), found["downsampled"]) == (whole, False)
    assert pairs(await curve(people.carol, "loss", max_points=2)) == [whole[0], whole[-1]]
    assert pairs(await curve(people.carol, "loss", max_points=3)) == [whole[0], whole[-1]]


async def test_any_curve_keeps_its_ends_and_its_extremes_in_any_range(
    people: People, sql: Sql
) -> None:
    await registered(people)
    (series,) = (await logged(people.ci, points("loss", 0)))["series"]
    assert series["count"] == 1
    values = st.one_of(
        st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, -0.0, 1.0, -1.0])
    )
    steps = st.one_of(st.integers(0, 60), st.integers(0, 2**53 - 1))
    curves = st.dictionaries(steps, values, min_size=1, max_size=60)
    examples = []

    @given(curves, st.integers(4, 40), st.integers(0, 59), st.integers(0, 59))
    @hypothesis_settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    def remember(found: dict[int, float], most: int, a: int, b: int) -> None:
        examples.append((found, most, a, b))

    remember()
    for index, (drawn, most, a, b) in enumerate(examples):
        key = f"curve {index}"
        await logged(people.ci, [{"key": key, "step": s, "value": v} for s, v in drawn.items()])
        whole = sorted(drawn.items())
        ends = sorted((whole[a % len(whole)][0], whole[b % len(whole)][0]))
        for low, high in ((None, None), ends):
            query = {} if low is None else {"from_step": low, "to_step": high}
            inside = [each for each in whole if low is None or low <= each[0] <= high]
            found = await curve(people.carol, key, max_points=most, **query)
            kept = pairs(found)
            assert len(kept) <= most
            assert found["count_in_range"] == len(inside)
            assert [step for step, _ in kept] == sorted({step for step, _ in kept})
            assert set(kept) <= set(inside)
            assert (kept[0], kept[-1]) == (inside[0], inside[-1])
            shown = [value for _, value in kept]
            assert min(shown) == min(value for _, value in inside)
            assert max(shown) == max(value for _, value in inside)
            if len(inside) <= most:
                assert kept == inside


async def test_a_range_of_steps_is_shown_alone(people: People) -> None:
    await registered(people)
    await logged(people.ci, points("loss", *range(10)))
    found = await curve(people.carol, "loss", from_step=3, to_step=5)
    assert pairs(found) == [(3, 3.0), (4, 4.0), (5, 5.0)]
    assert (found["count"], found["count_in_range"]) == (10, 3)
    assert pairs(await curve(people.carol, "loss", from_step=8)) == [(8, 8.0), (9, 9.0)]
    nothing = await curve(people.carol, "loss", from_step=20)
    assert (nothing["points"], nothing["downsampled"]) == ([], False)


async def test_a_long_curve_is_thinned_by_postgresql(
    people: People, sql: Sql, runtime: Runtime
) -> None:
    await registered(people)
    await logged(people.ci, points("loss", 0.5))
    await fill(sql, "loss", 200_000, "case step when 777 then -9 when 131071 then 9 else 0.5 end")
    with statements(runtime) as sent:
        found = await curve(people.carol, "loss")
    assert len(sent) <= 4
    kept = pairs(found)
    assert len(kept) <= 1000
    assert {(0, 0.5), (777, -9.0), (131_071, 9.0), (199_999, 0.5)} <= set(kept)


async def test_a_curve_that_there_is_not_is_a_404_that_says_where_they_are_listed(
    people: People,
) -> None:
    await registered(people)
    told = problem(await people.carol.get(SERIES, params={"key": "loss"}), 404, "not-found")
    assert "lists those" in told["detail"]


@pytest.mark.parametrize("most", [1, 0, -5, 10_001])
async def test_a_chart_has_two_to_ten_thousand_points(people: People, most: int) -> None:
    await registered(people)
    found = await people.carol.get(SERIES, params={"key": "loss", "max_points": most})
    assert pointers(problem(found, 422, "invalid-request")) == {"max_points"}


@given(st.integers(2, 10_000))
def test_the_buckets_and_the_ends_fit(most: int) -> None:
    assert 2 + 2 * buckets_for(most) <= most
    assert buckets_for(most) >= 1 or most < 4


sent = st.lists(
    st.builds(
        NewPoint,
        key=st.sampled_from("ab"),
        step=st.integers(0, 4),
        value=st.sampled_from([0.0, -0.0, 1.0]),
        at=st.none(),
    ),
    max_size=12,
)


@given(sent)
def test_points_are_distinct_or_contradict_one_another(points: list[NewPoint]) -> None:
    values: dict[tuple[str, int], set[float]] = {}
    for point in points:
        values.setdefault((point.key, point.step), set()).add(point.value)
    found = distinct(points)
    if isinstance(found, Contradiction):
        first, second = points[found.first], points[found.second]
        assert (first.key, first.step) == (second.key, second.step)
        assert first.value != second.value
    else:
        assert all(len(each) == 1 for each in values.values())
        assert [(each.key, each.step) for each in found] == sorted(values)


def test_an_event_names_some_of_many_series() -> None:
    found = told([f"{i:04}" for i in range(150)])
    assert (found["points"], found["series"]) == (150, 150)
    assert len(found["keys"]) == 100  # type: ignore[arg-type]
