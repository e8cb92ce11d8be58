"""How every error leaves the service: `application/problem+json` (RFC 9457), with a request id.

`Problem` subclasses say what they are; what the framework, PostgreSQL or a bug raises is put into
the same form here. Nothing that was sent comes back in an answer but the names of its fields.
"""

import asyncio
import json
import re
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import psycopg
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.invalid import is_malformed, sentences
from app.core.masking import masked
from app.core.problems import (
    Conflict,
    InternalError,
    InvalidRequest,
    MalformedRequest,
    MethodNotAllowed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Problem,
    StaleRevision,
    TooLarge,
    TooManyRequests,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
log = structlog.get_logger()

_BY_STATUS: dict[int, tuple[type[Problem], str]] = {
    400: (MalformedRequest, "The request could not be read. Look at its body and its headers."),
    401: (NotAuthenticated, "Send a valid token: `Authorization: Bearer <token>`."),
    403: (NotAllowed, "You may not do that."),
    404: (NotFound, "Nothing lives at this address. All addresses are listed at /docs."),
    409: (Conflict, "The present state forbids it."),
    412: (StaleRevision, "It has changed since you read it. Read it again."),
    413: (TooLarge, "The body is too large: JSON bodies are limited to 4 MiB."),
    422: (InvalidRequest, "A value in the request is not allowed."),
    429: (TooManyRequests, "Too much was asked within this minute. Wait, and send it again."),
    503: (Unavailable, "The service is not available at this moment. Send the request again."),
}

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# psycopg's errors that say "not now": the server went away, is a standby after a failover, or
# somebody else holds the row. OperationalError covers lost connections, timeouts and deadlocks.
_NOT_NOW = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
# What PostgreSQL refuses to hold at all, whatever the column.
_NOT_STORABLE = (
    psycopg.errors.NumericValueOutOfRange,
    psycopg.errors.UntranslatableCharacter,
    psycopg.errors.CharacterNotInRepertoire,
)


def install(app: FastAPI) -> None:
    """Make every error of this app a problem document; call it once, at any time before serving."""
    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        Problem: _problem,
        RequestValidationError: _invalid,
        HTTPException: _http,
        ClientDisconnect: _disconnected,
        sqlalchemy.exc.DBAPIError: _database,
        sqlalchemy.exc.TimeoutError: _database,
        psycopg.Error: _database,
        Exception: _outermost,
    }
    app.exception_handlers.update(handlers)
    # Appended: innermost, so that ids, logs and metrics added around it see the answer.
    app.user_middleware.append(Middleware(CatchAll))


class CatchAll:
    """Answers 500 for what nobody else handled, so that the exception ends here.

    Starlette's own handler answers too, but outside every other middleware, and raises again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app; a response that has already begun can only be cut off."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        request = Request(scope)
        try:
            if CONTROL.search(scope["path"]):
                # Routing would drop a line feed at the end, and so mean another path than was sent.
                raise _control_characters()
            await self.app(scope, receive, watched)
        except Problem as problem:
            await render(request, problem)(scope, receive, send)
        except asyncio.CancelledError:
            if not started and _is_ending(scope):
                await render(request, _ending())(scope, receive, send)
            raise
        except Exception as error:
            if started:
                raise
            response = await _unexpected(request, error)
            await response(scope, receive, send)


def _control_characters() -> InvalidRequest:
    return InvalidRequest(
        "The address holds a control character.",
        errors=[
            {
                "pointer": "path",
                "detail": "No name and no path of a file has control characters. Remove it.",
            }
        ],
    )


def _is_ending(scope: Scope) -> bool:
    runtime = getattr(scope["app"].state, "runtime", None)
    return runtime is not None and runtime.hub.closing


def _ending() -> Unavailable:
    return Unavailable(
        "The server is being ended, and its time to finish this request is over. Nothing was "
        "half-done; send the request again."
    )


def render(
    request: Request, problem: Problem, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer that tells this problem to the caller."""
    sent = dict(headers or {})
    if problem.retry_after is not None:
        sent["Retry-After"] = str(problem.retry_after)
    elif problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        sent["Retry-After"] = str(RETRY_SECONDS)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = "Bearer"
    members: dict[str, object] = {
        **problem.extra,
        "type": problem_type(request, problem.slug),
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors is not None or problem.status == InvalidRequest.status:
        members["errors"] = problem.errors or []
    return _answer(request, problem.status, members, sent)


def problem_type(request: Request, slug: str) -> str:
    """The address of a problem's page, absolute where the service knows its own."""
    settings = getattr(getattr(request.app.state, "runtime", None), "settings", None)
    return f"{getattr(settings, 'base_url', '')}/problems/{slug}"


def request_id(request: Request) -> str:
    """The id of this request; made here only where no middleware has set one."""
    found: str | None = getattr(request.state, "request_id", None)
    if found is None:
        found = request.state.request_id = uuid.uuid4().hex
    return found


def _answer(
    request: Request, status: int, members: Mapping[str, object], headers: Mapping[str, str]
) -> Response:
    document = {
        **members,
        "instance": quote(request.scope["path"], safe="/:@!$&'()*+,;=~"),
        "request_id": request_id(request),
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str)
    # Problems are pasted into tickets and chats: a token in a path is not told again.
    body = masked(text).encode("utf-8", "replace")  # a field's name may hold a lone surrogate
    sent = {"Cache-Control": "no-store", **headers}
    return Response(body, status_code=status, headers=sent, media_type=MEDIA_TYPE)


async def _problem(request: Request, error: Problem) -> Response:
    return render(request, error)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    if is_malformed(error):
        return render(request, MalformedRequest(sentences(error, None)[0]["detail"]))
    errors = sentences(error, request.scope.get("route"))
    where = errors[0]["pointer"] or "the body"
    more = f" (and {len(errors) - 1} more, see `errors`)" if len(errors) > 1 else ""
    detail = f"{where}: {errors[0]['detail']}{more}"
    return render(request, InvalidRequest(detail, errors=errors))


async def _http(request: Request, error: HTTPException) -> Response:
    if error.status_code < HTTPStatus.BAD_REQUEST:  # 304 and its like are no problem
        return Response(status_code=error.status_code, headers=error.headers)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_allowed_methods(request)) or headers.get("Allow", "")
        detail = f"This address does not answer {request.method}. It answers: {allowed}."
        return render(request, MethodNotAllowed(detail), {**headers, "Allow": allowed})
    if error.status_code not in _BY_STATUS:
        return _nameless(request, error)
    kind, usual = _BY_STATUS[error.status_code]
    return render(request, kind(_said(error) or usual), headers)


