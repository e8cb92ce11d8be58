"""The example that signs in from a terminal, against a real server and a real provider."""

import asyncio
import threading
from collections.abc import Iterator
from types import ModuleType

import httpx
import pytest

from tests.oidc.canaille import Canaille, log_in
from tests.servers import Start, start

__all__ = ["start"]


@pytest.fixture(scope="module")
def sign_in() -> ModuleType:
    import sign_in

    return sign_in


@pytest.fixture(scope="module")
def canaille() -> Iterator[Canaille]:
    provider = Canaille()
    yield provider
    provider.stop()


@pytest.fixture
def url(start: Start, canaille: Canaille) -> str:
    """A server whose people come from the provider."""
    url = start(oidc_issuer=canaille.issuer, oidc_client_id="stageward").url
    canaille.client("stageward", f"{url}/api/v1/auth/callback")
    canaille.person("alice")
    return url


async def browse(address: str) -> None:
    """What a person does with their browser: they sign in, if they are led to do so."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as browser:
        there = (await browser.get(address)).headers["location"]
        if "error=" not in there:
            callback = await log_in(browser, there, "alice")
            there = (await browser.get(callback)).headers["location"]
        done = await browser.get(there)
        assert "signed in" in done.text


class Browser:
    """Opens an address beside whoever asks for that."""

    def __init__(self) -> None:
        self.opened: list[threading.Thread] = []

    def __call__(self, address: str) -> None:
        self.opened.append(threading.Thread(target=lambda: asyncio.run(browse(address))))
        self.opened[-1].start()

    def close(self) -> None:
        for thread in self.opened:
            thread.join()


@pytest.fixture
def browser() -> Iterator[Browser]:
    found = Browser()
    yield found
    found.close()


def test_a_token_is_printed_and_nothing_else(
    url: str, sign_in: ModuleType, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sign_in.main(["--url", url, "--scope", "read"], show=browser) == 0
    said = capsys.readouterr()
    token = said.out.strip()
    assert token.startswith("swd_")
    assert token not in said.err
    assert "60 minutes (read)" in said.err
    headers = {"Authorization": f"Bearer {token}"}
    me = httpx.get(f"{url}/api/v1/me", headers=headers, verify=False).json()
    assert (me["name"], me["token"]["scopes"]) == ("alice", ["read"])


def test_why_there_is_no_token_is_said(
    url: str, sign_in: ModuleType, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sign_in.main(["--url", url, "--scope", "everything"], show=browser) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "everything is no scope" in said.err
