"""The browsable API works without the internet."""

import gzip
import re
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from app.meta.assets import _FILES, ROOT

PAGES = ("/docs", "/docs/start", "/problems", "/problems/not-found")
LOADED = re.compile(r"<(?:script|link|img)[^>]*?(?:src|href)=[\"']?([^\"' >]+)")


async def page(http: httpx.AsyncClient, path: str) -> httpx.Response:
    answer = await http.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_nothing_from_another_host(alone: httpx.AsyncClient, path: str) -> None:
    text = (await page(alone, path)).text
    loaded = LOADED.findall(text)
    assert loaded
    for address in loaded:
        assert urlsplit(urljoin("http://test/", address)).netloc == "test"
        assert (await alone.get(address)).status_code == 200


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_may_only_load_from_its_own_host(alone: httpx.AsyncClient, path: str) -> None:
    policy = (await page(alone, path)).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "http" not in policy


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_has_no_script_of_its_own(alone: httpx.AsyncClient, path: str) -> None:
    text = (await page(alone, path)).text
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"\son[a-z]+=", text)


async def test_the_document_is_asked_from_this_server(alone: httpx.AsyncClient) -> None:
    assert 'data-document="/openapi.json"' in (await page(alone, "/docs")).text
    script = (ROOT / "docs.js").read_text()
    assert "persistAuthorization: true" in script
    assert "validatorUrl: null" in script  # its default asks another host
    assert "http" not in script


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("docs.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("docs.css", "text/css; charset=utf-8"),
        ("logo.svg", "image/svg+xml"),
        ("LICENSE", "text/plain; charset=utf-8"),
        ("NOTICE", "text/plain; charset=utf-8"),
    ],
)
async def test_browser_files_have_their_types(
    alone: httpx.AsyncClient, name: str, media_type: str
) -> None:
    answer = await alone.get(f"/docs/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content == _FILES[name].read_bytes()


async def test_browser_files_are_compressed_for_those_who_can_read_it(
    alone: httpx.AsyncClient,
) -> None:
    address = "/docs/static/swagger-ui-bundle.js"
    async with alone.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    plain = await alone.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed) == plain.content


@pytest.mark.parametrize("name", ["nothing.js", "..%2Frouter.py", "shell.html"])
async def test_other_files_are_not_served(alone: httpx.AsyncClient, name: str) -> None:
    assert (await alone.get(f"/docs/static/{name}")).status_code == 404


async def test_the_root_leads_to_the_docs(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_the_quick_start_names_this_server(alone: httpx.AsyncClient) -> None:
    assert "http://test/api/v1" in (await page(alone, "/docs/start")).text
