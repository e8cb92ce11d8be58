"""What every answer says to browsers."""

import httpx
import pytest

from tests.actors import Api
from tests.limits.conftest import Process

PAGES = ("/docs", "/docs/start", "/problems")
ANSWERS = (
    ("GET", "/livez", 200),
    ("GET", "/api/v1/me", 401),
    ("GET", "/no/such/address", 404),
    ("DELETE", "/livez", 405),
    ("GET", "/docs/static/docs.js", 200),
    ("GET", "/api/v1/transfer/blobs/0", 403),
)


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
async def test_an_answer_may_not_run_be_framed_or_be_guessed_at(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    told = await http.request(method, path)
    assert told.status_code == status
    assert told.headers["x-content-type-options"] == "nosniff"
    assert told.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert told.headers["x-frame-options"] == "DENY"
    assert told.headers["referrer-policy"] == "no-referrer"
    assert told.headers["cross-origin-resource-policy"] == "same-origin"
    assert "strict-transport-security" not in told.headers
    assert "access-control-allow-origin" not in told.headers
    assert "server" not in told.headers


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_says_what_it_needs_and_the_rest_as_usual(
    http: httpx.AsyncClient, path: str
) -> None:
    told = (await http.get(path, headers={"Accept": "text/html"})).headers
    assert "script-src 'self'" in told["content-security-policy"]
    assert "'unsafe-inline'" not in told["content-security-policy"].partition("style-src")[0]
    assert told.get_list("x-frame-options") == ["DENY"]
    assert told["referrer-policy"] == "no-referrer"
    assert told["x-content-type-options"] == "nosniff"


async def test_no_header_comes_twice(admin: Api) -> None:
    for path in ("/me", "/models", "/models/none"):
        names = [name.lower() for name, _ in (await admin.get(path)).headers.raw]
        assert len(names) == len(set(names))


async def test_where_clients_come_by_https_they_come_by_nothing_else(process: Process) -> None:
    client = await process(public_url="https://models.example.com")
    for path in ("/livez", "/docs", "/api/v1/me", "/nowhere"):
        told = (await client.get(path)).headers
        assert told["strict-transport-security"] == "max-age=31536000"
