"""Models over HTTP."""

import pytest

from tests.actors import Api, Team
from tests.factories import events, make_model, make_ready, pointers, problem


async def test_a_contributor_makes_a_model_and_the_record_says_so(admin: Api, team: Team) -> None:
    alice = await team.person("alice", "contributor", models="churn*")
    made = await alice.post(
        "/models", {"name": "churn", "description": "Who leaves.", "tags": {"team": "crm"}}
    )
    assert made.status_code == 201
    assert made.headers["location"] == "/api/v1/models/churn"
    assert made.headers["etag"]
    assert made.json() == {
        "name": "churn",
        "description": "Who leaves.",
        "tags": {"team": "crm"},
        "name_template": None,
        "naming": None,
        "created_by": "alice",
        "created_at": made.json()["created_at"],
        "updated_at": made.json()["created_at"],
        "latest_version": None,
        "stages": {},
        "aliases": {},
    }
    assert made.json()["created_at"].endswith("Z")
    (event,) = await events(admin, action="model.created")
    assert (event["actor"], event["model"]) == ("alice", "churn")


async def test_a_name_outside_the_grants_is_refused(team: Team) -> None:
    alice = await team.person("alice", "contributor", models="churn*")
    body = problem(await alice.post("/models", {"name": "fraud"}), 403, "not-allowed")
    assert "contributor" in body["detail"]


async def test_names_are_unique_without_regard_to_case_and_read_as_written(admin: Api) -> None:
    await make_model(admin, "Churn")
    problem(await admin.post("/models", {"name": "cHURN"}), 409, "model-name-taken")
    problem(await admin.get("/models/churn"), 404, "not-found")
    assert (await admin.get("/models/Churn")).status_code == 200


@pytest.mark.parametrize(
    "name", ["", " churn", "churn ", "-churn", "a/b", "ü", "a" * 129, "a\n", 7, None]
)
async def test_a_bad_name_is_refused_with_a_pointer(admin: Api, name: object) -> None:
    body = problem(await admin.post("/models", {"name": name}), 422, "invalid-request")
    assert pointers(body) == {"/name"}


async def test_unknown_fields_are_refused(admin: Api) -> None:
    answer = await admin.post("/models", {"name": "churn", "desciption": "typo"})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/desciption"}


@pytest.mark.parametrize(
    "template", ["{model", "{nope}", "{number:03}", "a/b", "{date:%Q}", "{params.}", "}", "{}"]
)
async def test_a_template_is_checked_when_it_is_set(admin: Api, template: str) -> None:
    answer = await admin.post("/models", {"name": "churn", "name_template": template})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/name_template"}


async def test_a_patch_changes_what_it_names_and_honours_if_match(admin: Api) -> None:
    await make_model(admin, description="old", tags={"a": "1"})
    first = (await admin.get("/models/churn")).headers["etag"]
    changed = await admin.patch(
        "/models/churn", {"description": "new"}, headers={"If-Match": first}
    )
    assert changed.status_code == 200
    assert (changed.json()["description"], changed.json()["tags"]) == ("new", {"a": "1"})
    assert changed.headers["etag"] != first
    stale = await admin.patch("/models/churn", {"tags": {}}, headers={"If-Match": first})
    problem(stale, 412, "stale-revision")
    (event,) = await events(admin, action="model.edited")
    assert event["details"]["changes"] == {"description": {"from": "old", "to": "new"}}


async def test_a_poller_that_has_it_gets_a_304(admin: Api) -> None:
    await make_model(admin)
    tag = (await admin.get("/models/churn")).headers["etag"]
    again = await admin.get("/models/churn", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    await make_ready(admin)
    fresh = await admin.get("/models/churn", headers={"If-None-Match": tag})
    assert (fresh.status_code, fresh.json()["latest_version"]) == (200, 1)


async def test_what_one_may_not_see_is_not_there(admin: Api, team: Team) -> None:
    await make_model(admin, "fraud")
    await make_model(admin, "churn")
    alice = await team.person("alice", "reader", models="churn")
    hidden = problem(await alice.get("/models/fraud"), 404, "not-found")
    absent = problem(await alice.get("/models/fraus"), 404, "not-found")
    assert hidden["detail"].replace("fraud", "x") == absent["detail"].replace("fraus", "x")
    listed = (await alice.get("/models")).json()["items"]
    assert [model["name"] for model in listed] == ["churn"]
    problem(await alice.patch("/models/churn", {"tags": {}}), 403, "not-allowed")


async def test_pages_follow_the_names_while_models_are_added(admin: Api) -> None:
    for name in ("a", "c", "e", "g"):
        await make_model(admin, name)
    first = await admin.get("/models", params={"limit": 2})
    assert [m["name"] for m in first.json()["items"]] == ["a", "c"]
    await make_model(admin, "b")
    await make_model(admin, "f")
    link = first.headers["link"]
    assert link.endswith('; rel="next"')
    following = await admin.http.get(
        link[1 : link.index(">")], headers={"Authorization": f"Bearer {admin.token}"}
    )
    assert [m["name"] for m in following.json()["items"]] == ["e", "f"]
    cursor = following.json()["next_cursor"]
    last = await admin.get("/models", params={"limit": 2, "cursor": cursor})
    assert [m["name"] for m in last.json()["items"]] == ["g"]
    assert last.json()["next_cursor"] is None
    assert "link" not in last.headers


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"cursor": "x"}])
async def test_a_bad_page_is_a_problem_that_names_the_parameter(
    admin: Api, query: dict[str, str]
) -> None:
    answer = await admin.get("/models", params=query)
    assert pointers(problem(answer, 422, "invalid-request")) == set(query)


