"""Who had somebody be recognised as a person does not speak with that person's voice."""

from typing import Any

import psycopg

from tests.actors import Api, Team
from tests.factories import make_model, make_ready, problem
from tests.oidc.canaille import Canaille
from tests.signin.person import Person

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


async def reviewer(admin: Api, name: str, email: str | None = None) -> None:
    made = await admin.post("/identities", {"name": name, "kind": "user", "email": email})
    assert made.status_code == 201, made.text
    granted = {"subject": name, "role": "reviewer", "models": "*"}
    assert (await admin.put("/grants", json=granted)).status_code == 201


async def asked(admin: Api) -> str:
    """Where to review what the admin asks for."""
    await make_model(admin)
    await make_ready(admin)
    promotions = "/models/churn/versions/1/promotions"
    await admin.post(promotions, {"to": "staging", "reason": "Try it.", "apply": True})
    made = await admin.post(promotions, {"to": "production", "reason": "Better."})
    return f"/promotions/{made.json()['id']}/reviews"


async def link(by: Api, canaille: Canaille, name: str) -> None:
    account = {"issuer": canaille.issuer, "subject": "alice"}
    assert (await by.put(f"/identities/{name}/links", json=account)).status_code == 201


async def unlink(by: Api, canaille: Canaille, name: str) -> None:
    account = {"issuer": canaille.issuer, "subject": "alice"}
    assert (await by.delete(f"/identities/{name}/links", params=account)).status_code == 204


async def test_who_linked_an_account_to_somebody_does_not_approve_by_it(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await reviewer(admin, "bob")
    await link(admin, canaille, "bob")
    reviews = await asked(admin)
    voice = await alice.sign_in()
    assert voice.name == "bob"
    assert (await admin.get("/tokens", params={"identity": "bob"})).json()["items"][0][
        "issuers"
    ] == ["admin"]
    problem(await voice.post(reviews, {"decision": "approve"}), 403, "separation-of-duties")
    issued = (await voice.post("/tokens", {"name": "t", "scopes": ["read", "review"]})).json()
    child = Api(voice.http, issued["secret"], "bob")
    problem(await child.post(reviews, {"decision": "approve"}), 403, "separation-of-duties")


async def test_nor_who_linked_it_through_a_token_of_somebody_elses(
    alice: Person, admin: Api, team: Team, canaille: Canaille
) -> None:
    await reviewer(admin, "bob")
    through = await team.person("carol", "admin")  # by a token that the admin issued
    await link(through, canaille, "bob")
    reviews = await asked(admin)
    voice = await alice.sign_in()
    problem(await voice.post(reviews, {"decision": "approve"}), 403, "separation-of-duties")


async def test_who_set_the_address_that_recognised_somebody_does_not_approve_by_it(
    alice: Person, admin: Api
) -> None:
    await reviewer(admin, "bob", "bob@example.org")
    changed = await admin.patch("/identities/bob", {"email": "alice@example.org"})
    assert changed.status_code == 200
    voice = await alice.sign_in()
    assert voice.name == "bob"
    await admin.patch("/identities/bob", {"email": "bob@example.org"})
    problem(
        await (await alice.sign_in()).post(await asked(admin), {"decision": "approve"}),
        403,
        "separation-of-duties",
    )


async def test_unlinking_between_the_code_and_the_token_hides_no_hand(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await reviewer(admin, "bob")
    await link(admin, canaille, "bob")
    code = await alice.code()
    await unlink(admin, canaille, "bob")
    refused = problem(await alice.exchange(code), 400, "bad-sign-in")
    assert refused["error"] == "invalid_grant"


async def test_who_came_by_themself_approves(alice: Person, admin: Api) -> None:
    await alice.sign_in()
    granted = {"subject": "alice", "role": "reviewer", "models": "*"}
    assert (await admin.put("/grants", json=granted)).status_code == 201
    await admin.patch("/identities/alice", {"email": "other@example.org"})
    reviews = await asked(admin)
    voice = await alice.sign_in()
    assert (await voice.post(reviews, {"decision": "approve"})).status_code == 201


async def test_whom_another_admin_linked_approves(
    alice: Person, admin: Api, team: Team, canaille: Canaille, sql: Sql
) -> None:
    """The remedy, where the first one asks for promotions themself."""
    other = await team.person("carol", "admin")
    await sql.execute("update tokens set issuers = '{}'")  # as of somebody who signed in
    await reviewer(admin, "bob")
    await link(admin, canaille, "bob")
    await unlink(admin, canaille, "bob")
    await link(other, canaille, "bob")
    reviews = await asked(admin)
    voice = await alice.sign_in()
    assert (await voice.post(reviews, {"decision": "approve"})).status_code == 201
