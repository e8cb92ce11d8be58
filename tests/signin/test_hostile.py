"""A provider, or somebody between, that says what it should not."""

import dataclasses
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.service import ensure_first_admin
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.issuers.service import Issuers
from app.main import create_app
from tests.actors import API
from tests.oidc.issuer import WELL_KNOWN, Issuer, issuing
from tests.signin.person import BACK, Person

CLIENT = "stageward"


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    with issuing(tmp_path / "issuer") as running:
        running.more[WELL_KNOWN] = {
            "issuer": running.url,
            "jwks_uri": f"{running.url}/keys",
            "authorization_endpoint": f"{running.url}/authorize",
            "token_endpoint": f"{running.url}/token",
            "userinfo_endpoint": f"{running.url}/me",
        }
        running.tell()
        yield running


@pytest.fixture
async def alice(
    runtime: Runtime, settings: Settings, clean: None, issuer: Issuer
) -> AsyncIterator[Person]:
    """Somebody whose provider is the test's own issuer, which signs whatever it is told to."""
    update = {"oidc_issuer": issuer.url, "oidc_client_id": CLIENT}
    own = settings.model_copy(update=update)
    issuers = Issuers(pause=0)
    async with runtime.db.transaction() as session:
        await ensure_first_admin(session, own)
    app = create_app(dataclasses.replace(runtime, settings=own, issuers=issuers))
    inside = httpx.ASGITransport(app=app)
    async with (
        httpx.AsyncClient(transport=inside, base_url="http://test") as http,
        Person(http, "alice") as person,
    ):
        yield person
    await issuers.close()


class Begun:
    """A sign-in that is with the provider."""

    def __init__(self, alice: Person, issuer: Issuer, asked: httpx.QueryParams) -> None:
        self.alice, self.issuer, self.asked = alice, issuer, asked

    def tells(self, **claims: Any) -> None:
        """Have the token endpoint answer with these claims."""
        given = {"aud": CLIENT, "sub": "7", "nonce": self.asked["nonce"], "email": "a@b.org"}
        given |= {"preferred_username": "alice", "groups": []}
        token = self.issuer.token(**{**given, **claims})
        self.issuer.more["/token"] = {"id_token": token, "access_token": "at"}
        self.issuer.tell()

    async def back(self, **answer: Any) -> httpx.QueryParams:
        """Come back, with a code unless told otherwise; what the program is told."""
        given = {"state": self.asked["state"], "code": "c", **answer}
        sent = {name: value for name, value in given.items() if value is not None}
        found = await self.alice.http.get(f"{API}/auth/callback", params=sent)
        assert found.status_code == 302, found.text
        told = httpx.URL(found.headers["location"])
        assert str(told).startswith(BACK)
        return told.params


@pytest.fixture
async def begun(alice: Person, issuer: Issuer) -> Begun:
    asked = httpx.URL((await alice.begin()).headers["location"])
    assert str(asked).startswith(f"{issuer.url}/authorize?")
    return Begun(alice, issuer, asked.params)


async def test_what_is_as_it_should_be_is_believed(begun: Begun) -> None:
    begun.tells()
    assert (await begun.back())["code"]


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"iss": "https://id.example.org"},
        {"exp": 1},
        {"sub": None},
        {"alg": "none"},
        {"alg": "HS256"},
    ],
)
async def test_a_token_that_is_not_for_this_sign_in_is_refused(
    begun: Begun, claims: dict[str, Any]
) -> None:
    if claims.get("alg"):
        begun.tells()
        good = begun.issuer.more["/token"]["id_token"]
        begun.issuer.more["/token"]["id_token"] = good.rpartition(".")[0] + "."
        begun.issuer.tell()
    else:
        begun.tells(**claims)
    told = await begun.back()
    assert told["error"] == "server_error"
    assert "code" not in told


async def test_the_token_of_another_sign_in_is_refused(begun: Begun, alice: Person) -> None:
    other = httpx.URL((await alice.begin()).headers["location"]).params
    begun.tells(nonce=other["nonce"])
    assert (await begun.back())["error"] == "server_error"


async def test_the_answer_of_another_provider_is_refused(begun: Begun) -> None:
    begun.tells()
    assert (await begun.back(iss="https://id.example.org"))["error"] == "server_error"


async def test_an_answer_without_a_code_is_refused(begun: Begun) -> None:
    begun.tells()
    assert (await begun.back(code=None))["error"] == "server_error"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("access_denied", "access_denied"),
        ("login_required", "login_required"),
        ("invalid_request", "server_error"),
        ("made\r\nup", "server_error"),
    ],
)
async def test_an_error_of_the_provider_is_told_to_who_began(
    begun: Begun, error: str, told: str
) -> None:
    description = 'No "way"\r\nSet-Cookie: a=b ✗'
    back = await begun.back(code=None, error=error, error_description=description)
    assert back["error"] == told
    assert back["error_description"].isascii()
    assert back["error_description"].isprintable()
    assert '"' not in back["error_description"]


@pytest.mark.parametrize("mood", ["down", "garbage", "huge", "redirect", "compressed"])
async def test_a_token_endpoint_that_fails_fails_the_sign_in_alone(begun: Begun, mood: str) -> None:
    begun.tells()
    begun.issuer.elsewhere = begun.issuer.url + "/token"
    begun.issuer.feel(mood, "/token")
    assert (await begun.back())["error"] in ("temporarily_unavailable", "server_error")
    assert begun.issuer.asked("/token") == 1


async def test_userinfo_fills_what_the_token_leaves_out_if_it_is_of_the_same_account(
    begun: Begun,
) -> None:
    begun.issuer.more["/me"] = {"sub": "7", "preferred_username": "alice-of-userinfo"}
    begun.tells(preferred_username=None)
    code = (await begun.back())["code"]
    token = (await begun.alice.exchange(code)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    me = await begun.alice.http.get(f"{API}/me", headers=headers)
    assert me.json()["name"] == "alice-of-userinfo"


async def test_the_userinfo_of_another_account_is_refused(begun: Begun) -> None:
    begun.issuer.more["/me"] = {"sub": "8", "preferred_username": "mallory"}
    begun.tells(preferred_username=None)
    assert (await begun.back())["error"] == "server_error"
