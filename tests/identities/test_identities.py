"""People and service accounts, over HTTP."""

import asyncio

import pytest

from tests.actors import Api, Team
from tests.factories import events, pointers, problem


async def test_a_person_is_made_shown_and_listed(admin: Api) -> None:
    made = await admin.post(
        "/identities", {"name": "alice@example.org", "kind": "user", "email": "a@example.org"}
    )
    assert made.status_code == 201
    assert made.headers["location"] == "/api/v1/identities/alice%40example.org"
    shown = await admin.get("/identities/alice@example.org")
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    body = shown.json()
    assert (body["kind"], body["email"], body["owner"], body["disabled"], body["created_by"]) == (
        "user",
        "a@example.org",
        None,
        False,
        "admin",
    )
    listed = await admin.get("/identities")
    assert [item["name"] for item in listed.json()["items"]] == ["admin", "alice@example.org"]
    assert (await admin.get(made.headers["location"].removeprefix("/api/v1"))).status_code == 200


async def test_an_identity_that_the_caller_has_is_not_sent_again(admin: Api) -> None:
    shown = await admin.get("/identities/admin")
    again = await admin.get("/identities/admin", headers={"If-None-Match": shown.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("taken", ["Alice", "alice", "REVIEWERS", "stageward", "Stageward"])
@pytest.mark.parametrize("path", ["/identities", "/groups"])
async def test_identities_and_groups_share_one_space_of_names(
    admin: Api, taken: str, path: str
) -> None:
    await admin.post("/identities", {"name": "alice", "kind": "user"})
    await admin.post("/groups", {"name": "reviewers"})
    body = {"name": taken, **({"kind": "user"} if path == "/identities" else {})}
    problem(await admin.post(path, body), 409, "name-taken")


async def test_of_two_who_take_one_name_at_once_one_gets_it(admin: Api) -> None:
    wanted = [
        admin.post("/identities", {"name": "same", "kind": "user"}),
        admin.post("/groups", {"name": "SAME"}),
    ]
    wanted += [admin.post("/identities", {"name": "Same", "kind": "user"}) for _ in range(4)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*wanted))
    assert statuses == [201, 409, 409, 409, 409, 409]


async def test_a_service_account_has_a_user_as_its_owner(admin: Api, team: Team) -> None:
    alice = await team.person("alice")
    bot = await team.service("bot", alice)
    assert (await admin.get("/identities/bot")).json()["owner"] == "alice"
    for body in (
        {"name": "x", "kind": "service"},
        {"name": "x", "kind": "service", "owner": "nobody"},
        {"name": "x", "kind": "service", "owner": bot.name},
        {"name": "x", "kind": "user", "owner": "alice"},
    ):
        refused = await admin.post("/identities", body)
        assert pointers(problem(refused, 422, "invalid-request")) == {"/owner"}
    await admin.patch("/identities/alice", {"disabled": True})
    refused = await admin.post("/identities", {"name": "x", "kind": "service", "owner": "alice"})
    assert pointers(problem(refused, 422, "invalid-request")) == {"/owner"}


async def test_only_an_admin_makes_and_changes_identities(admin: Api, team: Team) -> None:
    maintainer = await team.person("mia", "maintainer")
    narrowed = await team.token("admin", ["write", "review"])
    on_one_model = await team.token("admin", models=["churn"])
    for actor in (maintainer, narrowed, on_one_model):
        made = await actor.post("/identities", {"name": "x", "kind": "user"})
        problem(made, 403, "not-allowed")
        changed = await actor.patch("/identities/mia", {"email": "m@example.org"})
        problem(changed, 403, "not-allowed")
        assert (await actor.get("/identities/mia")).status_code == 200
    assert (await admin.patch("/identities/mia", {"email": "m@example.org"})).status_code == 200


async def test_a_disabled_identity_is_nobody_until_it_is_enabled(admin: Api, team: Team) -> None:
    alice = await team.person("alice", "reader")
    assert (await alice.get("/me")).status_code == 200
    changed = await admin.patch("/identities/alice", {"disabled": True})
    assert changed.json()["disabled"] is True
    assert changed.json()["disabled_by"] == "admin"
    problem(await alice.get("/me"), 401, "not-authenticated")
    changed = await admin.patch("/identities/alice", {"disabled": False})
    assert (changed.json()["disabled_at"], changed.json()["disabled_by"]) == (None, None)
    assert (await alice.get("/me")).status_code == 200
    told = await events(admin, actor="admin")
    assert [e["action"] for e in told][-2:] == ["identity.disabled", "identity.enabled"]
    assert told[-1]["details"] == {"disabled": {"from": True, "to": False}}
    assert told[-1]["subject"] == "identity:alice"


async def test_a_change_names_what_differed_and_no_change_is_no_event(
    admin: Api, team: Team
) -> None:
    alice, bob = await team.person("alice"), await team.person("bob")
    await team.service("bot", alice)
    changed = await admin.patch("/identities/bot", {"owner": bob.name, "email": "bot@example.org"})
    assert (changed.json()["owner"], changed.json()["email"]) == ("bob", "bot@example.org")
    before = await events(admin)
    assert before[-1]["action"] == "identity.updated"
    assert before[-1]["details"] == {
        "owner": {"from": "alice", "to": "bob"},
        "email": {"from": None, "to": "bot@example.org"},
    }
    again = await admin.patch("/identities/bot", {"owner": "bob", "disabled": False})
    assert again.headers["etag"] == changed.headers["etag"]
    assert await events(admin) == before
    cleared = await admin.patch("/identities/bot", {"email": None})
    assert cleared.json()["email"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"disabled": None}, "/disabled"),
        ({"disabled": "yes"}, "/disabled"),
        ({"owner": None}, "/owner"),
        ({"owner": "admin"}, "/owner"),
        ({"email": "nowhere"}, "/email"),
        ({"name": "other"}, "/name"),
        ({"kind": "service"}, "/kind"),
    ],
)
async def test_a_bad_change_points_at_the_field(
    admin: Api, body: dict[str, object], pointer: str
) -> None:
    refused = await admin.patch("/identities/admin", body)
    assert pointers(problem(refused, 422, "invalid-request")) == {pointer}


