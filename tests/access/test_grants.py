"""Roles given and removed, over HTTP."""

import asyncio
from typing import Any

import pytest

from tests.actors import Api, Team
from tests.factories import events, make_model, pointers, problem

GRANT = {"subject": "alice", "role": "contributor", "models": "churn-*"}


async def grants_recorded(admin: Api) -> list[dict[str, Any]]:
    """The events of grants, of which the first is that of the first admin's."""
    return [e for e in await events(admin) if e["action"].startswith("grant.")]


async def test_a_role_is_given_once_and_listed(admin: Api, team: Team) -> None:
    await team.person("alice")
    first = await admin.put("/grants", json=GRANT)
    second = await admin.put("/grants", json=GRANT)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json().items() >= {**GRANT, "kind": "user", "created_by": "admin"}.items()
    listed = (await admin.get("/grants?subject=alice")).json()["items"]
    assert listed == [first.json()]
    told = [e for e in await grants_recorded(admin) if e["subject"] == "identity:alice"]
    assert [(e["action"], e["details"]) for e in told] == [
        ("grant.given", {"role": "contributor", "models": "churn-*"})
    ]


async def test_one_grant_given_many_times_at_once_is_one(admin: Api, team: Team) -> None:
    await team.person("alice")
    answers = await asyncio.gather(*(admin.put("/grants", json=GRANT) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert [e["subject"] for e in await grants_recorded(admin)][1:] == ["identity:alice"]


async def test_what_a_group_is_granted_is_recorded_as_the_groups(admin: Api) -> None:
    await admin.post("/groups", {"name": "risk-team"})
    granted = {**GRANT, "subject": "risk-team"}
    assert (await admin.put("/grants", json=granted)).status_code == 201
    assert (await admin.delete("/grants", params=granted)).status_code == 204
    told = [(e["action"], e["subject"]) for e in await grants_recorded(admin)]
    assert told[1:] == [("grant.given", "group:risk-team"), ("grant.removed", "group:risk-team")]


@pytest.mark.parametrize("by", ["query", "body"])
async def test_a_role_is_removed_and_counts_no_more(admin: Api, team: Team, by: str) -> None:
    alice = await team.person("alice")
    await make_model(admin, "churn-eu")
    await admin.put("/grants", json=GRANT)
    assert (await alice.get("/models/churn-eu")).status_code == 200
    options = {"params": GRANT} if by == "query" else {"json": GRANT}
    assert (await admin.delete("/grants", **options)).status_code == 204
    problem(await alice.get("/models/churn-eu"), 404, "not-found")
    problem(await admin.delete("/grants", **options), 404, "not-found")
    assert (await events(admin))[-1]["action"] == "grant.removed"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"subject", "role", "models"}),
        ({"params": {"subject": "alice"}}, {"role", "models"}),
        ({"json": {"subject": "alice"}}, {"/role", "/models"}),
        ({"params": {**GRANT, "role": "king"}}, {"role"}),
    ],
)
async def test_a_grant_is_removed_only_by_its_full_name(
    admin: Api, options: dict[str, dict[str, str]], expected: set[str]
) -> None:
    refused = await admin.delete("/grants", **options)
    assert pointers(problem(refused, 422, "invalid-request")) == expected


async def test_a_query_and_a_body_at_once_are_refused(admin: Api) -> None:
    refused = await admin.delete("/grants", params=GRANT, json={**GRANT, "models": "*"})
    problem(refused, 422, "invalid-request")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"subject": "nobody"}, "/subject"),
        ({"subject": "ALICE"}, "/subject"),
        ({"subject": ""}, "/subject"),
        ({"role": "owner"}, "/role"),
        ({"role": "admin"}, "/models"),
        ({"models": ""}, "/models"),
        ({"models": "a/b"}, "/models"),
        ({"models": "a" * 129}, "/models"),
        ({"model": "churn"}, "/model"),
    ],
)
async def test_a_bad_grant_points_at_the_field(
    admin: Api, team: Team, change: dict[str, str], pointer: str
) -> None:
    await team.person("alice")
    refused = await admin.put("/grants", json={**GRANT, **change})
    assert pointers(problem(refused, 422, "invalid-request")) == {pointer}


