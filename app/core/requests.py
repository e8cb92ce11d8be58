"""What every HTTP request passes through: its id, its log line, and a strict reading of JSON."""

import json
import re
import time
from typing import Any, NoReturn

import structlog
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import headers, logs
from app.core.ids import new_text
from app.core.masking import masked
from app.core.problems import InvalidRequest, MalformedRequest, TooLarge

MAX_JSON_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class RequestContext:
    """Gives every request an id (its own `X-Request-ID` where it brought a sane one), echoes it,
    and writes one structured line when the answer is complete. Query strings are not logged:
    signed links carry their signature there."""

    def __init__(self, app: ASGIApp, headers: tuple[headers.Header, ...]) -> None:
        """Wraps the next application; `headers` are those of an answer that has none of its own."""
        self.app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _given_id(scope) or new_text()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status = 500
        began = time.perf_counter()

        async def respond(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = state.get("answer_headers", {})
                headers.add(message, {"x-request-id": request_id, **more}, self._headers)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, respond)
            finally:
                logs.request(
                    scope["method"],
                    scope["path"],
                    status,
                    round((time.perf_counter() - began) * 1000, 1),
                    state.get("actor_name"),
                    request_id,
                )


def _given_id(scope: Scope) -> str | None:
    """The id that a request brought, where it is a sane one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            return given if REQUEST_ID.fullmatch(given) and masked(given) == given else None
    return None


def check_query(request: Request, known: frozenset[str]) -> None:
    """Refuse query parameters that a route does not know: a misspelt filter would list all."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        takes = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
        raise InvalidRequest(
            "A query parameter is not known.",
            errors=[
                {"pointer": name[:100], "detail": f"Unknown query parameter. {takes}"}
                for name in unknown[:10]
            ],
        )


async def read_strictly(request: Request, *, most: int = MAX_JSON_BYTES) -> None:
    """Read and parse a JSON body under the house rules, before FastAPI does.

    At most 4 MiB (or `most`), UTF-8, no key twice, no deeper than 64 levels, no lone surrogates or
    NUL characters (PostgreSQL cannot hold them). Other media types are left as they are.
    """
    body = await read_body(request, most=most)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body or not (content_type == "application/json" or content_type.endswith("+json")):
        return
    request._json = parse_strictly(body)


async def read_body(request: Request, *, most: int = MAX_JSON_BYTES) -> bytes:
    """The whole body, refused beyond 4 MiB (or `most`); kept for whoever reads it next."""
    if hasattr(request, "_body"):
        return bytes(request._body)
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    request._body = b"".join(chunks)
    return request._body


def _too_large(most: int) -> TooLarge:
    if most < MAX_JSON_BYTES:
        return TooLarge(f"The body of this request may have {most // 1024} KiB at most.")
    return TooLarge(
        "A JSON body may have 4 MiB at most. Send the content of files to the file routes, and "
        "long series of points in several calls."
    )


def parse_strictly(body: bytes) -> Any:
    """The JSON value of a body, or the problem with it.

    `NaN` and `Infinity` are let through to the fields, which refuse them by name.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedRequest(
            f"The body is not valid UTF-8 (byte {error.start}). Encode it as UTF-8."
        ) from error
    try:
        value = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}."
        ) from error
    except RecursionError as error:
        _too_deep(error)
    except ValueError as error:  # an integer of thousands of digits
        raise MalformedRequest(f"The body holds a number that cannot be read: {error}.") from error
    # Few brackets cannot nest deeply, and only an escape can stand for what UTF-8 cannot hold.
    if "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH:
        _check_text_and_depth(value, "", 0)
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        double = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise MalformedRequest(
            f"The body names the key {double[:100]!a} twice in one object. Name each key once."
        )
    return found


def _check_text_and_depth(value: Any, pointer: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        _too_deep(None)
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, pointer)
            _check_text_and_depth(item, f"{pointer}/{escape_pointer(key)}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_text_and_depth(item, f"{pointer}/{index}", depth + 1)


def _check_text(value: str, pointer: str) -> None:
    if "\0" in value:
        fault = "It holds the character U+0000, which cannot be stored. Remove it."
    elif not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        fault = "It holds half of a surrogate pair, which is not a character. Remove it."
    else:
        return
    raise InvalidRequest(
        "A text in the body cannot be stored.", errors=[{"pointer": pointer, "detail": fault}]
    )


def _too_deep(cause: Exception | None) -> NoReturn:
    raise InvalidRequest(
        "The body is nested too deeply.",
        errors=[{"pointer": "", "detail": f"A body may have {MAX_DEPTH} levels at most."}],
    ) from cause


def escape_pointer(key: str) -> str:
    """One key as a step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
