"""Processes of one service, each with limits of its own choosing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from app.core.settings import Settings
from app.main import build_runtime, create_app, settle
from tests.actors import Api
from tests.waiting import eventually

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
Process = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture(autouse=True)
async def in_the_middle_of_a_minute(sql: Sql) -> None:
    """A minute that ends within a test would begin anew, as it should."""

    async def is_far_from_its_end() -> bool:
        found = await (await sql.execute("select extract(second from now())::float")).fetchone()
        assert found is not None
        return bool(found[0] < 50)

    await eventually(is_far_from_its_end, what="the next minute")


@pytest.fixture
async def process(settings: Settings, admin: Api) -> AsyncIterator[Process]:
    """Makes another process of the same service: its own runtime, caches and connections. Takes
    settings, and the address from which its client comes."""
    async with AsyncExitStack() as stack:

        async def one(address: str = "192.0.2.7", **changed: int | str) -> httpx.AsyncClient:
            own = settings.model_copy(update=changed)
            runtime = build_runtime(own, own.serving_url)
            app = create_app(runtime)
            stack.push_async_callback(_end, app)
            return await stack.enter_async_context(client_of(app, address))

        yield one


async def _end(app: FastAPI) -> None:
    await settle(app)
    await app.state.runtime.hub.stop()
    await app.state.runtime.db.close()


def client_of(app: FastAPI, address: str) -> httpx.AsyncClient:
    """A client of that process that comes from this address."""
    transport = httpx.ASGITransport(app=app, client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://test")