async def _disconnected(request: Request, error: ClientDisconnect) -> Response:
    log.info("client_disconnected", request_id=request_id(request), path=request.scope["path"])
    return render(request, MalformedRequest("The connection ended before the body did."))


async def _database(request: Request, error: Exception) -> Response:
    cause = getattr(error, "orig", None) or error
    lost = getattr(error, "connection_invalidated", False)
    if lost or isinstance(cause, (*_NOT_NOW, sqlalchemy.exc.TimeoutError)):
        kind = type(cause).__name__
        log.warning("database_unavailable", request_id=request_id(request), kind=kind)
        return render(request, Unavailable(_not_now(cause), retry_after=RETRY_SECONDS))
    if isinstance(cause, _NOT_STORABLE) or "NUL (0x00)" in str(cause):
        detail = "A text holds a NUL character, or a number is too large to be stored."
        return render(request, InvalidRequest(detail))
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):  # raised by a middleware, outside the handlers
        return render(request, error)
    found = request_id(request)
    log.error(
        "request_failed",
        request_id=found,
        method=request.method,
        path=request.scope["path"],
        # Formatted here, and plainly: prettier tracebacks print local variables, and so secrets.
        exception="".join(traceback.format_exception(error)),
    )
    detail = f"Something went wrong on our side. Tell your operator the request id {found}."
    return render(request, InternalError(detail))


async def _outermost(request: Request, error: Exception) -> Response:
    """For what other middleware raises; no other middleware sees this answer."""
    answer = await _unexpected(request, error)
    answer.headers["X-Request-ID"] = request_id(request)
    return answer


def _not_now(cause: BaseException) -> str:
    if isinstance(cause, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return "Somebody else is changing this right now. Send the request again in a moment."
    if isinstance(cause, psycopg.errors.QueryCanceled):
        return "PostgreSQL took too long to answer. Send the request again, or ask for less."
    return "PostgreSQL cannot be reached at this moment. Send the request again in a moment."


def _allowed_methods(request: Request) -> list[str]:
    scope = {
        key: request.scope[key]
        for key in ("type", "path", "method", "root_path", "headers")
        if key in request.scope
    }
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.methods and route.matches(scope)[0] is not Match.NONE:
            methods |= route.methods
    return sorted(methods)


def _said(error: HTTPException) -> str | None:
    """The text of an HTTPException, unless it is only the name of its status."""
    usual = {HTTPStatus(error.status_code).phrase, "There was an error parsing the body", ""}
    return error.detail if isinstance(error.detail, str) and error.detail not in usual else None


def _nameless(request: Request, error: HTTPException) -> Response:
    """A status that only the framework uses (416, 431 …): RFC 9457's `about:blank`."""
    phrase = HTTPStatus(error.status_code).phrase
    members = {
        "type": "about:blank",
        "title": phrase,
        "status": error.status_code,
        "detail": _said(error) or f"{phrase}.",
    }
    return _answer(request, error.status_code, members, error.headers or {})
