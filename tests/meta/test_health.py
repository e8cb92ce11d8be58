"""What load balancers, operators and scripts ask first."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import psycopg
import pytest

from app import __version__
from app.core import schema
from app.core.runtime import Runtime
from app.main import create_app
from tests.actors import Api
from tests.factories import problem


class LostStore:
    async def check(self) -> None:
        raise OSError("mount /secret/path is gone")


@pytest.fixture
async def without_store(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(replace(runtime, store=LostStore())))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def ready(http: httpx.AsyncClient, runtime: Runtime) -> httpx.AsyncClient:
    await runtime.store.prepare()
    return http


def by_name(answer: httpx.Response) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in answer.json()["checks"]}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_process_is_alive_whatever_else_is_away(
    alone: httpx.AsyncClient, method: str
) -> None:
    assert (await alone.request(method, "/livez")).status_code == 200


async def test_a_server_with_all_it_needs_is_ready(ready: httpx.AsyncClient) -> None:
    answer = await ready.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert by_name(answer) == {"postgresql": True, "schema": True, "blob_store": True}
    assert (await ready.head("/readyz")).status_code == 200


async def test_a_server_without_postgresql_is_not_ready(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"].endswith("/problems/unavailable")
    assert answer.json()["ready"] is False
    assert by_name(answer) == {"postgresql": False, "schema": False, "blob_store": True}


async def test_an_unready_server_tells_nobody_where_its_database_is(
    alone: httpx.AsyncClient,
) -> None:
    text = (await alone.get("/readyz")).text
    assert "127.0.0.1:1" not in text
    assert "nobody" not in text


async def test_a_server_without_its_blob_store_is_not_ready(
    without_store: httpx.AsyncClient,
) -> None:
    answer = await without_store.get("/readyz")
    assert answer.status_code == 503
    assert by_name(answer) == {"postgresql": True, "schema": True, "blob_store": False}
    assert "/secret/path" not in answer.text


async def test_a_server_on_another_schema_is_not_ready_and_names_the_remedy(
    ready: httpx.AsyncClient, sql: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    await sql.execute("update alembic_version set version_num = 'from_the_future'")
    try:
        answer = await ready.get("/readyz")
    finally:
        revision = schema.expected_revision()
        await sql.execute("update alembic_version set version_num = %s", [revision])
    assert by_name(answer) == {"postgresql": True, "schema": False, "blob_store": True}
    (found,) = [check for check in answer.json()["checks"] if check["name"] == "schema"]
    assert "Upgrade the server" in found["detail"]


async def test_the_version_names_the_build_the_api_and_the_schema(alone: httpx.AsyncClient) -> None:
    assert (await alone.get("/version")).json() == {
        "name": "stageward",
        "version": __version__,
        "api": "v1",
        "schema_revision": schema.expected_revision(),
    }


async def test_metrics_count_requests_by_route_and_not_by_path(
    http: httpx.AsyncClient, admin: Api
) -> None:
    slug = f"made-up-{time.time_ns()}"
    await http.get(f"/problems/{slug}")
    await http.get(f"/no/{slug}")
    problem(await http.get("/metrics"), 401, "not-authenticated")
    answer = await http.get("/metrics", headers={"Authorization": f"Bearer {admin.token}"})
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert slug not in answer.text
    counted = 'stageward_http_requests_total{method="GET",route="/problems/{slug}",status="404"}'
    assert counted in answer.text
    assert 'route="unmatched",status="404"' in answer.text
    assert 'stageward_http_request_seconds_bucket{le="0.001",method="GET"' in answer.text
