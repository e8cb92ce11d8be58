"""What a reference means, and lists."""

from urllib.parse import quote

import psycopg
import pytest

from tests.actors import Api, Team
from tests.factories import make_draft, make_model, make_ready, problem


async def test_latest_is_the_highest_ready_number(admin: Api) -> None:
    await make_model(admin)
    problem(await admin.get("/models/churn/versions/latest"), 404, "not-found")
    await make_ready(admin)
    await make_ready(admin)
    await make_draft(admin)
    for ref in ("latest", "Latest", "2"):
        assert (await admin.get(f"/models/churn/versions/{ref}")).json()["number"] == 2
    assert (await admin.delete("/models/churn/versions/2")).status_code == 204
    assert (await admin.get("/models/churn/versions/latest")).json()["number"] == 1
    assert (await admin.get("/models/churn")).json()["latest_version"] == 1


async def test_a_name_is_found_in_any_case(admin: Api) -> None:
    await make_model(admin, "my model")
    await make_draft(admin, "my model", name="First one+1")
    for ref in ("First one+1", "first ONE+1"):
        found = await admin.get(f"/models/my%20model/versions/{quote(ref)}")
        assert found.json()["number"] == 1


@pytest.mark.parametrize("ref", ["0", "7", "99999999999999999999", "@nope", "nope", "staging",
                                 "Production", "@", "v1", "-1", "1.0"])  # fmt: skip
async def test_what_means_nothing_is_a_404(admin: Api, ref: str) -> None:
    await make_model(admin)
    await make_draft(admin)
    problem(await admin.get(f"/models/churn/versions/{ref}"), 404, "not-found")


@pytest.mark.parametrize("path", ["/models/churn%0A", "/models/churn/versions/1%0a", "/me%00"])
async def test_a_control_character_in_an_address_means_nothing(admin: Api, path: str) -> None:
    await make_model(admin)
    await make_draft(admin)
    problem(await admin.get(path), 422, "invalid-request")


async def test_a_query_parameter_that_is_not_known_is_refused(admin: Api) -> None:
    body = problem(await admin.get("/models", params={"filtre": "x"}), 422, "invalid-request")
    assert body["errors"][0]["pointer"] == "filtre"
    assert "filter" in body["errors"][0]["detail"]


async def test_what_changes_something_takes_a_number_or_a_name(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin, name="first")
    for ref in ("latest", "@champion", "production"):
        body = problem(
            await admin.patch(f"/models/churn/versions/{ref}", {"tags": {}}), 404, "not-found"
        )
        assert "number or name" in body["detail"]
    for ref in ("1", "first"):
        changed = await admin.patch(f"/models/churn/versions/{ref}", {"tags": {"ref": ref}})
        assert changed.status_code == 200


async def test_a_deleted_version_is_gone_and_its_number_stays_taken(admin: Api, team: Team) -> None:
    await make_model(admin)
    await make_ready(admin)
    await make_ready(admin, name="second")
    contributor = await team.person("alice", "contributor")
    problem(await contributor.delete("/models/churn/versions/2"), 403, "not-allowed")
    keeper = await team.person("carol", "maintainer")
    assert (await keeper.delete("/models/churn/versions/2")).status_code == 204
    for ref in ("2", "second"):
        problem(await keeper.get(f"/models/churn/versions/{ref}"), 404, "not-found")
    problem(await keeper.delete("/models/churn/versions/2"), 404, "not-found")
    assert (await make_draft(admin, name="second"))["number"] == 3


async def test_a_parent_cannot_be_deleted(admin: Api) -> None:
    await make_model(admin)
    await make_ready(admin)
    await make_draft(admin, parents=[{"model": "churn", "version": 1}])
    body = problem(await admin.delete("/models/churn/versions/1"), 409, "version-in-use")
    assert "parent of `churn` 2" in body["detail"]
    assert (await admin.delete("/models/churn/versions/2")).status_code == 204
    assert (await admin.delete("/models/churn/versions/1")).status_code == 204


