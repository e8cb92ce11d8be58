"""Signing in from one end to the other, at a real provider."""

import asyncio
import re

import httpx
import psycopg
import pytest

from app.core.runtime import Runtime
from app.signin.service import sweep_sign_ins
from tests.actors import API, Api
from tests.factories import events, problem
from tests.oidc.canaille import Canaille
from tests.signin.person import BACK, Person, challenge_of

Sql = psycopg.AsyncConnection[tuple[object, ...]]


async def test_a_person_signs_in_and_has_a_token_of_an_hour(alice: Person, admin: Api) -> None:
    back = await alice.go()
    assert str(back).startswith(f"{BACK}?code=")
    assert back.params["state"] == "a state & more"
    assert back.params["iss"] == "http://test"
    answer = await alice.exchange(back.params["code"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()
    assert token.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (token["token_type"], token["expires_in"], token["scope"]) == (
        "Bearer",
        3600,
        "read review write",
    )
    me = (await Api(alice.http, token["access_token"], "alice").get("/me")).json()
    assert (me["name"], me["kind"], me["email"], me["grants"]) == (
        "alice",
        "user",
        "alice@example.org",
        [],
    )
    assert me["token"]["name"] == "sign-in"
    assert me["token"]["expires_at"] is not None
    told = [(e["action"], e["actor"]) for e in await events(admin)][-4:]
    assert told == [
        ("identity.created", "stageward"),
        ("identity.linked", "stageward"),
        ("identity.signed_in", "stageward"),
        ("token.issued", "stageward"),
    ]


async def test_who_comes_again_is_the_same_identity(alice: Person, admin: Api) -> None:
    first = await alice.sign_in()
    again = await alice.sign_in()
    assert first.token != again.token
    people = (await admin.get("/identities")).json()["items"]
    assert [one["name"] for one in people] == ["admin", "alice"]
    links = (await admin.get("/identities/alice/links")).json()["items"]
    assert [(one["subject"], one["linked_by"]) for one in links] == [("alice", "stageward")]


async def test_a_signed_in_person_works_and_is_narrowed_by_the_scopes_asked(
    alice: Person, admin: Api
) -> None:
    await alice.sign_in()
    granted = {"subject": "alice", "role": "admin", "models": "*"}
    assert (await admin.put("/grants", json=granted)).status_code == 201
    usual = await alice.sign_in()
    problem(await usual.get("/grants"), 403, "not-allowed")
    assert (await usual.post("/models", {"name": "churn"})).status_code == 201
    reading = await alice.sign_in(scope="read")
    problem(await reading.post("/models", {"name": "other"}), 403, "not-allowed")
    administering = await alice.sign_in(scope="admin")
    assert (await administering.get("/grants")).status_code == 200


async def test_what_the_provider_is_asked_with_is_new_each_time_and_not_the_clients(
    alice: Person,
) -> None:
    asked = [httpx.URL((await alice.begin()).headers["location"]).params for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name]) == 43
    assert asked[0]["code_challenge"] != challenge_of(alice.verifier)
    assert asked[0]["redirect_uri"] == "http://test/api/v1/auth/callback"
    assert asked[0]["code_challenge_method"] == "S256"
    assert "a-client-secret" not in str(asked[0])


async def test_of_state_and_code_only_digests_are_stored(alice: Person, sql: Sql) -> None:
    begun = await alice.begin()
    state = httpx.URL(begun.headers["location"]).params["state"]
    code = (await alice.go()).params["code"]
    rows = await sql.execute("select sign_ins::text from sign_ins")
    stored = str(await rows.fetchall())
    assert stored.count("http://127.0.0.1:8765/back") == 2
    assert state not in stored
    assert code not in stored


async def test_a_code_is_good_once_and_a_second_use_ends_the_token(
    alice: Person, admin: Api
) -> None:
    code = await alice.code()
    token = (await alice.exchange(code)).json()["access_token"]
    me = Api(alice.http, token, "alice")
    assert (await me.get("/me")).status_code == 200
    refused = problem(await alice.exchange(code), 400, "bad-sign-in")
    assert refused["error"] == "invalid_grant"
    problem(await me.get("/me"), 401, "not-authenticated")
    revoked = [e for e in await events(admin) if e["action"] == "token.revoked"]
    assert len(revoked) == 1
    assert revoked[0]["actor"] == "stageward"
    problem(await alice.exchange(code), 400, "bad-sign-in")


async def test_a_second_use_ends_what_was_issued_with_the_token_too(
    alice: Person, admin: Api
) -> None:
    code = await alice.code()
    of_the_code = Api(alice.http, (await alice.exchange(code)).json()["access_token"], "alice")
    other = await alice.sign_in()
    child, grandchild = of_the_code, of_the_code
    for _ in range(2):
        issued = await grandchild.post("/tokens", {"name": "t", "scopes": ["read"]})
        child, grandchild = grandchild, Api(alice.http, issued.json()["secret"], "alice")
    rotated = await child.post(f"/tokens/{issued.json()['id']}/rotate", {})
    successor = Api(alice.http, rotated.json()["secret"], "alice")
    assert (await successor.get("/me")).status_code == 200
    # Not by ending the first one oneself either.
    own = (await of_the_code.get("/me")).json()["token"]["id"]
    assert (await of_the_code.delete(f"/tokens/{own}")).status_code == 204
    problem(await alice.exchange(code), 400, "bad-sign-in")
    for ended in (of_the_code, child, grandchild, successor):
        problem(await ended.get("/me"), 401, "not-authenticated")
    assert (await other.get("/me")).status_code == 200


async def test_of_two_who_show_one_code_at_once_at_most_one_has_a_token_and_not_for_long(
    alice: Person,
) -> None:
    code = await alice.code()
    answers = await asyncio.gather(*(alice.exchange(code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    (given,) = [answer for answer in answers if answer.status_code == 200]
    token = given.json()["access_token"]
    problem(await Api(alice.http, token, "alice").get("/me"), 401, "not-authenticated")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "v" * 64},
        {"code_verifier": None},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:8766/back"},
        {"redirect_uri": None},
        {"client_id": "stageward-docs"},
        {"client_id": None},
    ],
)
async def test_a_code_that_is_shown_wrongly_is_refused_and_over(
    alice: Person, changes: dict[str, str | None]
) -> None:
    code = await alice.code()
    refused = problem(await alice.exchange(code, **changes), 400, "bad-sign-in")
    assert refused["error"] == "invalid_grant"
    problem(await alice.exchange(code), 400, "bad-sign-in")


async def test_a_code_ends_after_a_minute_and_a_sign_in_after_ten(alice: Person, sql: Sql) -> None:
    begun = await alice.visit(await alice.begin())
    code = await alice.code()
    rows = await sql.execute(
        "select round(extract(epoch from expires_at - clock_timestamp())) from sign_ins order by 1"
    )
    left = [int(str(row[0])) for row in await rows.fetchall()]
    assert 0 < left[0] <= 60
    assert 60 < left[1] <= 600
    await sql.execute("update sign_ins set expires_at = clock_timestamp() - interval '1 second'")
    problem(await alice.exchange(code), 400, "bad-sign-in")
    problem(await alice.come_back(begun), 400, "bad-sign-in")


async def test_a_state_is_good_once(alice: Person) -> None:
    address = await alice.visit(await alice.begin())
    assert (await alice.come_back(address)).status_code == 302
    problem(await alice.come_back(address), 400, "bad-sign-in")


async def test_of_two_callbacks_at_once_one_wins(alice: Person) -> None:
    address = await alice.visit(await alice.begin())
    answers = await asyncio.gather(*(alice.come_back(address) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [302, 400, 400, 400]


@pytest.mark.parametrize("state", ["", "x" * 43, "é" * 43, "a" * 10_000, "%00"])
async def test_a_state_that_is_not_known_leads_nowhere(alice: Person, state: str) -> None:
    answer = await alice.http.get(f"{API}/auth/callback?code=x&state={state}")
    problem(answer, 400, "bad-sign-in")


async def test_a_code_of_another_sign_in_is_not_taken_for_this_one(
    alice: Person, canaille: Canaille
) -> None:
    """Whoever plants their own code in somebody's sign-in does not get through: the provider's
    own PKCE and the nonce tie code and state together."""
    canaille.person("mallory")
    async with Person(alice.http, "mallory") as mallory:
        planted = httpx.URL(await mallory.visit(await mallory.begin())).params["code"]
    state = httpx.URL((await alice.begin()).headers["location"]).params["state"]
    asked = {"code": planted, "state": state, "iss": canaille.issuer}
    back = await alice.http.get(f"{API}/auth/callback", params=asked)
    told = httpx.URL(back.headers["location"]).params
    assert told["error"] == "server_error"
    assert "code" not in told


async def test_no_answer_sets_a_cookie(alice: Person) -> None:
    begun = await alice.begin()
    back = await alice.come_back(await alice.visit(begun))
    code = httpx.URL(back.headers["location"]).params["code"]
    token = await alice.exchange(code)
    pages = [await alice.http.get(path) for path in ("/docs", "/docs/signed-in", "/openapi.json")]
    for answer in (begun, back, token, *pages):
        assert answer.is_success or answer.status_code == 302
        assert "set-cookie" not in answer.headers
    assert not alice.http.cookies


async def test_redirects_tell_nobody_the_code_but_the_program(alice: Person) -> None:
    back = await alice.come_back(await alice.visit(await alice.begin()))
    assert back.headers["referrer-policy"] == "no-referrer"
    assert back.headers["cache-control"] == "no-store"
    assert not re.search(r"code|error", back.text)


async def test_the_docs_begin_a_sign_in_of_their_own(alice: Person) -> None:
    docs = "http://test/docs/signed-in"
    changes = {"client_id": "stageward-docs", "redirect_uri": docs}
    code = await alice.code(**changes)
    answer = await alice.exchange(code, **changes, client_secret="")
    assert answer.status_code == 200, answer.text


async def test_what_has_ended_is_swept_and_nothing_else(
    alice: Person, runtime: Runtime, sql: Sql
) -> None:
    await alice.begin()
    used = await alice.code()
    assert (await alice.exchange(used)).status_code == 200
    await sql.execute("update sign_ins set expires_at = now() where code_sha256 is null")
    await sweep_sign_ins(runtime)
    rows = await sql.execute("select token_id is not null from sign_ins")
    assert await rows.fetchall() == [(True,)]
    problem(await alice.exchange(used), 400, "bad-sign-in")
