"""Which data sets there are, how often they were used, and by whom."""

import random

import pytest

from app.core.runtime import Runtime
from tests.actors import Team
from tests.counting import statements
from tests.factories import make_draft, make_model, pointers, problem
from tests.lineage.tracing import A, B, Sql, data, datasets, made, named, users
from tests.promotions.acting import People, to_production


async def test_a_data_set_is_listed_once_with_who_used_it_as_what(people: People) -> None:
    for name in ("base", "churn"):
        await make_model(people.admin, name)
    customers = data("customers", A, version="7")
    await made(people.alice, "base", datasets=[customers])
    await made(
        people.alice, "churn", datasets=[customers, data("customers", A, "test", version="7")]
    )
    await made(people.alice, "churn", datasets=[customers, data("other")])
    await to_production(people.alice, people.bob, 1)
    first = (await people.carol.get("/models/base/versions/1")).json()
    last = (await people.carol.get("/models/churn/versions/2")).json()
    found = await datasets(people.carol)
    assert found[0] == {
        "name": "customers",
        "version": "7",
        "sha256": A,
        "versions": 3,
        "models": 2,
        "roles": {"train": 3, "validation": 0, "test": 1, "other": 0},
        "in_production": 1,
        "first_used_at": first["created_at"],
        "last_used_at": last["created_at"],
    }
    other = {"name": "other", "version": None, "sha256": None, "versions": 1, "in_production": 0}
    assert {key: found[1][key] for key in other} == other
    assert len(found) == 2


async def test_data_sets_are_found_by_digest_and_by_name(people: People) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn", datasets=[data("a", A), data("b", B), data("b", A)])
    assert [(d["name"], d["sha256"]) for d in await datasets(people.carol, sha256=A)] == [
        ("a", A),
        ("b", A),
    ]
    assert {d["sha256"] for d in await datasets(people.carol, name="b")} == {A, B}
    assert await datasets(people.carol, name="B") == []
    refused = await people.carol.get("/datasets", params={"sha256": "abc"})
    assert pointers(problem(refused, 422, "invalid-request")) == {"sha256"}


async def test_only_what_one_can_see_is_listed_and_counted(people: People, team: Team) -> None:
    for name in ("open", "secret"):
        await make_model(people.admin, name)
    await made(people.alice, "open", datasets=[data("shared", A)])
    await made(people.alice, "secret", datasets=[data("shared", A), data("hidden", B)])
    eve = await team.person("eve", "reader", models="open")
    assert [(d["name"], d["versions"], d["models"]) for d in await datasets(eve)] == [
        ("shared", 1, 1)
    ]
    assert named(await users(eve, "shared")) == ["open/1"]
    assert await users(eve, "hidden") == []
    assert await datasets(eve, sha256=B) == []
    nobody = await team.person("sue")
    assert (await datasets(nobody), await users(nobody, "shared")) == ([], [])


async def test_users_are_told_with_number_stage_and_role_newest_first(people: People) -> None:
    await make_model(people.admin)
    for _ in range(2):
        await made(
            people.alice, "churn", datasets=[data("customers", A), data("customers", B, "test")]
        )
    await made(people.alice, "churn", datasets=[data("customers", B, version="2")])
    await to_production(people.alice, people.bob, 1)
    found = await users(people.carol, "customers")
    assert named(found) == ["churn/3", "churn/2", "churn/1"]
    assert (found[2]["stage"], found[2]["roles"]) == ("production", ["test", "train"])
    assert named(await users(people.carol, "customers", stage="production")) == ["churn/1"]
    assert named(await users(people.carol, "customers", stage="none")) == ["churn/3", "churn/2"]
    assert named(await users(people.carol, "customers", sha256=A)) == ["churn/2", "churn/1"]
    assert named(await users(people.carol, "customers", version="2")) == ["churn/3"]
    # One entry has both: that of version 3 has digest B and the role of training.
    both = await users(people.carol, "customers", sha256=B, role="train")
    assert [(each["number"], each["datasets"][0]["sha256"]) for each in both] == [(3, B)]
    assert await users(people.carol, "custom") == []