async def test_only_an_admin_sees_and_changes_grants(admin: Api, team: Team) -> None:
    mia = await team.person("mia", "maintainer")
    narrowed = await team.token("admin", ["write", "review"])
    mine = {"subject": "mia", "role": "admin", "models": "*"}
    for actor in (mia, narrowed):
        problem(await actor.get("/grants"), 403, "not-allowed")
        problem(await actor.put("/grants", json=mine), 403, "not-allowed")
        problem(await actor.delete("/grants", params=mine), 403, "not-allowed")
    assert (await admin.put("/grants", json=mine)).status_code == 201
    assert (await mia.get("/grants")).status_code == 200


async def test_the_last_admins_grant_cannot_be_removed(admin: Api, team: Team) -> None:
    of_admin = {"subject": "admin", "role": "admin", "models": "*"}
    problem(await admin.delete("/grants", params=of_admin), 409, "last-admin")
    assert (await admin.get("/grants")).status_code == 200
    second = await team.person("second", "admin")
    await admin.patch("/identities/second", {"disabled": True})
    problem(await admin.delete("/grants", params=of_admin), 409, "last-admin")
    await admin.patch("/identities/second", {"disabled": False})
    assert (await admin.delete("/grants", params=of_admin)).status_code == 204
    problem(await admin.get("/grants"), 403, "not-allowed")
    assert (await second.get("/grants")).status_code == 200


async def test_two_admins_who_remove_each_other_at_once_do_not_both_succeed(
    admin: Api, team: Team
) -> None:
    second = await team.person("second", "admin")
    answers = await asyncio.gather(
        second.delete("/grants?subject=admin&role=admin&models=*"),
        admin.delete("/grants?subject=second&role=admin&models=*"),
    )
    assert sorted(answer.status_code for answer in answers) in ([204, 409], [204, 403])


async def test_roles_are_by_glob_and_hidden_is_absent(admin: Api, team: Team) -> None:
    for name in ("churn-eu", "churn-us", "fraud"):
        await make_model(admin, name)
    alice = await team.person("alice", "reader", models="churn-?u")

    async def seen(by: Api) -> list[str]:
        return [m["name"] for m in (await by.get("/models")).json()["items"]]

    assert await seen(alice) == ["churn-eu"]
    problem(await alice.get("/models/churn-us"), 404, "not-found")
    problem(await alice.patch("/models/churn-us", {"description": "x"}), 404, "not-found")
    problem(await alice.patch("/models/churn-eu", {"description": "x"}), 403, "not-allowed")
    await team.grant("alice", "contributor", "churn*")
    assert await seen(alice) == ["churn-eu", "churn-us"]
    assert (await alice.patch("/models/churn-us", {"description": "x"})).status_code == 200
    narrowed = await team.token("alice", ["read"], models=["*-us", "fraud"])
    assert await seen(narrowed) == ["churn-us"]
    problem(await narrowed.get("/models/churn-eu"), 404, "not-found")
    problem(await narrowed.get("/models/fraud"), 404, "not-found")
    problem(await narrowed.patch("/models/churn-us", {"description": "y"}), 403, "not-allowed")


async def test_grants_are_paged_and_narrowed(admin: Api, team: Team) -> None:
    await team.person("alice")
    for role in ("reader", "contributor", "reviewer"):
        await team.grant("alice", role, "churn")
    first = (await admin.get("/grants?limit=3")).json()
    rest = (await admin.get("/grants", params={"cursor": first["next_cursor"]})).json()
    roles = [g["role"] for g in first["items"] + rest["items"]]
    assert roles == ["admin", "reader", "contributor", "reviewer"]
    only = (await admin.get("/grants?role=reviewer")).json()["items"]
    assert [g["subject"] for g in only] == ["alice"]
