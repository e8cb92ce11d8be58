"""Learning curves: points are added, never changed, and the same one twice is one."""

import asyncio

import pytest

from app.core.runtime import Runtime
from app.series import rules
from tests.counting import statements
from tests.factories import events, make_draft, make_model, make_ready, pointers, problem
from tests.promotions.acting import VERSIONS, People, registered
from tests.series.measuring import SERIES, Sql, curve, listed, log, logged, pairs, points

MOST_STEP = 2**53 - 1


async def test_points_are_shown_by_step_however_they_were_sent(people: People) -> None:
    await registered(people)
    made = await log(
        people.ci, [*points("loss", 0.9, 0.5, 0.6), *points("auc", 0.7, start=5)][::-1]
    )
    assert made.status_code == 201, made.text
    assert made.headers["version-number"] == "1"
    loss = {"key": "loss", "count": 3, "first_step": 0, "last_step": 2, "last_value": 0.6}
    loss |= {"min": 0.5, "max": 0.9}
    shown = made.json()
    assert (shown["added"], shown["repeated"]) == (4, 0)
    assert [each["key"] for each in shown["series"]] == ["auc", "loss"]
    assert shown["series"][1] == {**loss, "updated_at": shown["series"][1]["updated_at"]}
    found = await curve(people.carol, "loss")
    assert pairs(found) == [(0, 0.9), (1, 0.5), (2, 0.6)]
    assert {name: found[name] for name in loss} == loss
    assert (found["count_in_range"], found["downsampled"]) == (3, False)
    assert await listed(people.carol) == shown["series"]


async def test_a_point_has_the_time_that_was_said_or_that_of_its_arrival(people: People) -> None:
    await registered(people)
    made_at = (await people.carol.get(f"{VERSIONS}/1")).json()["created_at"]
    said = {"key": "loss", "step": 1, "value": 1, "time": "2026-11-23T10:30:00+01:00"}
    await logged(people.ci, [said, {"key": "loss", "step": 2, "value": 1}])
    first, second = (await curve(people.carol, "loss"))["points"]
    assert first == {"step": 1, "value": 1.0, "time": "2026-11-23T09:30:00.000000Z"}
    (event,) = await events(people.carol, action="version.series_added")
    assert made_at < second["time"] < event["at"]


async def test_a_repeated_call_adds_nothing_and_is_accepted(people: People) -> None:
    await registered(people)
    first = [{**each, "time": "2026-11-01T00:00:00Z"} for each in points("loss", 0.9, 0.5)]
    await logged(people.ci, first)
    before = await curve(people.carol, "loss")
    again = await logged(people.ci, points("loss", 0.9, 0.5))
    assert (again["added"], again["repeated"]) == (0, 2)
    assert await curve(people.carol, "loss") == before
    further = await logged(people.ci, points("loss", 0.9, 0.5, 0.4))
    assert (further["added"], further["repeated"]) == (1, 2)
    told = await events(people.carol, action="version.series_added")
    assert [each["details"]["points"] for each in told] == [2, 1]


async def test_another_value_for_a_step_is_refused_and_nothing_of_the_call_is_kept(
    people: People,
) -> None:
    await registered(people)
    await logged(people.ci, points("loss", 0.9, 0.5))
    differs = [*points("new", 1), *points("loss", 0.9, 0.25, 0.1)]
    told = problem(await log(people.ci, differs), 409, "point-differs")
    for part in ("Step 1", "`loss`", "0.5", "0.25"):
        assert part in told["detail"]
    assert [each["key"] for each in await listed(people.carol)] == ["loss"]
    assert pairs(await curve(people.carol, "loss")) == [(0, 0.9), (1, 0.5)]
    assert len(await events(people.carol, action="version.series_added")) == 1


async def test_two_values_for_a_step_in_one_call_are_pointed_at(people: People) -> None:
    await registered(people)
    twice = [*points("loss", 0.5), *points("auc", 0.5), *points("loss", 0.4)]
    told = problem(await log(people.ci, twice), 422, "invalid-request")
    assert pointers(told) == {"/points/2/value"}
    assert "/points/0" in told["errors"][0]["detail"]
    same = await logged(people.ci, [*points("loss", 0.5), *points("loss", 0.5)])
    assert (same["added"], same["repeated"]) == (1, 1)


async def test_a_call_is_one_event_that_tells_how_many_and_no_values(people: People) -> None:
    await registered(people)
    await logged(people.ci, [*points("loss", 0.123456, 0.5), *points("auc", 0.7)])
    (told,) = await events(people.carol, action="version.series_added")
    assert (told["actor"], told["subject"], told["version"]) == ("ci", "version:churn/1", 1)
    assert told["details"] == {"points": 3, "series": 2, "keys": {"auc": 1, "loss": 2}}


async def test_measuring_a_draft_makes_nobody_an_author_and_changes_nothing_of_it(
    people: People,
) -> None:
    await make_model(people.admin)
    await make_draft(people.alice)
    before = await people.carol.get(f"{VERSIONS}/1")
    await logged(people.ci, points("loss", 0.9))
    after = await people.carol.get(f"{VERSIONS}/1")
    assert after.json() == before.json()
    assert after.headers["etag"] == before.headers["etag"]
    await people.alice.post(f"{VERSIONS}/1/finalize")
    ready = (await people.carol.get(f"{VERSIONS}/1")).json()
    assert (ready["status"], ready["authors"]) == ("ready", ["alice"])
    assert (await logged(people.ci, points("loss", 0.8, start=1)))["added"] == 1


