"""Which versions saw a data set or a parent, themselves or through others."""

from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.runtime import Runtime
from app.lineage.queries.impact import Way
from app.lineage.rules import shortest, way
from tests.actors import Team
from tests.counting import statements
from tests.factories import make_model, pointers, problem
from tests.lineage.tracing import A, B, Sql, data, have_children, impact, made, named
from tests.promotions.acting import People, to_production, to_staging


async def have_models(people: People) -> None:
    """base/1 used data A; churn/1 was made from it, churn/2 from that, churn/3 used A itself and
    has a child as well."""
    for name in ("base", "churn"):
        await make_model(people.admin, name)
    await made(people.alice, "base", datasets=[data("web", A)])
    await made(people.alice, "churn", ("base", 1), datasets=[data("other", B)])
    await made(people.alice, "churn", ("churn", 1))
    await made(people.alice, "churn", ("churn", 2), datasets=[data("web", A, "test")])


async def test_production_versions_that_saw_a_data_set_are_told_with_the_way(
    people: People,
) -> None:
    await have_models(people)
    await to_production(people.alice, people.bob, 2)
    found = await impact(people.carol, dataset_sha256=A, stage="production")
    assert (named(found["items"]), found["truncated"]) == (["churn/2"], False)
    (item,) = found["items"]
    assert (item["stage"], item["distance"], item["roles"]) == ("production", 2, [])
    assert named(item["through"]) == ["base/1", "churn/1"]
    assert (await impact(people.carol, dataset_sha256=B, stage="production"))["items"][0][
        "distance"
    ] == 1
    assert (await impact(people.carol, dataset_sha256="cc" * 32))["items"] == []


async def test_the_shortest_way_counts_and_each_is_told_once(people: People) -> None:
    await have_models(people)
    found = await impact(people.carol, dataset_sha256=A, every=True)
    assert [(f"{i['model']}/{i['number']}", i["distance"]) for i in found["items"]] == [
        ("base/1", 0),
        ("churn/3", 0),
        ("churn/1", 1),
        ("churn/2", 2),
    ]
    assert [item["roles"] for item in found["items"][:2]] == [["train"], ["test"]]
    by_name = await impact(people.carol, dataset="web", every=True)
    assert by_name == found
    assert (await impact(people.carol, dataset="web", dataset_sha256=B, every=True))["items"] == []


async def test_a_parent_is_asked_about_by_any_reference(people: People) -> None:
    await have_models(people)
    await to_staging(people.alice, 1)
    await to_production(people.alice, people.bob, 3)
    await people.mia.post("/models/churn/versions/3/recall", {"reason": "Leaks."})
    for ref in ("churn/1", "churn/staging"):
        found = await impact(people.carol, parent=ref)
        assert named(found["items"]) == ["churn/1", "churn/3"]
        assert [item["distance"] for item in found["items"]] == [0, 2]
        assert [item["recalled"] for item in found["items"]] == [False, True]
        assert named(found["items"][1]["through"]) == ["churn/1", "churn/2"]
    assert named((await impact(people.carol, parent="base/latest"))["items"]) == [
        "churn/1",
        "churn/3",
    ]
    staged = await impact(people.carol, parent="churn/2", stage="none")
    assert named(staged["items"]) == ["churn/2"]


async def test_only_versions_that_hold_a_stage_are_told_unless_all_are_asked_for(
    people: People,
) -> None:
    await have_models(people)
    assert (await impact(people.carol, dataset_sha256=A))["items"] == []
    for number in (1, 2):
        await to_production(people.alice, people.bob, number)
    assert named((await impact(people.carol, dataset_sha256=A))["items"]) == ["churn/2"]
    archived = await impact(people.carol, dataset_sha256=A, stage="archived")
    assert named(archived["items"]) == ["churn/1"]


async def test_a_way_through_what_is_hidden_ends_there(people: People, team: Team) -> None:
    for name in ("open-a", "secret", "open-b"):
        await make_model(people.admin, name)
    await made(people.alice, "open-a", datasets=[data("web", A)])
    await made(people.alice, "secret", ("open-a", 1))
    await made(people.alice, "open-b", ("secret", 1))
    eve = await team.person("eve", "reader", models="open-*")
    whole = await impact(people.carol, dataset_sha256=A, every=True)
    assert named(whole["items"]) == ["open-a/1", "secret/1", "open-b/1"]
    assert named((await impact(eve, dataset_sha256=A, every=True))["items"]) == ["open-a/1"]
    assert named((await impact(eve, parent="open-a/1", every=True))["items"]) == ["open-a/1"]
    problem(await eve.get("/impact", params={"parent": "secret/1"}), 404, "not-found")


async def test_what_lies_deeper_than_asked_is_said_to_be_missing(people: People) -> None:
    await have_models(people)
    near = await impact(people.carol, parent="base/1", every=True, depth=2)
    assert (named(near["items"]), near["truncated"]) == (["base/1", "churn/1", "churn/2"], True)
    whole = await impact(people.carol, parent="base/1", every=True, depth=3)
    assert (len(whole["items"]), whole["truncated"]) == (4, False)


async def test_a_wide_fan_is_cut_and_says_so(people: People, sql: Sql, runtime: Runtime) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn", datasets=[data("web", A)])
    await have_children(sql, 3000)
    with statements(runtime) as sent:
        found = await impact(people.carol, dataset_sha256=A, every=True)
    assert len(sent) == 3
    assert (len(found["items"]), found["truncated"]) == (1000, True)
    few = await impact(people.carol, dataset_sha256=A)
    assert (few["items"], few["truncated"]) == ([], False)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({}, "parent"),
        ({"parent": "churn/1", "dataset": "web"}, "parent"),
        ({"parent": "churn"}, "parent"),
        ({"parent": "/1"}, "parent"),
        ({"dataset_sha256": "AB"}, "dataset_sha256"),
        ({"dataset": "web", "stage": "Production"}, "stage"),
        ({"dataset": "web", "stage": "production", "every": True}, "every"),
        ({"dataset": "web", "depth": 51}, "depth"),
    ],
)
async def test_a_question_that_is_none_is_pointed_at(
    people: People, query: dict[str, object], pointer: str
) -> None:
    asked = await people.carol.get("/impact", params=query)  # type: ignore[arg-type]
    assert pointers(problem(asked, 422, "invalid-request")) == {pointer}


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=25))
def test_the_shortest_way_leads_from_the_beginning_step_by_step(
    drawn: list[tuple[int, int]],
) -> None:
    """Against a walk breadth first over random parents, each with a lower number."""
    ids = {number: UUID(int=number + 1) for number in range(10)}
    edges = {(a, b) for a, b in drawn if a < b}
    steps, reached = [], {0}
    for distance in range(1, 10):
        here = {(a, b) for a, b in edges if a in reached}
        steps += [Way(ids[b], ids[a], distance, "none") for a, b in here]
        reached = {b for _, b in here}
    found = shortest(steps)
    distances = {0: 0}
    for a, b in sorted(edges, key=lambda e: e[1]):
        if a in distances:
            distances[b] = min(distances.get(b, 99), distances[a] + 1)
    assert {ids[n]: d for n, d in distances.items() if n} == {k: v[0] for k, v in found.items()}
    for to, (distance, _) in found.items():
        walked = [*way(found, to), to]
        assert (walked[0], len(walked)) == (ids[0], distance + 1)
        numbers = [each.int - 1 for each in walked]
        assert all(pair in edges for pair in pairwise(numbers))
    assert uuid4() not in found
