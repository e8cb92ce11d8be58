"""Who somebody is whom the provider names."""

import asyncio

import pytest

from tests.actors import Api, Team
from tests.factories import events, problem
from tests.oidc.canaille import Canaille
from tests.signin.person import Person


async def user(admin: Api, name: str, email: str | None = None) -> None:
    made = await admin.post("/identities", {"name": name, "kind": "user", "email": email})
    assert made.status_code == 201, made.text


async def names(admin: Api) -> list[str]:
    return [one["name"] for one in (await admin.get("/identities")).json()["items"]]


async def test_a_verified_address_that_an_admin_put_on_one_person_is_that_person(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await user(admin, "al", "Alice@Example.org")
    assert (await alice.sign_in()).name == "al"
    assert await names(admin) == ["admin", "al"]
    told = [e for e in await events(admin) if e["action"] == "identity.linked"]
    assert told[0]["details"] == {"issuer": canaille.issuer, "subject": "alice"}


async def test_an_address_that_is_not_verified_is_nobodys(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await user(admin, "al", "alice@example.org")
    canaille.person("alice", verified=False)
    assert (await alice.sign_in()).name == "alice"
    made = (await admin.get("/identities/alice")).json()
    assert made["email"] is None
    assert (await admin.get("/identities/al/links")).json()["items"] == []


@pytest.mark.parametrize(
    ("of_the_account", "of_the_person"),
    [
        ("\u212aim@example.org", "kim@example.org"),  # the Kelvin sign, which folds to k
        ("KIM@example.org", "\u212aim@example.org"),
        ("\u0130da@example.org", "i\u0307da@example.org"),
        ("m\u00dcller@example.org", "m\u00fcller@example.org"),
    ],
)
async def test_an_address_whose_letters_only_fold_to_somebodys_is_not_theirs(
    alice: Person, admin: Api, canaille: Canaille, of_the_account: str, of_the_person: str
) -> None:
    await user(admin, "kim", of_the_person)
    canaille.person("alice", name="alice", email=of_the_account)
    assert (await alice.sign_in()).name == "alice"
    assert (await admin.get("/identities/kim/links")).json()["items"] == []


async def test_an_address_of_two_is_for_an_admin_to_tell_apart(alice: Person, admin: Api) -> None:
    await user(admin, "al", "alice@example.org")
    await user(admin, "ally", "ALICE@example.org")
    told = await alice.refusal()
    assert told["error"] == "access_denied"
    assert "links" in told["error_description"]
    assert await names(admin) == ["admin", "al", "ally"]


async def test_a_second_account_with_the_address_of_the_first_is_not_the_same_person(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await alice.sign_in()
    canaille.person("mallory", email="alice@example.org")
    async with Person(alice.http, "mallory") as mallory:
        told = await mallory.refusal()
    assert told["error"] == "access_denied"
    assert await names(admin) == ["admin", "alice"]


async def test_a_service_account_is_never_signed_in_to(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await user(admin, "owner")
    made = {"name": "ci", "kind": "service", "owner": "owner", "email": "alice@example.org"}
    assert (await admin.post("/identities", made)).status_code == 201
    assert (await alice.sign_in()).name == "alice"
    account = {"issuer": canaille.issuer, "subject": "other"}
    problem(await admin.put("/identities/ci/links", json=account), 409, "conflict")


async def test_a_name_that_is_taken_is_told_with_the_remedy(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await user(admin, "ALICE")
    told = await alice.refusal()
    assert told["error"] == "access_denied"
    assert "address" in told["error_description"]
    account = {"issuer": canaille.issuer, "subject": "alice"}
    assert (await admin.put("/identities/ALICE/links", json=account)).status_code == 201
    assert (await alice.sign_in()).name == "ALICE"


@pytest.mark.parametrize("name", ["admin", "stageward", "Admin"])
async def test_nobody_becomes_who_is_there_by_calling_themself_so(
    alice: Person, admin: Api, canaille: Canaille, name: str
) -> None:
    canaille.person("alice", name=name)
    assert (await alice.refusal())["error"] == "access_denied"
    assert await names(admin) == ["admin"]


async def test_a_name_is_made_to_fit(alice: Person, canaille: Canaille) -> None:
    canaille.person("alice", name="Ålice Müller")
    assert (await alice.sign_in()).name == "Alice-Muller"


async def test_who_is_disabled_does_not_sign_in_neither_known_nor_by_address(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await alice.sign_in()
    code = await alice.code()
    await admin.patch("/identities/alice", {"disabled": True})
    assert (await alice.refusal())["error"] == "access_denied"
    refused = problem(await alice.exchange(code), 400, "bad-sign-in")
    assert refused["error"] == "invalid_grant"
    account = {"issuer": canaille.issuer, "subject": "alice"}
    assert (await admin.delete("/identities/alice/links", params=account)).status_code == 204
    canaille.person("alice", name="another.name")
    assert (await alice.refusal())["error"] == "access_denied"
    assert await names(admin) == ["admin", "alice"]


async def test_disabling_ends_the_token_of_a_sign_in(alice: Person, admin: Api) -> None:
    api = await alice.sign_in()
    await admin.patch("/identities/alice", {"disabled": True})
    problem(await api.get("/me"), 401, "not-authenticated")


async def test_two_first_sign_ins_of_one_account_make_one_identity(
    alice: Person, admin: Api
) -> None:
    addresses = [await alice.visit(await alice.begin()) for _ in range(3)]
    answers = await asyncio.gather(*(alice.come_back(address) for address in addresses))
    assert all("code=" in answer.headers["location"] for answer in answers)
    assert await names(admin) == ["admin", "alice"]


async def test_links_are_put_shown_and_removed_by_an_admin(
    admin: Api, team: Team, canaille: Canaille
) -> None:
    bob = await team.person("bob", "maintainer")
    await user(admin, "carol")
    account = {"issuer": "https://id.example.org", "subject": "7"}
    problem(await bob.put("/identities/bob/links", json=account), 403, "not-allowed")
    problem(await bob.get("/identities/bob/links"), 403, "not-allowed")
    assert (await admin.put("/identities/bob/links", json=account)).status_code == 201
    assert (await admin.put("/identities/bob/links", json=account)).status_code == 200
    problem(await admin.put("/identities/carol/links", json=account), 409, "account-linked")
    (shown,) = (await admin.get("/identities/bob/links")).json()["items"]
    assert {**account, "linked_by": "admin"}.items() <= shown.items()
    problem(await admin.delete("/identities/carol/links", params=account), 404, "not-found")
    assert (await admin.delete("/identities/bob/links", params=account)).status_code == 204
    problem(await admin.delete("/identities/bob/links", params=account), 404, "not-found")
    problem(await admin.get("/identities/nobody/links"), 404, "not-found")
    told = [e["action"] for e in await events(admin) if e["subject"] == "identity:bob"]
    assert told[-2:] == ["identity.linked", "identity.unlinked"]


async def test_an_unlinked_account_is_somebody_new_again(
    alice: Person, admin: Api, canaille: Canaille
) -> None:
    await alice.sign_in()
    account = {"issuer": canaille.issuer, "subject": "alice"}
    assert (await admin.delete("/identities/alice/links", params=account)).status_code == 204
    assert (await alice.sign_in()).name == "alice"  # by the verified address