async def test_a_recalled_version_can_still_be_measured_and_a_deleted_one_cannot(
    people: People,
) -> None:
    await registered(people)
    await people.mia.post(f"{VERSIONS}/1/recall", {"reason": "Bad data."})
    made = await log(people.ci, points("loss", 0.9))
    assert (made.status_code, made.headers["version-recalled"]) == (201, "true")
    await people.mia.delete(f"{VERSIONS}/1")
    problem(await log(people.ci, points("loss", 0.8, start=1)), 404, "not-found")
    problem(await people.carol.get(SERIES), 404, "not-found")


async def test_a_reader_sees_curves_and_adds_none(people: People) -> None:
    await registered(people)
    problem(await log(people.carol, points("loss", 0.9)), 403, "not-allowed")
    assert await listed(people.carol) == []


async def test_versions_have_curves_of_their_own(people: People) -> None:
    await registered(people)
    await make_ready(people.alice)
    await logged(people.ci, points("loss", 0.9))
    await logged(people.ci, points("loss", 0.1), f"{VERSIONS}/2/series")
    assert pairs(await curve(people.carol, "loss")) == [(0, 0.9)]
    latest = f"{VERSIONS}/latest/series"
    assert pairs(await curve(people.carol, "loss", latest)) == [(0, 0.1)]
    refused = await log(people.ci, points("loss", 0.1), latest)
    assert "accepted" in problem(refused, 404, "not-found")["detail"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"step": -1}, "/points/1/step"),
        ({"step": MOST_STEP + 1}, "/points/1/step"),
        ({"step": 1.0}, "/points/1/step"),
        ({"step": "1"}, "/points/1/step"),
        ({"value": "0.5"}, "/points/1/value"),
        ({"value": None}, "/points/1/value"),
        ({"key": ""}, "/points/1/key"),
        ({"key": "  "}, "/points/1/key"),
        ({"key": "a\nb\x07"}, "/points/1/key"),
        ({"key": "k" * 251}, "/points/1/key"),
        ({"time": "2026-11-23T09:30:00"}, "/points/1/time"),
        ({"time": 1764000000}, "/points/1/time"),
        ({"epoch": 3}, "/points/1/epoch"),
    ],
)
async def test_what_is_no_point_is_refused_by_name(
    people: People, fields: dict[str, object], pointer: str
) -> None:
    await registered(people)
    wanted = [*points("loss", 0.9), {"key": "loss", "step": 1, "value": 0.5, **fields}]
    assert pointers(problem(await log(people.ci, wanted), 422, "invalid-request")) == {pointer}
    assert await listed(people.carol) == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_value_that_is_not_finite_is_refused(people: People, number: str) -> None:
    await registered(people)
    body = '{"points": [{"key": "loss", "step": 0, "value": ' + number + "}]}"
    json = {"Content-Type": "application/json"}
    told = problem(await people.ci.post(SERIES, content=body, headers=json), 422, "invalid-request")
    assert pointers(told) == {"/points/0/value"}


async def test_a_call_has_one_to_ten_thousand_points(people: People, runtime: Runtime) -> None:
    await registered(people)
    for wrong in ([], points("loss", *range(10_001))):
        told = problem(await log(people.ci, wrong), 422, "invalid-request")
        assert pointers(told) == {"/points"}
    whole = [point for key in "abcde" for point in points(key, *range(2000))]
    with statements(runtime) as sent:
        assert (await logged(people.ci, whole))["added"] == 10_000
    assert len(sent) <= 10, sent
    assert (await logged(people.ci, [{"key": "z", "step": MOST_STEP, "value": 1}]))["added"] == 1
    assert (await curve(people.carol, "z"))["points"][0]["step"] == MOST_STEP


async def test_a_version_holds_so_many_curves_and_points_and_says_so(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_KEYS", 2)
    monkeypatch.setattr(rules, "MAX_POINTS", 5)
    await registered(people)
    await logged(people.ci, [*points("a", 1, 2), *points("b", 1, 2)])
    keys = problem(await log(people.ci, points("c", 1)), 409, "too-many-points")
    assert "2 series" in keys["detail"]
    many = problem(await log(people.ci, points("a", 1, 2, 3, 4)), 409, "too-many-points")
    assert "5 points" in many["detail"]
    assert (await logged(people.ci, points("a", 1, 2, 3)))["added"] == 1
    assert [each["count"] for each in await listed(people.carol)] == [3, 2]


async def test_many_writers_at_once_lose_and_double_nothing(people: People) -> None:
    await registered(people)
    parts = [points("loss", *range(i, i + 20), start=i) for i in range(0, 100, 10)]
    made = await asyncio.gather(*(logged(people.ci, part) for part in parts))
    assert sum(each["added"] for each in made) == 110
    found = await curve(people.carol, "loss")
    assert pairs(found) == [(step, float(step)) for step in range(110)]
    assert (found["count"], found["last_value"]) == (110, 109.0)


async def test_curves_are_listed_by_key_in_pages(people: People) -> None:
    await registered(people)
    await logged(people.ci, [point for key in "dbca" for point in points(key, 1)])
    first = await people.carol.get(SERIES, params={"limit": 3})
    assert [each["key"] for each in first.json()["items"]] == ["a", "b", "c"]
    assert 'rel="next"' in first.headers["link"]
    second = await listed(people.carol, limit=3, cursor=first.json()["next_cursor"])
    assert [each["key"] for each in second] == ["d"]


async def test_postgresql_refuses_to_change_or_remove_a_point(people: People, sql: Sql) -> None:
    await registered(people)
    await logged(people.ci, points("loss", 0.9))
    for statement in (
        "update series_points set value = 0",
        "delete from series_points",
        "truncate series_points",
        "update series set key = 'other'",
        "delete from series",
        "truncate series",
    ):
        with pytest.raises(Exception, match="append-only"):
            await sql.execute(statement)  # type: ignore[call-overload]
    assert pairs(await curve(people.carol, "loss")) == [(0, 0.9)]
