"""An application whose people sign in with a real OIDC provider."""

import dataclasses
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI

from app.access.service import ensure_first_admin
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.issuers.service import Issuers
from app.main import create_app
from tests.oidc.canaille import Canaille
from tests.signin.person import Person

CLIENT, SECRET = "stageward", "a-client-secret"


@pytest.fixture(scope="session")
def canaille() -> Iterator[Canaille]:
    """The provider: a process of its own for all tests of this kind."""
    provider = Canaille()
    try:
        provider.client(CLIENT, "http://test/api/v1/auth/callback", secret=SECRET)
        yield provider
    finally:
        provider.stop()


@pytest.fixture
def oidc(settings: Settings, canaille: Canaille) -> Settings:
    """The settings of a server whose people come from Canaille."""
    wanted = {
        "oidc_issuer": canaille.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_scopes": "openid profile email groups",
    }
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return Settings(**{**given, **wanted})


@pytest.fixture
async def app(runtime: Runtime, oidc: Settings, clean: None) -> AsyncIterator[FastAPI]:
    """The application over the same database, with the provider."""
    issuers = Issuers()
    async with runtime.db.transaction() as session:
        await ensure_first_admin(session, oidc)
    yield create_app(dataclasses.replace(runtime, settings=oidc, issuers=issuers))
    await issuers.close()


@pytest.fixture
async def alice(http: httpx.AsyncClient, canaille: Canaille) -> AsyncIterator[Person]:
    """A person with an account at the provider."""
    canaille.person("alice")
    async with Person(http, "alice") as person:
        yield person
