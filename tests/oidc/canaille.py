"""Canaille for the tests, an OIDC provider, from the environment that `make test` makes."""

import html
import re
import tempfile
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urljoin

import httpx

from tests.s3.service import Service

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".run" / "canaille" / "bin" / "python"
PROGRAM = Path(__file__).with_name("canaille_service.py")
PASSWORD = "correct horse"


class Canaille:
    """A provider process: its name as an issuer, and what an administrator of it would do."""

    def __init__(self) -> None:
        """Start it and wait until it serves."""
        if not PYTHON.exists():
            raise RuntimeError(
                "The OIDC provider of the tests is not installed. Run `make test` once, which "
                "installs it (or `python3 requirements/sync.py canaille`)."
            )
        folder = Path(tempfile.mkdtemp(prefix="stageward-canaille-"))
        # -P: this folder has a module of its own under Canaille's name.
        self._service = Service([PYTHON, "-P", PROGRAM], folder)
        self.issuer = self._service.address

    def client(self, name: str, *redirect_uris: str, secret: str | None = None) -> None:
        """Register a client, confidential with a secret and public without."""
        auth = "none" if secret is None else "client_secret_basic"
        self._put("clients", id=name, redirect_uris=redirect_uris, secret=secret, auth=auth)

    def person(
        self,
        login: str,
        *,
        name: str | None = None,
        email: str | None = None,
        verified: bool = True,
        groups: Collection[str] = (),
    ) -> None:
        """Make or change a person, who is in exactly these groups."""
        self._put(
            "people", login=login, name=name, email=email, verified=verified, groups=[*groups]
        )

    def stop(self) -> None:
        """End it."""
        self._service.stop()

    def _put(self, kind: str, **given: object) -> None:
        answer = httpx.post(f"{self.issuer}/-/{kind}", json=given, timeout=60, verify=False)
        assert answer.status_code == 204, answer.text


async def log_in(browser: httpx.AsyncClient, address: str, login: str) -> str:
    """Go to the provider as a person does, fill in its forms, and say where it leads in the end:
    the first address that is not the provider's. The browser keeps the provider's cookies."""
    home = httpx.URL(address).netloc
    answer = await browser.get(address)
    for _ in range(10):
        if answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["location"])
            if httpx.URL(address).netloc != home:
                return address
            answer = await browser.get(address)
            continue
        assert answer.status_code == 200, answer.text
        fields = _fields(answer.text)
        assert "login" in fields or "password" in fields, answer.text
        fields.update({"login": login} if "login" in fields else {"password": PASSWORD})
        answer = await browser.post(str(answer.url), data=fields)
    raise AssertionError(f"the provider led nowhere: {answer.url}")


def _fields(page: str) -> dict[str, str]:
    found = {}
    for tag in re.findall(r"<input\b[^>]*>", page):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in attributes and attributes.get("type") != "checkbox":
            found[attributes["name"]] = html.unescape(attributes.get("value", ""))
    return found
