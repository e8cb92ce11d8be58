"""Every error is a problem document, whoever raised it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import psycopg
import pytest
import sqlalchemy.exc
from fastapi import APIRouter, FastAPI, Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from app.core import errors, headers
from app.core.problems import Conflict, NotAuthenticated, Problem, Unavailable
from app.core.requests import RequestContext


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    path: str
    size: int = 0


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1)]
    metrics: dict[str, FiniteFloat] = {}
    parts: list[Part] = []
    choice: Part | list[Part] | None = None


router = APIRouter()


@router.post("/things")
async def create(body: Body, limit: Annotated[int, Query(le=200)] = 50) -> None: ...


@router.get("/things")
async def list_things() -> None: ...


@router.get("/things/{number}")
async def read(
    number: Annotated[int, Path(ge=1)], count: Annotated[int, Header(ge=0)] = 0
) -> None: ...


@router.get("/raise/{what}")
async def raise_it(what: str) -> None:
    raise RAISED[what]


@router.get("/stream")
async def stream() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        raise ValueError("too late")

    return StreamingResponse(chunks())


def from_driver(cause: Exception) -> sqlalchemy.exc.DBAPIError:
    return sqlalchemy.exc.DBAPIError("select 1", {}, cause)


RAISED: dict[str, Exception] = {
    "problem": Conflict("The state forbids it here.", extra={"incumbent": 3}),
    "later": Unavailable("Come back.", retry_after=17),
    "token": NotAuthenticated("No token."),
    "bug": ValueError("password=hunter2"),
    "teapot": HTTPException(418),
    "too-large": HTTPException(413),
    "lost": from_driver(psycopg.OperationalError("host db.internal is gone")),
    "driver": psycopg.InterfaceError("the connection is closed"),
    "no-connection": sqlalchemy.exc.TimeoutError("QueuePool limit"),
    "standby": from_driver(psycopg.errors.ReadOnlySqlTransaction("read-only")),
    "deadlock": from_driver(psycopg.errors.DeadlockDetected("deadlock")),
    "slow": from_driver(psycopg.errors.QueryCanceled("timeout")),
    "nul": from_driver(psycopg.DataError("text fields cannot contain NUL (0x00) bytes")),
    "sql": from_driver(psycopg.errors.UndefinedTable("relation secret_table does not exist")),
}


def an_app(*, with_context: bool = True) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(router, prefix="/api")
    errors.install(app)
    if with_context:
        app.add_middleware(RequestContext, headers=headers.ALWAYS)
    return app


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    # The application's exceptions are raised here too: none may leave it.
    transport = httpx.ASGITransport(app=an_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(document)
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["instance"] == answer.request.url.path
    return document


async def test_a_problem_tells_its_type_its_detail_and_its_own_members(
    http: httpx.AsyncClient,
) -> None:
    document = problem_of(await http.get("/api/raise/problem"))
    assert document["type"].endswith("/problems/conflict")
    assert document["title"] == Conflict.title
    assert document["detail"] == "The state forbids it here."
    assert document["incumbent"] == 3
    assert "errors" not in document


async def test_the_request_id_of_the_caller_is_kept(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/raise/bug", headers={"X-Request-ID": "mine-1"})
    assert problem_of(answer)["request_id"] == "mine-1"


async def test_a_path_that_nobody_has_is_a_404_with_an_escaped_instance(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get('/nö<"?x=1')
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/problems/not-found")
    assert answer.json()["instance"] == "/n%C3%B6%3C%22"


async def test_a_405_lists_the_methods_of_every_route_at_the_address(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.delete("/api/things")
    document = problem_of(answer)
    assert answer.headers["allow"] == "GET, POST"
    assert document["type"].endswith("/problems/method-not-allowed")
    assert "GET, POST" in document["detail"]


async def test_a_401_says_how_to_authenticate(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/raise/token")
    assert problem_of(answer)["status"] == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_413_of_the_framework_is_a_problem_too(http: httpx.AsyncClient) -> None:
    assert problem_of(await http.get("/api/raise/too-large"))["type"].endswith("/too-large")


async def test_a_status_without_a_problem_of_its_own_is_about_blank(
    http: httpx.AsyncClient,
) -> None:
    document = problem_of(await http.get("/api/raise/teapot"))
    assert (document["type"], document["status"]) == ("about:blank", 418)


async def test_a_retry_is_told_in_seconds(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/raise/later")
    assert problem_of(answer)["status"] == 503
    assert answer.headers["retry-after"] == "17"


@pytest.mark.parametrize("what", ["lost", "driver", "no-connection", "standby", "deadlock", "slow"])
async def test_a_database_that_is_away_is_a_503_with_a_retry(
    http: httpx.AsyncClient, what: str
) -> None:
    answer = await http.get(f"/api/raise/{what}")
    document = problem_of(answer)
    assert document["status"] == 503
    assert document["type"].endswith("/problems/unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "db.internal" not in answer.text


async def test_a_text_that_postgresql_cannot_hold_is_a_422(http: httpx.AsyncClient) -> None:
    assert problem_of(await http.get("/api/raise/nul"))["status"] == 422


@pytest.mark.parametrize(("what", "secret"), [("bug", "hunter2"), ("sql", "secret_table")])
async def test_a_bug_is_a_500_that_hides_its_text_and_logs_it_under_the_request_id(
    http: httpx.AsyncClient, what: str, secret: str
) -> None:
    with capture_logs() as logs:
        answer = await http.get(f"/api/raise/{what}")
    document = problem_of(answer)
    assert document["status"] == 500
    assert secret not in answer.text
    (entry,) = [entry for entry in logs if entry["event"] == "request_failed"]
    assert entry["request_id"] == document["request_id"]
    assert secret in entry["exception"]
    assert document["request_id"] in document["detail"]


async def test_an_error_in_another_middleware_is_a_problem_too() -> None:
    class Broken:
        def __init__(self, app: ASGIApp) -> None: ...

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise ValueError("broken")

    app = an_app(with_context=False)
    app.add_middleware(Broken)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert problem_of(await client.get("/api/things"))["status"] == 500


async def test_an_error_after_the_first_byte_cuts_the_answer_off(http: httpx.AsyncClient) -> None:
    with pytest.raises(ValueError, match="too late"):
        await http.get("/api/stream")


async def test_a_422_points_at_every_value_that_is_wrong(http: httpx.AsyncClient) -> None:
    body = {"nam": "x", "metrics": {"a/b": "x"}, "parts": [{"path": "a", "x~y": 1}]}
    document = problem_of(await http.post("/api/things?limit=999", json=body))
    assert document["type"].endswith("/problems/invalid-request")
    found = {entry["pointer"]: entry["detail"] for entry in document["errors"]}
    assert found["limit"].startswith("Query parameter: must be less than or equal to 200")
    assert found["/name"] == "This is required."
    assert found["/nam"] == "Unknown field. The fields are: name, metrics, parts, choice."
    assert found["/metrics/a~1b"].startswith("Must be a valid number")
    assert found["/parts/0/x~0y"] == "Unknown field. The fields are: path, size."
    assert len(found) == 5


async def test_pointers_follow_the_body_and_not_the_members_of_a_union(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.post("/api/things", json={"name": "x", "choice": {"path": 7}})
    pointers = {entry["pointer"] for entry in problem_of(answer)["errors"]}
    assert pointers == {"/choice", "/choice/path"}


async def test_parameters_are_named_with_their_place(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/things/0", headers={"count": "-1"})
    found = {entry["pointer"]: entry["detail"] for entry in problem_of(answer)["errors"]}
    assert found["number"].startswith("Path parameter: must be greater than or equal to 1")
    assert found["count"].startswith("Header: must be greater than or equal to 0")


async def test_a_422_never_repeats_what_was_sent(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/things", json={"name": 5, "metrics": "swd_secret"})
    assert answer.status_code == 422
    assert "swd_secret" not in answer.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b"{", 400),
        (b'{"name": }', 400),
        (b'"\xff"', 400),
        (b"[" * 100_000, 400),
        (b'{"name": "x", "metrics": {"auc": NaN}}', 422),
        (b'{"\\ud800": 1, "name": "x"}', 422),
        (b'{"name": "x", "' + b"k" * 100_000 + b'": 1}', 422),
    ],
)
async def test_a_bad_body_is_never_a_500(
    http: httpx.AsyncClient, content: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await http.post("/api/things", content=content, headers=headers)
    assert problem_of(answer)["status"] == status
    assert len(answer.content) < 10_000


async def test_thousands_of_wrong_values_are_told_by_the_first_hundred(
    http: httpx.AsyncClient,
) -> None:
    body = {"name": "x", "metrics": {str(number): "x" for number in range(5000)}}
    answer = await http.post("/api/things", json=body)
    assert len(problem_of(answer)["errors"]) == 100


async def test_many_requests_at_once_keep_their_own_ids(http: httpx.AsyncClient) -> None:
    async def one(number: int) -> bool:
        found = await http.get("/api/raise/problem", headers={"X-Request-ID": f"r-{number}"})
        return bool(problem_of(found)["request_id"] == f"r-{number}")

    assert all(await asyncio.gather(*(one(number) for number in range(20))))


def test_a_problem_is_an_exception_with_a_sentence() -> None:
    assert str(Problem("It broke.")) == "It broke."
