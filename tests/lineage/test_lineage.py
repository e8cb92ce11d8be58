"""Parents and children across models, as far as one may see, and never endlessly."""

import pytest

from app.core.runtime import Runtime
from tests.actors import Team
from tests.counting import statements
from tests.factories import make_model, pointers, problem
from tests.lineage.tracing import A, Sql, data, edges, have_children, lineage, made, named, nodes
from tests.promotions.acting import People, to_staging


async def test_a_version_shows_its_parents_children_and_data_as_lists_and_as_a_graph(
    people: People,
) -> None:
    for name in ("base", "churn"):
        await make_model(people.admin, name)
    train = data("customers", A, version="1", rows=7)
    await made(people.alice, "base", datasets=[data("web")])
    await made(people.alice, "churn", datasets=[train])
    await made(people.alice, "churn", ("churn", 1), ("base", 1), datasets=[train])
    await made(people.alice, "churn", ("churn", 2))
    await to_staging(people.alice, 3)
    await people.mia.post("/models/churn/versions/1/recall", {"reason": "Leaks."})
    found = await lineage(people.carol, "churn", 2)
    assert (found["model"], found["number"], found["truncated"]) == ("churn", 2, False)
    assert found["parents"][0] == {
        "model": "churn",
        "number": 1,
        "version": 1,
        "name": None,
        "status": "ready",
        "stage": "none",
        "recalled": True,
    }
    assert named(found["parents"]) == ["churn/1", "base/1"]
    assert named(found["children"]) == ["churn/3"]
    assert found["children"][0]["stage"] == "staging"
    assert found["datasets"] == [{**train, "uri": None}]
    assert nodes(found) == {"churn/1", "churn/2", "churn/3", "base/1"}
    assert {
        each["id"]: each["distance"] for each in found["nodes"] if each["kind"] == "version"
    } == {
        "version:churn/2": 0,
        "version:churn/1": 1,
        "version:base/1": 1,
        "version:churn/3": 1,
    }
    assert edges(found) == {("churn/1", "churn/2"), ("base/1", "churn/2"), ("churn/2", "churn/3")}
    assert nodes(found, "dataset") == {f"sha256:{A}", "web"}
    assert edges(found, "dataset") == {
        (f"sha256:{A}", "churn/1"),
        (f"sha256:{A}", "churn/2"),
        ("web", "base/1"),
    }
    assert {each["role"] for each in found["edges"] if each["kind"] == "dataset"} == {"train"}


async def test_the_direction_and_the_depth_say_how_far_it_looks(people: People) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn")
    for number in range(1, 7):
        await made(people.alice, "churn", ("churn", number))
    up = await lineage(people.carol, "churn", 4, direction="up", depth=2)
    assert nodes(up) == {"churn/2", "churn/3", "churn/4"}
    assert up["children"] == []
    down = await lineage(people.carol, "churn", 4, direction="down", depth=1)
    assert nodes(down) == {"churn/4", "churn/5"}
    assert len(nodes(await lineage(people.carol, "churn", 4))) == 7
    latest = await people.carol.get("/models/churn/versions/latest/lineage")
    assert latest.headers["version-number"] == "7"
    for wrong in ({"depth": 0}, {"depth": 21}, {"direction": "sideways"}):
        refused = await people.carol.get("/models/churn/versions/1/lineage", params=wrong)
        assert pointers(problem(refused, 422, "invalid-request")) == set(wrong)


async def test_several_ways_to_a_version_are_one_node_at_its_least_distance(
    people: People,
) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn")
    await made(people.alice, "churn", ("churn", 1))
    await made(people.alice, "churn", ("churn", 1), ("churn", 2))
    found = await lineage(people.carol, "churn", 3)
    distances = [(each["id"], each["distance"]) for each in found["nodes"]]
    assert sorted(distances) == [
        ("version:churn/1", 1),
        ("version:churn/2", 1),
        ("version:churn/3", 0),
    ]
    assert len(edges(found)) == 3


async def test_what_is_hidden_is_left_out_and_ends_the_way(people: People, team: Team) -> None:
    for name in ("open-a", "secret", "open-b"):
        await make_model(people.admin, name)
    await made(people.alice, "open-a", datasets=[data("far")])
    await made(people.alice, "secret", ("open-a", 1), datasets=[data("hidden")])
    await made(people.alice, "open-b", ("secret", 1))
    eve = await team.person("eve", "reader", models="open-*")
    whole = await lineage(people.carol, "open-b", 1)
    assert nodes(whole) == {"open-a/1", "secret/1", "open-b/1"}
    seen = await lineage(eve, "open-b", 1)
    assert (nodes(seen), edges(seen), seen["parents"]) == ({"open-b/1"}, set(), [])
    assert nodes(seen, "dataset") == set()
    assert nodes(await lineage(eve, "open-a", 1)) == {"open-a/1"}
    assert "secret" not in str(seen)
    problem(await eve.get("/models/secret/versions/1/lineage"), 404, "not-found")


async def test_what_was_deleted_is_gone_from_the_graph(people: People) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn")
    await made(people.alice, "churn", ("churn", 1))
    assert (await people.mia.delete("/models/churn/versions/2")).status_code == 204
    found = await lineage(people.carol, "churn", 1)
    assert (nodes(found), found["children"]) == ({"churn/1"}, [])


async def test_a_deep_chain_costs_two_statements_however_deep_it_is(
    people: People, runtime: Runtime
) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn")
    for number in range(1, 22):
        await made(people.alice, "churn", ("churn", number))
    with statements(runtime) as sent:
        found = await lineage(people.carol, "churn", 22, depth=20)
    assert len(sent) == 3, sent
    assert len(nodes(found)) == 21
    assert "churn/1" not in nodes(found)


async def test_a_wide_fan_is_cut_and_says_so(people: People, sql: Sql, runtime: Runtime) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn")
    await have_children(sql, 10_000)
    with statements(runtime) as sent:
        found = await lineage(people.carol, "churn", 1)
    assert len(sent) == 3
    assert (len(nodes(found)), found["truncated"]) == (1000, True)
    assert len(found["children"]) == 999
    assert len(edges(found)) == 999


async def test_a_ladder_of_many_ways_is_walked_once_a_step(people: People, sql: Sql) -> None:
    """Each rung has both of the rung before as parents: 2^20 ways, 41 versions."""
    await make_model(people.admin)
    await made(people.alice, "churn")
    await have_children(sql, 40)
    await sql.execute("alter table version_parents disable trigger user")
    await sql.execute("delete from version_parents")
    await sql.execute(
        "insert into version_parents select c.id, p.id, (p.number %% 2) from versions c "
        "join versions p on (p.number - 1) / 2 = (c.number - 1) / 2 - 1 "
        "where c.number > 1000000 and p.number > 1000000".replace("%%", "%")
    )
    await sql.execute("alter table version_parents enable trigger user")
    found = await lineage(people.carol, "churn", 1000040, direction="up", depth=20)
    assert len(nodes(found)) == 1 + 2 * 19
    assert found["truncated"] is False


async def test_a_reader_of_nothing_finds_nothing(people: People, team: Team) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn")
    nobody = await team.person("eve")
    problem(await nobody.get("/models/churn/versions/1/lineage"), 404, "not-found")


@pytest.mark.parametrize("ref", ["7", "@nowhere", "production"])
async def test_a_reference_to_nothing_is_a_404(people: People, ref: str) -> None:
    await make_model(people.admin)
    found = await people.carol.get(f"/models/churn/versions/{ref}/lineage")
    problem(found, 404, "not-found")
