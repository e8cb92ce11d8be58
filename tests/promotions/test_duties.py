"""Who may not approve, whatever their role; who may not even ask."""

import psycopg
import pytest

from tests.actors import Api, Team
from tests.factories import make_model, make_ready, problem
from tests.promotions.acting import (
    VERSIONS,
    People,
    apply,
    approve,
    ask,
    look,
    open_promotion,
    registered,
    say,
    stage_of,
    to_staging,
)


async def in_staging(writer: Api) -> None:
    """A version in staging that this actor wrote and sent there."""
    await make_ready(writer)
    await to_staging(writer, 1)


async def refused(api: Api, promotion: dict[str, object], *words: str) -> None:
    """The approval is refused by the rule, the answer says why and how else, nothing changed."""
    body = problem(await say(api, promotion, "approve"), 403, "separation-of-duties")
    for word in (*words, "another reviewer", "allow_self_approval", "allow_author_approval"):
        assert word in body["detail"], body["detail"]
    shown = await look(api, promotion)
    assert (shown["status"], shown["reviews"]) == ("open", [])
    assert "approve" not in shown["available_actions"]


async def test_the_requester_cannot_approve_their_own_promotion(people: People) -> None:
    await make_model(people.admin)
    await in_staging(people.dan)
    await refused(
        people.alice, await open_promotion(people.alice, 1, "production"), "alice asked for it"
    )


async def test_the_author_cannot_approve_what_somebody_else_asked_for(people: People) -> None:
    await make_model(people.admin)
    await in_staging(people.alice)
    promotion = await open_promotion(people.dan, 1, "production")
    await refused(people.alice, promotion, "alice wrote content of the version")
    await approve(people.bob, promotion)


async def test_who_only_wrote_a_file_of_the_draft_is_an_author(people: People) -> None:
    await make_model(people.admin)
    assert (await people.dan.post(f"{VERSIONS}", {})).status_code == 201
    put = await people.bob.put(f"{VERSIONS}/1/files/model.bin", content=b"bytes")
    assert put.status_code in (200, 201), put.text
    assert (await people.dan.post(f"{VERSIONS}/1/finalize")).status_code == 200
    await to_staging(people.dan, 1)
    promotion = await open_promotion(people.dan, 1, "production")
    await refused(people.bob, promotion, "bob wrote content of the version")


async def test_the_owner_of_the_service_account_that_asked_cannot_approve(people: People) -> None:
    await make_model(people.admin)
    await in_staging(people.dan)
    promotion = await open_promotion(people.ci, 1, "production")
    await refused(people.mia, promotion, "mia owns the service account that asked")


async def test_the_owner_of_the_service_account_that_trained_cannot_approve(
    people: People,
) -> None:
    await make_model(people.admin)
    await in_staging(people.ci)
    promotion = await open_promotion(people.dan, 1, "production")
    await refused(people.mia, promotion, "mia owns a service account that wrote")


async def test_a_second_token_is_still_the_same_person(people: People, team: Team) -> None:
    await make_model(people.admin)
    await in_staging(people.alice)
    promotion = await open_promotion(people.dan, 1, "production")
    await refused(await team.token("alice"), promotion, "alice wrote")


async def test_an_admin_cannot_approve_their_own_either(people: People) -> None:
    await make_model(people.admin)
    await in_staging(people.admin)
    promotion = await open_promotion(people.dan, 1, "production")
    await refused(people.admin, promotion, "admin wrote content of the version")
    asked = await open_promotion(people.admin, 1, "archived")
    problem(await say(people.admin, asked, "approve"), 403, "separation-of-duties")


async def test_a_token_that_the_author_issued_for_the_reviewer_cannot_approve(
    people: People,
) -> None:
    """Every token of the team was issued by the admin, who wrote this version."""
    await make_model(people.admin)
    await in_staging(people.admin)
    promotion = await open_promotion(people.dan, 1, "production")
    await refused(people.bob, promotion, "token was issued by admin", "wrote content", "no hand in")


async def test_a_token_issued_with_such_a_token_cannot_approve_either(people: People) -> None:
    await make_model(people.admin)
    await in_staging(people.admin)
    promotion = await open_promotion(people.dan, 1, "production")
    issued = await people.bob.post(
        "/tokens", {"name": "mine", "scopes": ["read", "write", "review"]}
    )
    assert issued.status_code == 201, issued.text
    own = Api(people.bob.http, issued.json()["secret"], "bob")
    await refused(own, promotion, "issued by admin")


@pytest.mark.parametrize("role", ["reader", "contributor"])
async def test_readers_and_contributors_do_not_review(
    people: People, team: Team, role: str
) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    for decision in ("approve", "reject", "comment", "withdraw"):
        reader = people.carol if role == "reader" else people.dan
        body = problem(await say(reader, promotion, decision), 403, "not-allowed")
        assert "reviewer" in body["detail"]


