"""The route class of every feature router."""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from app.access.dependencies import authenticate
from app.core.actor import Actor
from app.core.context import Origin, origin
from app.core.requests import check_query, read_body, read_strictly
from app.core.runtime import get_runtime
from app.idempotency.service import Answer, KeyedRequest, find, keep, keyed
from app.idempotency.tables import KeptAnswer

KEPT_HEADERS = (
    *("location", "etag", "content-type", "link"),
    *("version-number", "version-recalled"),
)
OPEN_BYTES = 64 * 1024
REPLAY_HEADER = "Idempotent-Replay"
Shape = TypeVar("Shape", bound=BaseModel)
AtOnce = Callable[[Request, Actor], Awaitable[Response | None]]
_serving: ContextVar[Request] = ContextVar("serving")


def first_by(at_once: AtOnce) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark an endpoint whose usual requests something simpler can answer: it checks the rights,
    and answers, or says by None that the endpoint itself must (nothing has happened then). A
    request with an `Idempotency-Key` always goes to the endpoint."""

    def mark(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        endpoint.at_once = at_once  # type: ignore[attr-defined]
        return endpoint

    return mark


def read_shape(request: Request, shape: type[Shape]) -> Shape | None:
    """The body of a request that the edge has read, in this shape; None where it has another one,
    or is no JSON: the endpoint says what is wrong with it."""
    try:
        return shape.model_validate(getattr(request, "_json", None))
    except ValidationError:
        return None


class Route(APIRoute):
    """A route that knows who speaks before it reads, reads strictly, and acts once per key."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """As FastAPI's; the endpoint of a POST is wrapped to look for a kept answer first."""
        if "POST" in (options.get("methods") or ()):
            endpoint = _once(endpoint)
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the edge around it."""
        handle = super().get_route_handler()
        reads_json = self.body_field is not None
        known = _query_parameters(self.dependant)
        is_post = "POST" in (self.methods or ())
        at_once: AtOnce | None = getattr(self.endpoint, "at_once", None)

        async def at_the_edge(request: Request) -> Response:
            actor = await authenticate(request)
            _note_origin(request)
            check_query(request, known)
            if reads_json:
                await read_strictly(request)
            _serving.set(request)
            key = request.headers.get("idempotency-key") if is_post else None
            if key is None and at_once is not None:
                answered = await at_once(request, actor)
                if answered is not None:
                    return answered
            if key is None:
                return await handle(request)
            body = await read_body(request)
            secret = get_runtime(request).settings.signing_key
            request.state.keyed = keyed(actor, key, request.url.path, body, secret)
            response = await handle(request)
            await _keep(request, response, self.endpoint)
            return response

        return at_the_edge


class OpenRoute(APIRoute):
    """A route for whoever has no token of ours yet: it asks nobody who they are, reads as strictly
    and less of it, and keeps no answer (an `Idempotency-Key` belongs to an identity)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with what is left of the edge around it."""
        handle = super().get_route_handler()
        reads_json = self.body_field is not None
        known = _query_parameters(self.dependant)

        async def at_the_edge(request: Request) -> Response:
            _note_origin(request)
            check_query(request, known)
            if reads_json:
                await read_strictly(request, most=OPEN_BYTES)
            return await handle(request)

        return at_the_edge


def _note_origin(request: Request) -> None:
    client = request.client
    origin.set(Origin(request.state.request_id, client.host if client else None))


def _query_parameters(dependant: Dependant) -> frozenset[str]:
    """The names of the query parameters that a route and its dependencies take."""
    own = {field.alias for field in dependant.query_params}
    return frozenset(own.union(*map(_query_parameters, dependant.dependencies)))


def _once(endpoint: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The endpoint, run only where no answer is kept: after the rights were checked (by its
    dependencies) and under the lock of the key."""

    @functools.wraps(endpoint)
    async def call(*args: Any, **kwargs: Any) -> Any:
        request = _serving.get()
        asked: KeyedRequest | None = getattr(request.state, "keyed", None)
        if asked is None:
            return await endpoint(*args, **kwargs)
        session = getattr(request.state, "session", None)
        if session is None:
            async with get_runtime(request).db.transaction() as own:
                kept = await find(own, asked)
        else:
            kept = await find(session, asked)
        request.state.replayed = kept is not None
        if kept is None or getattr(endpoint, "answered_anew", False):
            return await endpoint(*args, **kwargs)
        return _replayed(kept)

    return call


def _replayed(kept: KeptAnswer) -> Response:
    """The first answer again."""
    headers = {**kept.headers, REPLAY_HEADER: "true"}
    return Response(content=kept.body, status_code=kept.status, headers=headers)


async def _keep(request: Request, response: Response, endpoint: Callable[..., Any]) -> None:
    if getattr(request.state, "replayed", False):
        response.headers[REPLAY_HEADER] = "true"
        return
    if not 200 <= response.status_code < 300:
        return
    withheld: tuple[str, ...] = getattr(endpoint, "withheld", ())
    headers = {k: v for k, v in response.headers.items() if k in KEPT_HEADERS}
    answer = Answer(response.status_code, headers, bytes(response.body))
    session = getattr(request.state, "session", None)
    if session is not None:
        await keep(session, request.state.keyed, answer, withheld)
        return
    async with get_runtime(request).db.transaction() as own:
        await keep(own, request.state.keyed, answer, withheld)


def api_router(tag: str) -> APIRouter:
    """A feature's router, under `/api/v1`."""
    return APIRouter(prefix="/api/v1", tags=[tag], route_class=Route)


def open_router(tag: str) -> APIRouter:
    """The same for routes that nobody needs a token for; `access.table.PUBLIC` lists them."""
    return APIRouter(prefix="/api/v1", tags=[tag], route_class=OpenRoute)
