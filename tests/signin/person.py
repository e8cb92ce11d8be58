"""A person who signs in: a browser with the provider's cookies, and a program on their machine."""

import base64
import hashlib
import secrets
from typing import Any, Self

import httpx

from tests.actors import API, Api
from tests.oidc.canaille import log_in

BACK = "http://127.0.0.1:8765/back"


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Person:
    """One person, one browser. `http` leads to the service, past the browser's cookies."""

    def __init__(self, http: httpx.AsyncClient, login: str) -> None:
        self.http, self.login = http, login
        self.browser = httpx.AsyncClient(trust_env=False, verify=False, timeout=60)
        self.verifier = secrets.token_urlsafe(48)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.browser.aclose()

    def asking(self, **changes: Any) -> dict[str, str]:
        """The parameters of a request; one of None is left out."""
        asked = {
            "response_type": "code",
            "client_id": "stageward-cli",
            "redirect_uri": BACK,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            "state": "a state & more",
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    async def begin(self, **changes: Any) -> httpx.Response:
        return await self.http.get(f"{API}/auth/authorize", params=self.asking(**changes))

    async def visit(self, begun: httpx.Response) -> str:
        """Sign in at the provider; answers the address that it leads back to."""
        assert begun.status_code == 302, begun.text
        return await log_in(self.browser, begun.headers["location"], self.login)

    async def come_back(self, address: str) -> httpx.Response:
        return await self.http.get(address)

    async def go(self, **changes: Any) -> httpx.URL:
        """All of it up to the address that the program is answered at."""
        back = await self.come_back(await self.visit(await self.begin(**changes)))
        assert back.status_code == 302, back.text
        return httpx.URL(back.headers["location"])

    async def exchange(self, code: str, **changes: Any) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": self.verifier,
            "redirect_uri": BACK,
            "client_id": "stageward-cli",
            **changes,
        }
        sent = {name: value for name, value in form.items() if value is not None}
        return await self.http.post(f"{API}/auth/token", data=sent)

    async def code(self, **changes: Any) -> str:
        return (await self.go(**changes)).params["code"]

    async def sign_in(self, **changes: Any) -> Api:
        """The whole way: a client with the token of a sign-in."""
        answer = await self.exchange(await self.code(**changes))
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        me = await self.http.get(f"{API}/me", headers={"Authorization": f"Bearer {token}"})
        return Api(self.http, token, me.json()["name"])

    async def refusal(self, **changes: Any) -> httpx.QueryParams:
        """What the program is told where there is no code."""
        told = (await self.go(**changes)).params
        assert "code" not in told
        return told
