"""Groups and who is in them, over HTTP."""

import pytest

from tests.actors import Api, Team
from tests.factories import events, pointers, problem


async def test_a_group_is_made_filled_shown_and_deleted(admin: Api, team: Team) -> None:
    await team.person("bob")
    await team.person("alice")
    made = await admin.post("/groups", {"name": "risk-team", "description": "Second line."})
    assert made.status_code == 201
    assert made.headers["location"] == "/api/v1/groups/risk-team"
    for name in ("bob", "alice"):
        assert (await admin.put(f"/groups/risk-team/members/{name}")).status_code == 201
    again = await admin.put("/groups/risk-team/members/alice")
    assert again.status_code == 200
    shown = await admin.get("/groups/risk-team")
    assert shown.json() == again.json()
    assert shown.headers["etag"] == again.headers["etag"] != made.headers["etag"]
    assert shown.json()["members"] == ["alice", "bob"]
    assert (await admin.delete("/groups/risk-team/members/bob")).status_code == 204
    listed = await admin.get("/groups")
    assert [(g["name"], g["members"]) for g in listed.json()["items"]] == [("risk-team", ["alice"])]
    assert (await admin.delete("/groups/risk-team")).status_code == 204
    problem(await admin.get("/groups/risk-team"), 404, "not-found")
    told = [e["action"] for e in await events(admin) if e["subject"] == "group:risk-team"]
    assert told == [
        "group.created",
        "member.added",
        "member.added",
        "member.removed",
        "group.deleted",
    ]


async def test_a_member_holds_what_the_group_was_granted_and_no_longer(
    admin: Api, team: Team
) -> None:
    alice = await team.person("alice")
    await admin.post("/groups", {"name": "operators"})
    await team.grant("operators", "admin")
    problem(await alice.get("/grants"), 403, "not-allowed")
    await admin.put("/groups/operators/members/alice")
    assert (await alice.get("/grants")).status_code == 200
    await admin.delete("/groups/operators/members/alice")
    problem(await alice.get("/grants"), 403, "not-allowed")


async def test_a_group_takes_its_grants_along_each_with_its_event(admin: Api, team: Team) -> None:
    alice = await team.person("alice")
    await admin.post("/groups", {"name": "operators"})
    await team.grant("operators", "admin")
    await team.grant("operators", "reader", "churn")
    await admin.put("/groups/operators/members/alice")
    assert (await alice.delete("/groups/operators")).status_code == 204
    problem(await alice.get("/grants"), 403, "not-allowed")
    told = await events(admin, actor="alice")
    assert [(e["action"], e["details"]) for e in told] == [
        ("grant.removed", {"role": "admin", "models": "*"}),
        ("grant.removed", {"role": "reader", "models": "churn"}),
        ("group.deleted", {"members": ["alice"]}),
    ]
    assert {e["subject"] for e in told} == {"group:operators"}
    remaining = (await admin.get("/grants")).json()["items"]
    assert [g["subject"] for g in remaining] == ["admin"]


async def test_a_group_that_holds_the_last_admin_stays_and_so_does_the_member(
    admin: Api, team: Team
) -> None:
    alice = await team.person("alice")
    await admin.post("/groups", {"name": "operators"})
    await team.grant("operators", "admin")
    await admin.put("/groups/operators/members/alice")
    assert (await alice.patch("/identities/admin", {"disabled": True})).status_code == 200
    problem(await alice.delete("/groups/operators"), 409, "last-admin")
    problem(await alice.delete("/groups/operators/members/alice"), 409, "last-admin")
    gone = await alice.delete("/grants?subject=operators&role=admin&models=*")
    problem(gone, 409, "last-admin")
    assert (await alice.get("/groups/operators")).json()["members"] == ["alice"]


async def test_changes_to_a_group_honour_if_match(admin: Api) -> None:
    made = await admin.post("/groups", {"name": "g"})
    old = {"If-Match": made.headers["etag"]}
    assert (await admin.put("/groups/g/members/admin", headers=old)).status_code == 201
    problem(await admin.put("/groups/g/members/admin", headers=old), 412, "stale-revision")
    problem(await admin.delete("/groups/g/members/admin", headers=old), 412, "stale-revision")
    problem(await admin.delete("/groups/g", headers=old), 412, "stale-revision")


async def test_everybody_sees_groups_and_only_an_admin_changes_them(admin: Api, team: Team) -> None:
    mia = await team.person("mia", "maintainer")
    await admin.post("/groups", {"name": "g"})
    assert (await mia.get("/groups")).status_code == 200
    assert (await mia.get("/groups/g")).status_code == 200
    problem(await mia.post("/groups", {"name": "h"}), 403, "not-allowed")
    problem(await mia.put("/groups/g/members/mia"), 403, "not-allowed")
    problem(await mia.delete("/groups/g/members/mia"), 403, "not-allowed")
    problem(await mia.delete("/groups/g"), 403, "not-allowed")


async def test_what_is_not_there_is_a_404(admin: Api) -> None:
    await admin.post("/groups", {"name": "g"})
    problem(await admin.put("/groups/none/members/admin"), 404, "not-found")
    problem(await admin.put("/groups/g/members/nobody"), 404, "not-found")
    problem(await admin.delete("/groups/g/members/admin"), 404, "not-found")
    problem(await admin.delete("/groups/none"), 404, "not-found")


@pytest.mark.parametrize("name", ["", " a", "-a", "a b", "a" * 129, "a\nb", 5])
async def test_a_bad_name_is_a_422(admin: Api, name: object) -> None:
    refused = await admin.post("/groups", {"name": name})
    assert pointers(problem(refused, 422, "invalid-request")) == {"/name"}


async def test_groups_are_paged(admin: Api) -> None:
    for number in range(3):
        await admin.post("/groups", {"name": f"g{number}"})
    first = (await admin.get("/groups?limit=2")).json()
    rest = (await admin.get("/groups", params={"cursor": first["next_cursor"]})).json()
    assert [g["name"] for g in first["items"] + rest["items"]] == ["g0", "g1", "g2"]
