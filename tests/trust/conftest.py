"""A running issuer, and a trust in it."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.actors import API, Api, Team
from tests.oidc.issuer import Issuer, issuing

Exchange = Callable[..., Awaitable[httpx.Response]]
CLAIMS = {"repository": "acme/churn", "ref": ["refs/heads/main", "refs/tags/*"]}
FITTING = {"repository": "acme/churn", "ref": "refs/heads/main", "sub": "repo:acme/churn"}


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    with issuing(tmp_path / "issuer") as running:
        yield running


@pytest.fixture
async def bot(team: Team) -> Api:
    """A service account `ci` of alice's, which may contribute to all models."""
    return await team.service("ci", await team.person("alice"), "contributor")


def wanted(issuer: Issuer | str | None, /, **fields: Any) -> dict[str, Any]:
    """A trust to ask for; a field of None is left out."""
    url = issuer.url if isinstance(issuer, Issuer) else issuer
    body = {"name": "churn-ci", "issuer": url, "identity": "ci", "claims": CLAIMS}
    body |= {"scopes": ["read", "write"], **fields}
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
async def trust(admin: Api, bot: Api, issuer: Issuer) -> dict[str, Any]:
    made = await admin.post("/trust", wanted(issuer))
    assert made.status_code == 201, made.text
    return dict(made.json())


@pytest.fixture
def exchange(http: httpx.AsyncClient) -> Exchange:
    async def exchange(token: str, trust: str | None = None, **headers: str) -> httpx.Response:
        body = {"token": token, **({"trust": trust} if trust else {})}
        return await http.post(f"{API}/auth/exchange", json=body, headers=headers)

    return exchange
