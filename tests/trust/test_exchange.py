"""The exchange: a token of an issuer for one of ours, once, and only where a trust fits."""

import asyncio
import time
from typing import Any

import httpx
import psycopg
import pytest
import structlog
from joserfc.jwk import ECKey, RSAKey

from app.core.runtime import Runtime
from app.trust.service import exchanging
from tests.actors import API, Api, Team
from tests.factories import events, make_model, pointers, problem
from tests.oidc.issuer import Issuer, compact, issuing
from tests.trust.conftest import FITTING, Exchange, wanted

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


async def test_a_fitting_token_is_exchanged_for_one_of_minutes(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    await make_model(admin, "churn")
    run = {"run_id": "77", "sha": "3f2c9e1", "private": "not told", "nested": {"a": 1}}
    before = time.time()
    answer = await exchange(issuer.token(**FITTING, **run))
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert answer.headers["location"] == f"/api/v1/tokens/{given['id']}"
    assert (given["identity"], given["trust"], given["models"]) == ("ci", "churn-ci", None)
    assert given["scopes"] == ["read", "write"]
    ci = Api(admin.http, given["secret"], "ci")
    me = (await ci.get("/me")).json()
    assert (me["name"], me["token"]["name"]) == ("ci", "churn-ci: repo:acme/churn")
    made = await ci.post("/models/churn/versions", {})
    assert made.status_code == 201
    problem(await ci.get("/trust"), 403, "not-allowed")
    lives = await (await admin.get(f"/tokens/{given['id']}")).aread()
    assert b"secret" not in lives
    (told,) = [e for e in await events(admin) if e["action"] == "token.exchanged"]
    assert (told["actor"], told["subject"]) == ("ci", f"token:{given['id']}")
    assert told["request_id"] == answer.headers["x-request-id"]
    details = told["details"]
    assert (details["trust"], details["issuer"]) == ("churn-ci", issuer.url)
    assert details["subject"] == "repo:acme/churn"
    assert details["claims"] | {"jti": ""} == {
        "repository": "acme/churn",
        "ref": "refs/heads/main",
        "run_id": "77",
        "sha": "3f2c9e1",
        "jti": "",
    }
    assert given["secret"] not in str(told)
    assert 14 * 60 < _seconds(given["expires_at"]) - before < 16 * 60


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


async def test_the_trust_says_what_the_token_may(
    admin: Api, bot: Api, issuer: Issuer, exchange: Exchange
) -> None:
    asked = wanted(issuer, scopes=["read"], models=["churn-*"], minutes=1)
    assert (await admin.post("/trust", asked)).status_code == 201
    for name in ("churn-1", "fraud"):
        await make_model(admin, name)
    given = (await exchange(issuer.token(**FITTING))).json()
    ci = Api(admin.http, given["secret"], "ci")
    assert given["models"] == ["churn-*"]
    assert (await ci.get("/models/churn-1")).status_code == 200
    problem(await ci.get("/models/fraud"), 404, "not-found")
    problem(await ci.post("/models/churn-1/versions", {}), 403, "not-allowed")


async def test_who_made_and_changed_the_trust_has_a_hand_in_the_token(
    admin: Api, team: Team, issuer: Issuer, trust: dict[str, Any], exchange: Exchange, sql: Sql
) -> None:
    other = await team.person("carol", "admin")
    assert (await other.patch("/trust/churn-ci", {"minutes": 5})).status_code == 200
    given = (await exchange(issuer.token(**FITTING))).json()
    found = await sql.execute(
        "select i.name from tokens t, identities i where i.id = any(t.issuers) and t.id = %s",
        [given["id"]],
    )
    assert {name for (name,) in await found.fetchall()} == {"admin", "carol"}


@pytest.mark.parametrize(
    "claims",
    [
        {"ref": "refs/heads/feature"},
        {"ref": "refs/heads/Main"},
        {"ref": None},
        {"ref": {"name": "refs/heads/main"}},
        {"ref": [["refs/heads/main"]]},
        {"repository": "acme/churn2"},
        {"repository": "evil/acme/churn"},
    ],
)
async def test_claims_that_do_not_match_are_refused_without_telling_the_rules(
    issuer: Issuer, trust: dict[str, Any], exchange: Exchange, claims: dict[str, Any]
) -> None:
    answer = await exchange(issuer.token(**{**FITTING, **claims}))
    told = problem(answer, 403, "not-trusted")
    for secret in ("churn-ci", "acme", "refs/heads/main", "repository", "ref`", '"ci"'):
        assert secret not in str({**told, "instance": ""})


async def test_a_trust_that_does_not_fit_and_one_that_is_not_there_are_alike(
    issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    misfit = problem(await exchange(issuer.token(sub="x")), 403, "not-trusted")
    nothing = problem(await exchange(issuer.token(**FITTING), "nothing"), 403, "not-trusted")
    stranger = compact({"alg": "RS256"}, {"iss": "https://x.example"}, RSAKey.generate_key(2048))
    unknown = problem(await exchange(stranger), 403, "not-trusted")
    assert misfit["detail"] == nothing["detail"] == unknown["detail"]


async def test_a_token_counts_once(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    token = issuer.token(**FITTING)
    assert (await exchange(token)).status_code == 201
    problem(await exchange(token), 401, "assertion-used")
    same_jti = issuer.token(**FITTING, jti=_jti(token), extra=1)
    problem(await exchange(same_jti), 401, "assertion-used")
    assert (await exchange(issuer.token(**FITTING))).status_code == 201
    assert len([e for e in await events(admin) if e["action"] == "token.exchanged"]) == 2


def _jti(token: str) -> str:
    from app.issuers.rules import take_apart

    return str(take_apart(token).claims["jti"])


async def test_a_token_without_a_jti_counts_once_too(
    issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    """Also under another signature, of which an elliptic key makes as many as one likes."""
    key = issuer.add("ec", ECKey.generate_key("P-256"))
    claims = issuer.claims(**FITTING, jti=None)
    first, second = (compact({"alg": "ES256", "kid": "ec"}, claims, key) for _ in range(2))
    assert first != second
    assert (await exchange(first)).status_code == 201
    problem(await exchange(second), 401, "assertion-used")


async def test_a_refused_token_is_not_used_up(
    admin: Api, bot: Api, issuer: Issuer, exchange: Exchange
) -> None:
    token = issuer.token(**FITTING)
    problem(await exchange(token), 403, "not-trusted")
    assert (await admin.post("/trust", wanted(issuer))).status_code == 201
    assert (await exchange(token)).status_code == 201


async def test_of_twenty_at_once_one_is_exchanged(
    issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    token = issuer.token(**FITTING)
    answers = await asyncio.gather(*(exchange(token) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 19


async def test_an_idempotency_key_is_not_looked_at(
    issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    token = issuer.token(**FITTING)
    key = {"Idempotency-Key": "k"}
    assert (await exchange(token, **key)).status_code == 201
    again = problem(await exchange(token, **key), 401, "assertion-used")
    assert "secret" not in again


async def test_where_several_fit_the_one_that_is_meant_must_be_named(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    more = wanted(issuer, name="second", scopes=["read"])
    assert (await admin.post("/trust", more)).status_code == 201
    token = issuer.token(**FITTING)
    refused = problem(await exchange(token), 422, "invalid-request")
    assert pointers(refused) == {"/trust"}
    assert "`churn-ci`, `second`" in refused["detail"]
    given = await exchange(token, "second")
    assert (given.status_code, given.json()["scopes"]) == (201, ["read"])


async def test_each_trust_takes_its_own_audience(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    other = wanted(issuer, name="second", audience="elsewhere", claims={"repository": "acme/x"})
    assert (await admin.post("/trust", other)).status_code == 201
    mixed = issuer.token(**FITTING, aud="elsewhere")
    problem(await exchange(mixed), 403, "not-trusted")
    problem(await exchange(issuer.token(**FITTING, aud="nobody")), 401, "bad-assertion")


async def test_another_issuers_signature_does_not_count_for_this_one(
    tmp_path_factory: pytest.TempPathFactory,
    issuer: Issuer,
    trust: dict[str, Any],
    exchange: Exchange,
) -> None:
    with issuing(tmp_path_factory.mktemp("other") / "issuer") as other:
        problem(await exchange(other.token(**FITTING)), 403, "not-trusted")
        forged = other.token(**FITTING, iss=issuer.url)
        problem(await exchange(forged), 401, "bad-assertion")


async def test_an_issuer_that_is_down_is_a_503_and_costs_nothing(
    issuer: Issuer, trust: dict[str, Any], exchange: Exchange, sql: Sql
) -> None:
    issuer.feel("down")
    answer = await exchange(issuer.token(**FITTING))
    problem(answer, 503, "issuer-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    rows = await (await sql.execute("select count(*) from used_assertions")).fetchone()
    assert rows == (0,)


async def test_a_disabled_service_account_is_not_given_tokens(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    await admin.patch("/identities/ci", {"disabled": True})
    problem(await exchange(issuer.token(**FITTING)), 403, "not-trusted")
    await admin.patch("/identities/ci", {"disabled": False})
    assert (await exchange(issuer.token(**FITTING))).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"token": "a", "token": "b"}', 400),
        (b'{"token": ', 400),
        (b'{"token": "a", "more": 1}', 422),
        (b'{"token": 5}', 422),
        (b'{"token": ""}', 422),
        (b'{"token": "' + b"a" * 16_385 + b'"}', 422),
        (b'{"token": "' + b"a" * 70_000 + b'"}', 413),
        (b"{}", 422),
        (b'{"token": "a.b.c"}', 401),
        (b'{"token": "a", "trust": "\\u0000"}', 422),
    ],
)
async def test_a_body_is_read_strictly_and_nothing_of_it_comes_back(
    http: httpx.AsyncClient, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await http.post(f"{API}/auth/exchange", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert "aaaa" not in answer.text
    unknown = await http.post(f"{API}/auth/exchange?x=1", content=body, headers=headers)
    assert unknown.status_code == 422


async def test_failures_count_as_failed_logins(
    http: httpx.AsyncClient, issuer: Issuer, trust: dict[str, Any], exchange: Exchange, sql: Sql
) -> None:
    async def failures() -> int:
        row = await (
            await sql.execute("select coalesce(sum(count), 0) from failed_logins")
        ).fetchone()
        assert row is not None
        return int(row[0])

    before = await failures()
    assert (await exchange(issuer.token(**FITTING))).status_code == 201
    assert await failures() == before
    await exchange("a.b.c")
    await exchange(issuer.token(sub="x"))
    assert await failures() == before + 2


async def test_old_uses_are_forgotten_once_no_clock_takes_them(
    runtime: Runtime, sql: Sql, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    await exchange(issuer.token(**FITTING))
    await sql.execute(
        "insert into used_assertions values (sha256('a'), now() - interval '11 minutes')"
    )
    await exchanging.sweep(runtime)
    row = await (
        await sql.execute(
            "select min(expires_at) > now() + interval '6 minutes', count(*) from used_assertions"
        )
    ).fetchone()
    assert row == (True, 1)


async def test_what_an_exchanged_token_issued_ends_with_the_trust(
    admin: Api, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    given = (await exchange(issuer.token(**FITTING))).json()
    ci = Api(admin.http, given["secret"], "ci")
    issued = await ci.post("/tokens", {"name": "t", "scopes": ["read"]})
    child = Api(admin.http, issued.json()["secret"], "ci")
    assert issued.json()["expires_at"] == given["expires_at"]
    assert (await child.get("/me")).status_code == 200
    assert (await admin.delete("/trust/churn-ci")).status_code == 204
    problem(await child.get("/me"), 401, "not-authenticated")


async def test_what_an_exchanged_token_issued_ends_with_the_trust_also_once_rotated(
    admin: Api, team: Team, issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    given = (await exchange(issuer.token(**FITTING))).json()
    ci = Api(admin.http, given["secret"], "ci")
    issued = (await ci.post("/tokens", {"name": "t", "scopes": ["read"]})).json()
    again = await admin.post(f"/tokens/{issued['id']}/rotate", {"expires_in_days": 20})
    assert again.status_code == 201, again.text
    child = Api(admin.http, again.json()["secret"], "ci")
    assert (await child.get("/me")).status_code == 200
    assert (await admin.delete("/trust/churn-ci")).status_code == 204
    problem(await child.get("/me"), 401, "not-authenticated")


async def test_the_log_says_what_did_not_match_and_nothing_of_the_token(
    issuer: Issuer, trust: dict[str, Any], exchange: Exchange
) -> None:
    token = issuer.token(**{**FITTING, "ref": "refs/heads/feature"})
    with structlog.testing.capture_logs() as logged:
        await exchange(token)
    (entry,) = [line for line in logged if line["event"] == "exchange_refused"]
    assert entry["mismatches"] == {"churn-ci": {"ref": "refs/heads/feature"}}
    assert (entry["issuer"], entry["subject"]) == (issuer.url, "repo:acme/churn")
    assert not any(part in str(logged) for part in token.split("."))
