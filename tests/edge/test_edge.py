"""What happens to a request before its handler runs, and after it returned."""

import json
from typing import Any

import psycopg
import pytest

from tests.actors import Api, Team
from tests.factories import events, pointers, problem

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
JSON = {"Content-Type": "application/json"}


async def test_the_change_is_committed_before_the_answer_leaves(
    app: Any, admin: Api, sql: Sql
) -> None:
    """Seen from another connection at the instant the first byte of the answer is sent."""
    body = json.dumps({"name": "alice", "kind": "user"}).encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/v1/identities",
        "raw_path": b"/api/v1/identities",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"test"),
            (b"authorization", f"Bearer {admin.token}".encode()),
            (b"content-type", b"application/json"),
        ],
        "client": ("192.0.2.7", 1234),
        "server": ("test", 80),
    }
    found: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])
            rows = await sql.execute(
                "select i.name, e.address from identities i, events e "
                "where i.name = 'alice' and e.subject = 'identity:alice'"
            )
            found.extend(await rows.fetchall())

    await app(scope, receive, send)
    assert found == [201, ("alice", "192.0.2.7")]


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b'{"name": "x", ', 400, "malformed-request"),
        (b'{"name": "x", "name": "y", "kind": "user"}', 400, "malformed-request"),
        (b'{"name": "\xff", "kind": "user"}', 400, "malformed-request"),
        (b'{"name": ' + b"9" * 5000 + b"}", 400, "malformed-request"),
        (b"[" * 100 + b"]" * 100, 422, "invalid-request"),
        (b"[" * 100_000, 422, "invalid-request"),
        (b'{"name": "a\\u0000", "kind": "user"}', 422, "invalid-request"),
        (b'{"name": "a\\ud800", "kind": "user"}', 422, "invalid-request"),
        (b'{"name": NaN, "kind": "user"}', 422, "invalid-request"),
        (b'["name"]', 422, "invalid-request"),
        (b"null", 422, "invalid-request"),
        (b"", 422, "invalid-request"),
        (b" " * (4 * 1024 * 1024 + 1), 413, "too-large"),
    ],
    ids=range(13),
)
@pytest.mark.parametrize("key", [None, "key-1"])
async def test_a_body_that_cannot_be_read_is_a_clear_problem(
    admin: Api, body: bytes, status: int, slug: str, key: str | None
) -> None:
    headers = {**JSON, **({"Idempotency-Key": key} if key else {})}
    answer = await admin.post("/identities", content=body, headers=headers)
    problem(answer, status, slug)


async def test_a_body_of_another_kind_is_refused(admin: Api) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = await admin.post(
            "/identities",
            content=b'{"name": "x", "kind": "user"}',
            headers={"Content-Type": content_type},
        )
        problem(answer, 422, "invalid-request")


async def test_an_unknown_field_is_named(admin: Api) -> None:
    answer = await admin.post("/identities", {"name": "x", "kind": "user", "role": "admin"})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/role"}


async def test_a_body_in_pieces_is_bounded_too(admin: Api) -> None:
    async def pieces() -> Any:
        for _ in range(6):
            yield b" " * (1024 * 1024)

    answer = await admin.post("/identities", content=pieces(), headers=JSON)
    problem(answer, 413, "too-large")


async def test_a_request_id_is_echoed_and_a_bad_one_replaced(admin: Api) -> None:
    good = await admin.get("/me", headers={"X-Request-ID": "ci/run-17"})
    assert good.headers["x-request-id"] == "ci/run-17"
    bad = await admin.get("/me", headers={"X-Request-ID": "a b"})
    assert bad.headers["x-request-id"] != "a b"


async def test_a_request_that_is_cut_off_changes_nothing(admin: Api, team: Team) -> None:
    before = await events(admin)

    async def broken() -> Any:
        yield b'{"name": "x", "kind": '
        yield b'"user"'

    problem(
        await admin.post("/identities", content=broken(), headers=JSON), 400, "malformed-request"
    )
    assert await events(admin) == before