async def test_filters_and_free_text_narrow_the_list(admin: Api) -> None:
    await make_model(admin, "churn", description="Who leaves 100%.", tags={"team": "crm's"})
    await make_model(admin, "fraud", tags={"team": "risk"})

    async def names(**params: str) -> list[str]:
        answer = await admin.get("/models", params=params)
        assert answer.status_code == 200, answer.text
        return [model["name"] for model in answer.json()["items"]]

    assert await names(filter="tags.team = 'crm''s'") == ["churn"]
    assert await names(filter="name = 'fraud' and tags.team = 'risk'") == ["fraud"]
    assert await names(filter="name = 'fraud' and tags.team = 'crm'") == []
    assert await names(q="LEAVES") == ["churn"]
    assert await names(q="100%") == ["churn"]
    assert await names(q="risk") == ["fraud"]
    bad = problem(
        await admin.get("/models", params={"filter": "name = 'a' nor name = 'b'"}),
        422,
        "invalid-request",
    )
    assert "column 12" in bad["detail"]
    problem(await admin.get("/models", params={"filter": "size = 1"}), 422, "invalid-request")


async def test_a_deleted_model_hides_and_comes_back_with_its_versions(
    admin: Api, team: Team
) -> None:
    await make_model(admin)
    await make_ready(admin)
    contributor = await team.person("alice", "contributor")
    problem(await contributor.delete("/models/churn"), 403, "not-allowed")
    keeper = await team.person("carol", "maintainer")
    assert (await keeper.delete("/models/churn")).status_code == 204
    for path in ("/models/churn", "/models/churn/versions", "/models/churn/versions/1"):
        problem(await admin.get(path), 404, "not-found")
    problem(await keeper.delete("/models/churn"), 404, "not-found")
    assert (await admin.get("/versions")).json()["items"] == []
    problem(await admin.post("/models", {"name": "CHURN"}), 409, "model-name-taken")
    restored = await keeper.post("/models/churn/restore")
    assert restored.status_code == 200, restored.text
    assert restored.json()["latest_version"] == 1
    problem(await keeper.post("/models/churn/restore"), 409, "conflict")
    actions = [event["action"] for event in await events(admin, model="churn")]
    assert actions[-2:] == ["model.deleted", "model.restored"]


async def test_a_model_whose_version_is_a_parent_elsewhere_stays(admin: Api) -> None:
    await make_model(admin)
    await make_model(admin, "child")
    await make_ready(admin)
    await make_ready(admin, "child", parents=[{"model": "churn", "version": 1}])
    body = problem(await admin.delete("/models/churn"), 409, "model-in-use")
    assert "`child` 1" in body["detail"]
    assert (await admin.delete("/models/child")).status_code == 204


async def test_a_purge_takes_an_admin_and_frees_the_name(admin: Api, team: Team) -> None:
    await make_model(admin)
    await make_ready(admin)
    keeper = await team.person("carol", "maintainer")
    purge = {"purge": "true"}
    problem(await keeper.delete("/models/churn", params=purge), 403, "not-allowed")
    assert (await admin.get("/models/churn")).status_code == 200
    assert (await admin.delete("/models/churn", params=purge)).status_code == 204
    problem(await admin.post("/models/churn/restore"), 404, "not-found")
    await make_model(admin)
    assert (await admin.get("/models/churn")).json()["latest_version"] is None
    assert (await make_ready(admin))["number"] == 1