async def test_a_token_without_the_scope_does_not_review(people: People, team: Team) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    narrow = await team.token("bob", ["read", "write"])
    body = problem(await say(narrow, promotion, "approve"), 403, "not-allowed")
    assert "`review`" in body["detail"]
    assert (await look(narrow, promotion))["available_actions"] == []


async def test_a_hidden_models_promotions_are_not_there(people: People, team: Team) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    stranger = await team.person("eve", "maintainer", models="other-*")
    path = f"/promotions/{promotion['id']}"
    problem(await stranger.get(path), 404, "not-found")
    for action in ("reviews", "apply", "cancel", "override"):
        body = {"decision": "approve"} if action == "reviews" else None
        body = {"reason": "We must, at once."} if action == "override" else body
        problem(await stranger.post(f"{path}/{action}", body), 404, "not-found")
    assert (await stranger.get("/promotions")).json()["items"] == []
    problem(await ask(stranger, 1, "production"), 404, "not-found")


@pytest.mark.parametrize("text", ["1", "nope", "0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"])
async def test_what_is_no_promotion_is_a_404(people: People, text: str) -> None:
    problem(await people.bob.get(f"/promotions/{text}"), 404, "not-found")
    problem(await people.bob.post(f"/promotions/{text}/apply"), 404, "not-found")


async def test_readers_do_not_ask_and_do_not_apply(people: People) -> None:
    await registered(people)
    problem(await ask(people.carol, 1, "staging"), 403, "not-allowed")
    promotion = await open_promotion(people.alice, 1, "staging")
    problem(await apply(people.carol, promotion), 403, "not-allowed")
    assert await stage_of(people.carol, 1) == "none"


async def test_a_service_account_does_not_approve(people: People, team: Team) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    robot = await team.service("robot", people.mia, "reviewer")
    problem(await say(robot, promotion, "approve"), 403, "only-people-approve")
    assert "approve" not in (await look(robot, promotion))["available_actions"]


async def test_an_approval_does_not_outlive_the_reviewers_role(people: People, team: Team) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    revoked = await people.admin.request(
        "DELETE", "/grants", json={"subject": "bob", "role": "reviewer", "models": "*"}
    )
    assert revoked.status_code == 204, revoked.text
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    shown = await look(people.alice, promotion)
    assert (shown["status"], shown["approvals"]["given"]) == ("open", 0)
    assert shown["reviews"][0]["counts"] is False
    assert "no reviewer of this model any more" in shown["reviews"][0]["note"]
    await team.grant("bob", "reviewer", "churn")
    assert (await look(people.alice, promotion))["status"] == "approved"


async def test_an_approval_does_not_outlive_the_reviewer(people: People) -> None:
    await registered(people)
    await to_staging(people.alice, 1)
    promotion = await open_promotion(people.alice, 1, "production")
    await approve(people.bob, promotion)
    disabled = await people.admin.patch("/identities/bob", {"disabled": True})
    assert disabled.status_code == 200, disabled.text
    problem(await apply(people.alice, promotion), 409, "promotion-not-approved")
    assert (await look(people.alice, promotion))["status"] == "open"


async def test_whoever_comes_to_own_the_asking_service_account_did_not_approve(
    people: People,
) -> None:
    await make_model(people.admin)
    await in_staging(people.dan)
    promotion = await open_promotion(people.ci, 1, "production")
    await approve(people.bob, promotion)
    changed = await people.admin.patch("/identities/ci", {"owner": "bob"})
    assert changed.status_code == 200, changed.text
    problem(await apply(people.ci, promotion), 409, "promotion-not-approved")
    review = (await look(people.ci, promotion))["reviews"][0]
    assert "owns the service account that asked for it" in review["note"]
    await refused_still(people.mia, promotion)


async def refused_still(api: Api, promotion: dict[str, object]) -> None:
    """Who owned it when it asked is tied to it for ever."""
    problem(await say(api, promotion, "approve"), 403, "separation-of-duties")


async def test_a_token_that_turns_out_to_be_of_the_authors_making_does_not_count(
    people: People, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    """As if the token's issuer had been learnt only after the approval."""
    await make_model(people.admin)
    await in_staging(people.alice)
    promotion = await open_promotion(people.dan, 1, "production")
    await approve(people.bob, promotion)
    await sql.execute(
        "update tokens set issuers = array(select id from identities where name = 'alice') "
        "where identity_id = (select id from identities where name = 'bob')"
    )
    problem(await apply(people.ci, promotion), 409, "promotion-not-approved")