async def test_a_stale_change_is_refused(admin: Api, team: Team) -> None:
    await team.person("alice")
    old = (await admin.get("/identities/alice")).headers["etag"]
    first = await admin.patch("/identities/alice", {"email": "a@b.c"}, headers={"If-Match": old})
    assert first.status_code == 200
    second = await admin.patch("/identities/alice", {"email": "d@e.f"}, headers={"If-Match": old})
    problem(second, 412, "stale-revision")
    assert (await admin.get("/identities/alice")).json()["email"] == "a@b.c"


async def test_the_last_enabled_admin_cannot_be_disabled(admin: Api, team: Team) -> None:
    problem(await admin.patch("/identities/admin", {"disabled": True}), 409, "last-admin")
    second = await team.person("second", "admin")
    assert (await admin.patch("/identities/admin", {"disabled": True})).status_code == 200
    problem(await second.patch("/identities/second", {"disabled": True}), 409, "last-admin")


async def test_two_admins_who_disable_each_other_at_once_do_not_both_succeed(
    admin: Api, team: Team
) -> None:
    second = await team.person("second", "admin")
    answers = await asyncio.gather(
        admin.patch("/identities/second", {"disabled": True}),
        second.patch("/identities/admin", {"disabled": True}),
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses in ([200, 409], [200, 401])


async def test_lists_are_narrowed_and_paged(admin: Api, team: Team) -> None:
    alice = await team.person("alice")
    for number in range(3):
        await team.service(f"bot-{number}", alice)
    await admin.patch("/identities/bot-1", {"disabled": True})

    async def names(**query: object) -> list[str]:
        found = await admin.get("/identities", params=query)
        return [item["name"] for item in found.json()["items"]]

    assert await names(kind="service") == ["bot-0", "bot-1", "bot-2"]
    assert await names(owner="alice", disabled=False) == ["bot-0", "bot-2"]
    assert await names(disabled=True) == ["bot-1"]
    page = await admin.get("/identities", params={"limit": 2, "kind": "service"})
    assert [item["name"] for item in page.json()["items"]] == ["bot-0", "bot-1"]
    link = page.headers["link"]
    assert link.endswith('; rel="next"')
    rest = await admin.http.get(
        link.split(">")[0][1:], headers={"Authorization": f"Bearer {admin.token}"}
    )
    assert [item["name"] for item in rest.json()["items"]] == ["bot-2"]
    assert rest.json()["next_cursor"] is None


@pytest.mark.parametrize("name", ["nobody", "Admin"])
async def test_nobody_is_a_404(admin: Api, name: str) -> None:
    problem(await admin.get(f"/identities/{name}"), 404, "not-found")
    problem(await admin.patch(f"/identities/{name}", {"disabled": True}), 404, "not-found")


@pytest.mark.parametrize("cursor", ["!", "WyJ4Il0", "W10", "W" * 1900, "WyJcdWQ4MDAiXQ"])
async def test_a_cursor_of_somebody_elses_is_a_422(admin: Api, cursor: str) -> None:
    refused = await admin.get("/identities", params={"cursor": cursor})
    assert pointers(problem(refused, 422, "invalid-request")) == {"cursor"}


async def test_me_tells_who_i_am_and_what_i_may_do(admin: Api, team: Team) -> None:
    alice = await team.person("alice", "contributor", models="churn*")
    bot = await team.service("bot", alice, "reader")
    await admin.post("/groups", {"name": "reviewers"})
    await admin.put("/groups/reviewers/members/bot")
    await team.grant("reviewers", "reviewer", "fraud-*")
    narrow = await team.token("bot", ["read"], models=["fraud-?"], expires_in_days=1)
    me = (await narrow.get("/me")).json()
    assert me["token"].pop("expires_at") is not None
    assert me["token"].pop("id")
    assert me == {
        "name": "bot",
        "kind": "service",
        "email": None,
        "owner": "alice",
        "groups": ["reviewers"],
        "grants": [
            {"role": "reader", "models": "*", "group": None},
            {"role": "reviewer", "models": "fraud-*", "group": "reviewers"},
        ],
        "is_admin": False,
        "token": {
            "name": "test",
            "scopes": ["read"],
            "models": ["fraud-?"],
            "expires_soon": False,
        },
    }
    assert (await admin.get("/me")).json()["is_admin"] is True
    assert (await (await team.token("admin", ["write"])).get("/me")).json()["is_admin"] is False
    assert (await bot.get("/me")).json()["name"] == "bot"


async def test_machines_work_on_when_their_owner_is_disabled_and_an_admin_sees_it(
    admin: Api, team: Team
) -> None:
    alice = await team.person("alice")
    bot = await team.service("bot", alice)
    shown = (await admin.get("/identities/bot")).json()
    assert (shown["owner"], shown["owner_disabled"]) == ("alice", False)
    tag = (await admin.get("/identities/bot")).headers["etag"]
    disabled = (await admin.patch("/identities/alice", {"disabled": True})).json()
    assert disabled["service_accounts"] == 1
    assert (await bot.get("/me")).status_code == 200
    found = (await admin.get("/identities", params={"owner_disabled": True})).json()["items"]
    assert [(item["name"], item["owner"], item["owner_disabled"]) for item in found] == [
        ("bot", "alice", True)
    ]
    stale = await admin.get("/identities/bot", headers={"If-None-Match": tag})
    assert stale.status_code == 200
    given = (await admin.patch("/identities/bot", {"owner": "admin"})).json()
    assert (given["owner"], given["owner_disabled"]) == ("admin", False)
    assert (await admin.get("/identities/alice")).json()["service_accounts"] == 0
    await admin.patch("/identities/bot", {"disabled": True})
    assert (await admin.get("/identities/admin")).json()["service_accounts"] == 0