@pytest.mark.parametrize(
    "name",
    ["s3://data/a b/2026", "a/versions", "ä%2F?#&+", "versions", "x" * 1000, "🙂" * 1000, "a'; --"],
)
async def test_a_name_may_hold_anything(people: People, name: str) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn", datasets=[data(name, A)])
    assert named(await users(people.carol, name)) == ["churn/1"]
    assert [each["name"] for each in await datasets(people.carol, name=name)] == [name]
    assert [each["name"] for each in await datasets(people.carol)] == [name]


async def test_pages_neither_skip_nor_repeat(people: People) -> None:
    await make_model(people.admin)
    names = [f"d{index}" for index in range(5)] + ["long " * 150 + tail for tail in "abc"]
    for name in names:
        await made(people.alice, "churn", datasets=[data(name, A), data("every")])
    found: list[str] = []
    numbers: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await people.carol.get("/datasets", params={"limit": 2, **cursor})).json()
        found += [each["name"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(found) == sorted([*names, "every"])
    cursor = {}
    while True:
        query = {"limit": 3, **cursor}
        page = (await people.carol.get("/datasets/every/versions", params=query)).json()
        numbers += [each["number"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert numbers == list(range(8, 0, -1))
    for path in ("/datasets", "/datasets/every/versions"):
        problem(await people.carol.get(path, params={"cursor": "x"}), 422, "invalid-request")


COUNTED = """
    select d.name, d.version, d.sha256, v.model_id, count(*), count(*) filter (where as_train)
    from versions v, stageward_datasets(v.datasets) d where deleted_at is null
    group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""
KEPT = """
    select name, version, sha256, model_id, versions, as_train from dataset_uses
    order by 1, 2, 3, 4
"""


async def test_counts_stay_right_whatever_happens_to_versions(people: People, sql: Sql) -> None:
    for name in ("base", "churn"):
        await make_model(people.admin, name)
    chance = random.Random(11)

    def some() -> list[dict[str, object]]:
        names, digests, roles = ("a", "b"), (A, None), ("train", "test")
        return [
            data(chance.choice(names), chance.choice(digests), chance.choice(roles))
            for _ in range(chance.randrange(4))
        ]

    drafts: list[str] = []
    for _ in range(40):
        act = chance.random()
        if act < 0.5 or not drafts:
            model = chance.choice(("base", "churn"))
            made_ = await make_draft(people.alice, model, datasets=some())
            drafts.append(f"/models/{model}/versions/{made_['number']}")
        elif act < 0.8:
            changed = await people.alice.patch(chance.choice(drafts), {"datasets": some()})
            assert changed.status_code == 200, changed.text
        else:
            gone = await people.mia.delete(drafts.pop(chance.randrange(len(drafts))))
            assert gone.status_code == 204, gone.text
        counted = await (await sql.execute(COUNTED)).fetchall()
        assert await (await sql.execute(KEPT)).fetchall() == counted


async def test_a_name_that_is_redacted_is_gone_from_the_list(people: People) -> None:
    await make_model(people.admin)
    await made(people.alice, "churn", datasets=[data("of-jane-doe-1970", A)])
    wanted = {"text": "jane-doe-1970", "reason": "A person."}
    redacted = await people.admin.post("/redactions", wanted)
    assert redacted.status_code == 201, redacted.text
    (found,) = await datasets(people.carol)
    assert "jane-doe" not in found["name"]
    assert (found["versions"], found["sha256"]) == (1, A)
    assert named(await users(people.carol, found["name"])) == ["churn/1"]


async def test_a_page_takes_two_statements_and_one_of_users_one(
    people: People, runtime: Runtime
) -> None:
    await make_model(people.admin)
    for _ in range(3):
        await made(people.alice, "churn", datasets=[data("a", A), data("b", B)])
    with statements(runtime) as sent:
        await datasets(people.carol)
    assert len(sent) == 2
    with statements(runtime) as sent:
        await users(people.carol, "a")
    assert len(sent) == 1
