"""Groups that a claim of the provider's fills."""

from typing import Any

import pytest

from tests.actors import Api, Team
from tests.factories import events, problem
from tests.oidc.canaille import Canaille
from tests.signin.person import Person


async def shown(admin: Api, group: str = "risk") -> dict[str, Any]:
    return dict((await admin.get(f"/groups/{group}")).json())


async def have_group(admin: Api, name: str = "risk", claim: str | None = "ml-risk") -> None:
    made = await admin.post("/groups", {"name": name, "claim": claim})
    assert made.status_code == 201, made.text
    assert made.json()["claim"] == claim


async def test_membership_follows_the_provider_at_each_sign_in(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await have_group(admin)
    await have_group(admin, "ops", "ml-ops")
    await have_group(admin, "unclaimed", None)
    canaille.person("alice", groups=["ml-risk", "others"])
    await alice.sign_in()
    assert (await shown(admin))["members_by_claim"] == ["alice"]
    assert (await shown(admin, "ops"))["members"] == []
    canaille.person("alice", groups=["ml-ops"])
    await alice.sign_in()
    assert (await shown(admin))["members"] == []
    assert (await shown(admin, "ops"))["members"] == ["alice"]
    canaille.person("alice", groups=[])  # Canaille leaves the claim out then
    await alice.sign_in()
    assert (await shown(admin, "ops"))["members"] == []
    told = [
        (e["action"], e["actor"], e["subject"], e["details"])
        for e in await events(admin)
        if e["action"].startswith("member.")
    ]
    assert told == [
        ("member.added", "stageward", "group:risk", {"member": "alice", "by_claim": "ml-risk"}),
        ("member.removed", "stageward", "group:risk", {"member": "alice", "by_claim": "ml-risk"}),
        ("member.added", "stageward", "group:ops", {"member": "alice", "by_claim": "ml-ops"}),
        ("member.removed", "stageward", "group:ops", {"member": "alice", "by_claim": "ml-ops"}),
    ]


async def test_what_a_group_was_granted_comes_and_goes_with_it(
    alice: Person, admin: Api, team: Team, canaille: Canaille
) -> None:
    await have_group(admin)
    await team.grant("risk", "contributor")
    canaille.person("alice", groups=["ml-risk"])
    first = await alice.sign_in()
    assert (await first.post("/models", {"name": "churn"})).status_code == 201
    canaille.person("alice", groups=[])
    second = await alice.sign_in()
    problem(await second.get("/models/churn"), 404, "not-found")
    problem(await first.get("/models/churn"), 404, "not-found")


async def test_what_an_admin_did_by_hand_stays_by_hand(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await have_group(admin)
    await alice.sign_in()
    assert (await admin.put("/groups/risk/members/alice")).status_code == 201
    await alice.sign_in()
    assert (await shown(admin))["members"] == ["alice"]
    assert (await shown(admin))["members_by_claim"] == []


async def test_an_admin_can_keep_a_member_whom_the_claim_brought(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await have_group(admin)
    canaille.person("alice", groups=["ml-risk"])
    await alice.sign_in()
    kept = await admin.put("/groups/risk/members/alice")
    assert (kept.status_code, kept.json()["members_by_claim"]) == (200, [])
    canaille.person("alice", groups=[])
    await alice.sign_in()
    assert (await shown(admin))["members"] == ["alice"]
    assert "member.kept" in [e["action"] for e in await events(admin)]


@pytest.mark.parametrize("claim", ["other", None])
async def test_with_another_claim_those_of_the_one_before_leave_at_once(
    alice: Person, admin: Api, canaille: Canaille, claim: str | None
) -> None:
    await have_group(admin)
    canaille.person("alice", groups=["ml-risk"])
    await alice.sign_in()
    before = await admin.get("/groups/risk")
    edited = await admin.patch("/groups/risk", {"claim": claim})
    assert edited.status_code == 200, edited.text
    assert (edited.json()["claim"], edited.json()["members"]) == (claim, [])
    stale = {"If-Match": before.headers["etag"]}
    answer = await admin.patch("/groups/risk", {"description": "x"}, headers=stale)
    problem(answer, 412, "stale-revision")
    told = [e for e in await events(admin) if e["action"] == "group.updated"]
    assert told[0]["details"] == {"claim": {"from": "ml-risk", "to": claim}}


async def test_the_last_admin_stays_one_and_is_signed_in_all_the_same(
    alice: Person, admin: Api, team: Team, canaille: Canaille
) -> None:
    await have_group(admin)
    await have_group(admin, "readers", "ml-read")
    await team.grant("risk", "admin")
    canaille.person("alice", groups=["ml-risk", "ml-read"])
    boss = await alice.sign_in(scope="admin")
    assert (await boss.patch("/identities/admin", {"disabled": True})).status_code == 200
    problem(await boss.patch("/groups/risk", {"claim": None}), 409, "last-admin")
    canaille.person("alice", groups=[])
    again = await alice.sign_in(scope="admin")
    assert (await shown(again))["members"] == ["alice"]
    assert (await shown(again, "readers"))["members"] == []
    last = [e for e in await events(again) if e["action"] == "identity.signed_in"][-1]
    assert last["details"]["last_admin_kept_in"] == ["risk"]


async def test_a_group_is_edited_by_admins_alone_and_with_care(admin: Api, team: Team) -> None:
    await have_group(admin)
    bob = await team.person("bob", "maintainer")
    problem(await bob.patch("/groups/risk", {"claim": "x"}), 403, "not-allowed")
    problem(await admin.patch("/groups/nothing", {"claim": "x"}), 404, "not-found")
    for wrong in ({"description": None}, {"claim": ""}, {"claim": "a\nb"}, {"name": "x"}):
        problem(await admin.patch("/groups/risk", wrong), 422, "invalid-request")
    same = await admin.patch("/groups/risk", {"claim": "ml-risk"})
    assert same.headers["etag"] == (await admin.get("/groups/risk")).headers["etag"]
    assert [e for e in await events(admin) if e["action"] == "group.updated"] == []