async def test_a_recall_is_shown_by_every_answer_until_it_is_lifted(admin: Api, team: Team) -> None:
    await make_model(admin)
    await make_ready(admin)
    path = "/models/churn/versions/1/recall"
    contributor = await team.person("alice", "contributor")
    reason = {"reason": "leaked labels"}
    problem(await contributor.post(path, reason), 403, "not-allowed")
    problem(await admin.post(path, {"reason": " "}), 422, "invalid-request")
    assert (await admin.post(path, reason)).status_code == 200
    problem(await admin.post(path, reason), 409, "conflict")
    shown = (await contributor.get("/models/churn/versions/latest")).json()["recalled"]
    assert (shown["reason"], shown["by"]) == ("leaked labels", "admin")
    assert (await admin.delete(path)).json()["recalled"] is None
    problem(await admin.delete(path), 409, "conflict")


async def test_lists_show_what_one_may_see_newest_first(admin: Api, team: Team) -> None:
    for model in ("churn", "fraud"):
        await make_model(admin, model)
        for index in range(3):
            await make_draft(admin, model, tags={"i": str(index)}, finalize=index == 2)
    alice = await team.person("alice", "reader", models="chur?")
    items = (await alice.get("/versions")).json()["items"]
    assert [(v["model"], v["number"]) for v in items] == [("churn", n) for n in (3, 2, 1)]
    first = (await admin.get("/versions", params={"limit": 4})).json()
    second = (await admin.get("/versions", params={"cursor": first["next_cursor"]})).json()
    seen = [(v["model"], v["number"]) for v in first["items"] + second["items"]]
    assert seen == [("fraud", n) for n in (3, 2, 1)] + [("churn", n) for n in (3, 2, 1)]


async def test_filters_narrow_the_list(admin: Api) -> None:
    await make_model(admin)
    await make_draft(admin, name="a", tags={"team": "x"})
    await make_ready(admin, name="b", tags={"team": "x"})
    await make_ready(admin, name="c")

    async def found(**params: str) -> list[str]:
        answer = await admin.get("/models/churn/versions", params=params)
        assert answer.status_code == 200, answer.text
        return [version["name"] for version in answer.json()["items"]]

    assert await found(filter="tags.team = 'x'") == ["b", "a"]
    assert await found(filter="tags.team = 'x' and status = 'ready'") == ["b"]
    assert await found(status="ready") == ["c", "b"]
    assert await found(stage="none") == ["c", "b", "a"]
    assert await found(stage="production") == []
    assert await found(filter="name = 'c'", order_by="number desc") == ["c"]
    for bad in ({"filter": "metrics.auc >"}, {"order_by": "speed"}, {"status": "odd"}):
        answer = await admin.get("/models/churn/versions", params=bad)
        problem(answer, 422, "invalid-request")


async def test_postgresql_itself_keeps_a_ready_version(
    admin: Api, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await make_model(admin)
    await make_ready(admin, params={"lr": 1})
    await make_ready(admin, parents=[{"model": "churn", "version": 1}])
    for statement in (
        "update versions set params = '{}' where number = 1",
        "update versions set metrics = '{\"auc\": 1}'",
        "update versions set status = 'draft', ready_at = null",
        "update versions set manifest_sha256 = sha256('x')",
        "delete from versions",
        "truncate versions cascade",
        "delete from version_parents",
        "update version_authors set name = 'someone else'",
        "insert into version_authors (version_id, identity_id, name) "
        "select v.id, i.id, 'x' from versions v, identities i limit 1",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await sql.execute(statement)
    await sql.execute("update versions set description = 'may change'")
    await sql.execute("update versions set deleted_at = now() where number = 2")
    with pytest.raises(psycopg.errors.RestrictViolation):
        await sql.execute("update versions set deleted_at = null where number = 2")
