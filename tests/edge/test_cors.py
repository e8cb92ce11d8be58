"""Pages of other origins read nothing, but where the operator names them."""

import httpx
import pytest

from tests.actors import Api
from tests.factories import problem
from tests.limits.conftest import Process

ORIGIN = "https://ml.example.com"
ASKED = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,if-match",
}


def bearer(api: Api, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.token}", **more}


async def test_nobody_elses_page_reads_anything_as_it_is(
    http: httpx.AsyncClient, admin: Api
) -> None:
    asked = await http.options("/api/v1/models", headers=ASKED)
    problem(asked, 405, "method-not-allowed")
    for answer in (asked, await admin.get("/me", headers={"Origin": ORIGIN})):
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_page_of_a_named_origin_may_ask_and_read(process: Process, admin: Api) -> None:
    client = await process(cors_origins=f"https://other.example.com, {ORIGIN}")
    asked = await client.options("/api/v1/models", headers=ASKED)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in asked.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in asked.headers
    assert asked.headers["x-request-id"]
    answer = await client.get("/api/v1/me", headers=bearer(admin, Origin=ORIGIN))
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Origin" in answer.headers["vary"]
    shown = answer.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Location", "Link", "X-Request-ID", "Retry-After", "Idempotent-Replay"} <= set(
        shown
    )


@pytest.mark.parametrize("path", ["/api/v1/me", "/nowhere", "/api/v1/models/none"])
async def test_a_page_of_a_named_origin_may_read_what_went_wrong(
    process: Process, path: str
) -> None:
    client = await process(cors_origins=ORIGIN)
    answer = await client.get(path, headers={"Origin": ORIGIN})
    assert answer.status_code in (401, 404)
    assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "http://ml.example.com",
        "https://ml.example.com.evil.net",
        "https://ml.example.com:8443",
        "https://sub.ml.example.com",
        "https://ML.example.com",
        "null",
        "*",
    ],
)
async def test_a_page_of_another_origin_reads_nothing(
    process: Process, admin: Api, origin: str
) -> None:
    client = await process(cors_origins=ORIGIN)
    asked = await client.options("/api/v1/models", headers={**ASKED, "Origin": origin})
    problem(asked, 403, "not-allowed")
    assert "access-control-allow-origin" not in asked.headers
    answer = await client.get("/api/v1/me", headers=bearer(admin, Origin=origin))
    assert "access-control-allow-origin" not in answer.headers


async def test_a_method_or_a_header_that_is_not_meant_is_refused(process: Process) -> None:
    client = await process(cors_origins=ORIGIN)
    for name, value in (
        ("Access-Control-Request-Method", "TRACE"),
        ("Access-Control-Request-Headers", "x-forwarded-for"),
    ):
        asked = await client.options("/api/v1/models", headers={**ASKED, name: value})
        problem(asked, 403, "not-allowed")
