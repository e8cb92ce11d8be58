"""What a browser may bring to begin with."""

import dataclasses

import httpx
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.issuers.service import Issuers
from app.main import create_app
from tests.actors import API
from tests.factories import problem
from tests.oidc.canaille import Canaille
from tests.signin.person import BACK, Person


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "another"},
        {"redirect_uri": None},
        {"redirect_uri": "http://127.0.0.1@evil.example.org/"},
        {"redirect_uri": "https://evil.example.org/"},
        {"redirect_uri": f"{BACK}#x"},
        {"client_id": "stageward-docs"},
        {"redirect_uri": "http://test/docs/signed-in"},
    ],
)
async def test_a_wrong_client_or_address_is_never_redirected(
    alice: Person, changes: dict[str, str | None]
) -> None:
    answer = await alice.begin(**changes)
    problem(answer, 400, "bad-sign-in")
    assert "location" not in answer.headers
    also_wrong = await alice.begin(**changes, response_type="token")
    assert "location" not in also_wrong.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "root"}, "invalid_scope"),
    ],
)
async def test_other_errors_lead_back_with_the_state_and_our_name(
    alice: Person, changes: dict[str, str | None], error: str
) -> None:
    answer = await alice.begin(**changes)
    assert answer.status_code == 302
    back = httpx.URL(answer.headers["location"])
    assert str(back).startswith(f"{BACK}?")
    assert (back.params["error"], back.params["state"]) == (error, "a state & more")
    assert back.params["iss"] == "http://test"
    assert back.params["error_description"]


async def test_a_state_that_cannot_be_echoed_is_left_out(alice: Person) -> None:
    back = httpx.URL((await alice.begin(state="s" * 513)).headers["location"])
    assert back.params["error"] == "invalid_request"
    assert "state" not in back.params
    longest = "&#%?" * 128
    assert (await alice.go(state=longest)).params["state"] == longest
    assert "state" not in (await alice.go(state=None)).params


async def test_a_parameter_that_is_there_twice_is_refused(alice: Person) -> None:
    twice = [*alice.asking().items(), ("redirect_uri", "http://127.0.0.1:1/")]
    problem(await alice.http.get(f"{API}/auth/authorize", params=twice), 400, "bad-sign-in")
    form = "grant_type=authorization_code&code=a&code=b"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await alice.http.post(f"{API}/auth/token", content=form, headers=headers)
    problem(answer, 400, "bad-sign-in")


async def test_parameters_that_nobody_knows_are_ignored(alice: Person) -> None:
    assert (await alice.begin(prompt="login", x="y")).status_code == 302


@pytest.mark.parametrize(
    ("content", "headers", "error"),
    [
        (b"", {}, "invalid_request"),
        (b"{}", {"Content-Type": "application/json"}, "invalid_request"),
        (b"grant_type=password", {}, "unsupported_grant_type"),
        (b"grant_type=refresh_token&refresh_token=x", {}, "unsupported_grant_type"),
        (b"grant_type=authorization_code&code=" + b"x" * 20_000, {}, "invalid_request"),
        (b"grant_type=authorization_code&code=" + b"x" * 5_000_000, {}, "invalid_request"),
        (b"grant_type=authorization_code&code=%ff%fe", {}, "invalid_grant"),
        (b"grant_type=authorization_code&code=%00", {}, "invalid_request"),
        (b"&".join(b"%d=1" % n for n in range(100)), {}, "invalid_request"),
        (b"grant_type=authorization_code&code=\xff", {}, "invalid_request"),
        (b"grant_type=authorization_code", {}, "invalid_grant"),
    ],
)
async def test_a_form_that_is_none_is_refused(
    alice: Person, content: bytes, headers: dict[str, str], error: str
) -> None:
    given = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    answer = await alice.http.post(f"{API}/auth/token", content=content, headers=given)
    assert problem(answer, 400, "bad-sign-in")["error"] == error


async def test_without_a_provider_nobody_signs_in(
    runtime: Runtime, settings: Settings, clean: None
) -> None:
    app: FastAPI = create_app(runtime)
    assert settings.oidc_issuer is None
    inside = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=inside, base_url="http://test") as http:
        for method, step in (("GET", "authorize"), ("GET", "callback"), ("POST", "token")):
            answer = await http.request(method, f"{API}/auth/{step}")
            problem(answer, 404, "sign-in-not-configured")
        assert "sign_in" not in (await http.get("/openapi.json")).text
        assert "data-signed-in" not in (await http.get("/docs")).text


async def test_the_docs_offer_sign_in_where_there_is_a_provider(alice: Person) -> None:
    document = (await alice.http.get("/openapi.json")).json()
    flow = document["components"]["securitySchemes"]["sign_in"]["flows"]["authorizationCode"]
    assert flow["authorizationUrl"] == "/api/v1/auth/authorize"
    assert flow["tokenUrl"] == "/api/v1/auth/token"
    assert set(flow["scopes"]) == {"read", "write", "review", "admin"}
    assert document["paths"]["/api/v1/me"]["get"]["security"] == [{"token": []}, {"sign_in": []}]
    assert document["paths"]["/livez"]["get"]["security"] == []
    page = (await alice.http.get("/docs")).text
    assert 'data-signed-in="http://test/docs/signed-in"' in page


async def test_the_page_of_a_finished_sign_in_runs_nothing_but_its_own_script(
    alice: Person,
) -> None:
    answer = await alice.http.get("/docs/signed-in?code=x&state=<script>alert(1)</script>")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>" not in answer.text
    assert "alert" not in answer.text
    assert answer.text.count("<script src=") == 1


async def test_the_docs_of_a_server_on_loopback_begin_a_sign_in_of_their_own(
    runtime: Runtime, oidc: Settings, canaille: Canaille, clean: None
) -> None:
    home = "http://127.0.0.1:8400"
    canaille.client("at-home", f"{home}/api/v1/auth/callback", secret="a-client-secret")
    canaille.person("alice")
    changed = {"public_url": home, "oidc_client_id": "at-home"}
    issuers = Issuers()
    own = oidc.model_copy(update=changed)
    app = create_app(dataclasses.replace(runtime, settings=own, issuers=issuers))
    inside = httpx.ASGITransport(app=app)
    docs = {"client_id": "stageward-docs", "redirect_uri": f"{home}/docs/signed-in"}
    async with (
        httpx.AsyncClient(transport=inside, base_url=home) as http,
        Person(http, "alice") as alice,
    ):
        answer = await alice.exchange(await alice.code(**docs), **docs)
    await issuers.close()
    assert answer.status_code == 200, answer.text


async def test_a_provider_that_is_away_is_told_to_whoever_began(
    runtime: Runtime, oidc: Settings, clean: None
) -> None:
    away = oidc.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    issuers = Issuers()
    app = create_app(dataclasses.replace(runtime, settings=away, issuers=issuers))
    inside = httpx.ASGITransport(app=app)
    async with (
        httpx.AsyncClient(transport=inside, base_url="http://test") as http,
        Person(http, "alice") as alice,
    ):
        back = httpx.URL((await alice.begin()).headers["location"])
    await issuers.close()
    assert str(back).startswith(BACK)
    assert back.params["error"] == "temporarily_unavailable"
