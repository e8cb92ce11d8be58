"""From `none` to production, and what everybody sees on the way."""

from tests.factories import events, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    ask,
    look,
    open_promotion,
    registered,
    stage_of,
    to_production,
    to_staging,
)


async def test_a_version_goes_through_staging_to_production(people: People) -> None:
    await registered(people)
    version = (await people.alice.get(f"{VERSIONS}/1")).json()

    staged = await ask(people.alice, 1, "staging", apply=True)
    assert staged.status_code == 201, staged.text
    assert staged.headers["location"] == f"/api/v1/promotions/{staged.json()['id']}"
    assert staged.json()["status"] == "applied"
    assert await stage_of(people.carol, 1) == "staging"

    asked = await ask(people.alice, 1, "Production", apply=True)
    assert asked.status_code == 201
    body = asked.json()
    assert (body["model"], body["version"]) == ("churn", 1)
    assert (body["from"], body["to"]) == ("staging", "production")
    assert body["status"] == "open"
    assert body["manifest_sha256"] == version["manifest_sha256"]
    assert body["recipe_sha256"] == version["recipe_sha256"]
    assert (body["policy_revision"], body["opened_under_revision"]) == (1, 1)
    assert (body["incumbent"], body["gates"], body["reviews"]) == (None, [], [])
    assert body["approvals"] == {
        "required": 1,
        "given": 0,
        "missing": 1,
        "rules": [
            {
                "count": 1,
                "roles": ["reviewer"],
                "groups": [],
                "identities": [],
                "given": 0,
                "missing": 1,
                "given_by": [],
            }
        ],
    }
    assert body["available_actions"] == ["reject", "comment", "cancel"]
    assert (body["requested_by"], body["expires_at"], body["ended_at"]) == ("alice", None, None)
    assert (await people.alice.get(f"/promotions/{body['id']}")).json() == body

    review = await approve(people.bob, body)
    assert (review["reviewer"], review["decision"]) == ("bob", "approve")
    assert (review["counts"], review["stale"], review["note"]) == (True, False, None)
    assert review["manifest_sha256"] == version["manifest_sha256"]

    approved = await look(people.ci, body)
    assert approved["status"] == "approved"
    assert approved["approvals"]["given"] == 1
    assert approved["approvals"]["rules"][0]["given_by"] == ["bob"]
    assert approved["reviews"] == [review]
    assert approved["available_actions"] == ["apply"]

    done = await apply(people.ci, body)
    assert done.status_code == 200, done.text
    assert done.json()["status"] == "applied"
    assert done.json()["ended_by"] == "ci"
    assert done.json()["available_actions"] == []
    assert await stage_of(people.carol, 1) == "production"
    assert (await people.carol.get("/models/churn")).json()["stages"] == {"production": [1]}
    assert (await people.carol.get(f"{VERSIONS}/production")).json()["number"] == 1


async def test_every_step_is_an_event_in_the_order_in_which_it_happened(people: People) -> None:
    await registered(people)
    promotion = await to_production(people.alice, people.bob, 1)
    found = await events(people.admin, model="churn")
    told = [
        (e["action"], e["actor"])
        for e in found
        if e["action"].startswith(("promotion.", "version.moved"))
    ]
    assert told == [
        ("promotion.requested", "alice"),
        ("promotion.approved", "stageward"),
        ("promotion.applied", "alice"),
        ("version.moved", "alice"),
        ("promotion.requested", "alice"),
        ("promotion.reviewed", "bob"),
        ("promotion.approved", "stageward"),
        ("promotion.applied", "alice"),
        ("version.moved", "alice"),
    ]
    moved = found[-1]
    assert (moved["model"], moved["version"]) == ("churn", 1)
    assert moved["details"]["to"] == "production"
    assert moved["details"]["promotion"] == promotion["id"]


async def test_the_incumbent_is_archived_in_the_same_transaction(people: People) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await to_staging(people.alice, 2)
    promotion = await open_promotion(people.alice, 2, "production")
    assert promotion["incumbent"] == 1
    await approve(people.bob, promotion)
    applied = (await apply(people.ci, promotion)).json()
    assert applied["incumbent"] == 1

    assert (await people.carol.get("/models/churn")).json()["stages"] == {
        "archived": [1],
        "production": [2],
    }
    latest = (await people.carol.get("/models/churn/transitions")).json()["items"][:2]
    assert {(t["number"], t["kind"], t["from"], t["to"]) for t in latest} == {
        (2, "promotion", "staging", "production"),
        (1, "succession", "production", "archived"),
    }
    assert {t["promotion"] for t in latest} == {promotion["id"]}
    assert len({t["at"] for t in latest}) == 1


async def test_a_version_can_come_back_from_the_archive_through_staging(people: People) -> None:
    await registered(people, 2)
    await to_production(people.alice, people.bob, 1)
    await to_production(people.alice, people.bob, 2)
    await to_production(people.alice, people.bob, 1)
    assert (await people.carol.get("/models/churn")).json()["stages"] == {
        "archived": [2],
        "production": [1],
    }


async def test_the_etags_of_version_and_model_change_with_the_stage(people: People) -> None:
    await registered(people)
    version, model = f"{VERSIONS}/1", "/models/churn"
    before = [(await people.carol.get(path)).headers["etag"] for path in (version, model)]
    await to_staging(people.alice, 1)
    after = [(await people.carol.get(path)).headers["etag"] for path in (version, model)]
    assert before[0] != after[0]
    assert before[1] != after[1]


async def test_one_key_applies_once_and_answers_the_same_again(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    headers = {"Idempotency-Key": f"apply-{promotion['id']}"}
    first = await apply(people.ci, promotion, headers=headers)
    again = await apply(people.ci, promotion, headers=headers)
    assert first.json() == again.json()
    assert again.headers["idempotent-replay"] == "true"
    body = problem(await apply(people.ci, promotion), 409, "promotion-ended")
    assert "already" in body["detail"]
    assert body["ended_as"] == "applied"
