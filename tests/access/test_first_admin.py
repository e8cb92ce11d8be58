"""The first admin, made where there is nobody yet."""

from typing import Any

import httpx
import psycopg
import pytest

from app.access.service import ensure_first_admin
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.main import create_app
from tests.actors import Api
from tests.factories import events, problem

Sql = psycopg.AsyncConnection[tuple[Any, ...]]


@pytest.fixture
def bare(runtime: Runtime, clean: None) -> httpx.AsyncClient:
    """The application over a database without anybody in it."""
    transport = httpx.ASGITransport(app=create_app(runtime))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def begin(runtime: Runtime, settings: Settings) -> str | None:
    async with runtime.db.transaction() as session:
        return await ensure_first_admin(session, settings)


def with_token(settings: Settings, token: str | None) -> Settings:
    given = None if token is None else {"admin_token": token}
    kept = settings.model_dump(exclude={"admin_token"}, exclude_none=True)
    return Settings(**kept, **(given or {}))


async def test_the_first_start_makes_one_admin_and_shows_the_secret_once(
    runtime: Runtime, settings: Settings, bare: httpx.AsyncClient
) -> None:
    unset = with_token(settings, None)
    secret = await begin(runtime, unset)
    assert secret is not None
    assert secret.startswith("swd_")
    assert await begin(runtime, unset) is None
    admin = Api(bare, secret, "admin")
    me = (await admin.get("/me")).json()
    assert (me["name"], me["is_admin"]) == ("admin", True)
    told = await events(admin)
    token = me["token"]["id"]
    assert [(e["actor"], e["action"], e["subject"]) for e in told] == [
        ("stageward", "identity.created", "identity:admin"),
        ("stageward", "token.issued", f"token:{token}"),
        ("stageward", "grant.given", "identity:admin"),
    ]
    assert told[1]["details"] == {
        "name": "first",
        "identity": "admin",
        "scopes": ["admin", "read", "review", "write"],
        "models": None,
        "expires_at": None,
    }
    assert secret not in str(told)


async def test_a_token_of_the_operators_is_the_first_admins(
    runtime: Runtime, settings: Settings, bare: httpx.AsyncClient
) -> None:
    chosen = "chosen-by-the-operator-0123456789"
    assert await begin(runtime, with_token(settings, chosen)) is None
    assert await begin(runtime, with_token(settings, chosen)) is None
    assert (await Api(bare, chosen, "admin").get("/me")).json()["is_admin"] is True


async def test_a_changed_token_gives_nobody_anything(
    runtime: Runtime, settings: Settings, bare: httpx.AsyncClient
) -> None:
    first, second = "the-first-token-0123456789-abcdefgh", "the-second-token-0123456789-abcdef"
    await begin(runtime, with_token(settings, first))
    await begin(runtime, with_token(settings, second))
    problem(await Api(bare, second, "admin").get("/me"), 401, "not-authenticated")
    admin = Api(bare, first, "admin")
    assert len((await admin.get("/tokens")).json()["items"]) == 1


async def test_a_revoked_first_token_stays_revoked(
    runtime: Runtime, settings: Settings, bare: httpx.AsyncClient
) -> None:
    chosen = with_token(settings, "the-first-token-0123456789-abcdefgh")
    await begin(runtime, chosen)
    admin = Api(bare, "the-first-token-0123456789-abcdefgh", "admin")
    itself = (await admin.get("/me")).json()["token"]["id"]
    assert (await admin.delete(f"/tokens/{itself}")).status_code == 204
    await begin(runtime, chosen)
    problem(await admin.get("/me"), 401, "not-authenticated")
