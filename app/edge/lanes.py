"""Lanes: routes that are asked all day, answered without what FastAPI does for each request.

A lane answers the plain good case only: a GET without a query, of a token that was good a moment
ago, by an actor who may, for something that is there. Everything else goes on to the route, which
says what is wrong; so a lane refuses nothing by itself, and the route stays the one truth about
what is answered. Ids, logs, metrics, headers and limits are the same: they lie around both.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.dependencies import authenticate_at_once
from app.access.rules import may
from app.access.table import Permission
from app.core.actor import Actor
from app.core.etags import not_modified

JSON = b"application/json"


class Found(Protocol):
    """What a lane found: its ETag, and its JSON as an actor may see it."""

    @property
    def tag(self) -> str:
        """The ETag."""

    def body(self, actor: Actor) -> bytes:
        """The JSON."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The GET of a route at `path`, which asks for `permission` on the model that the path names.
    `find` is given the application's state and the path's values, and answers None where the
    route is to answer."""

    path: str
    permission: Permission
    find: Callable[[Any, Mapping[str, str]], Awaitable[Found | None]]

    @property
    def path_format(self) -> str:
        """What it is counted under: the route's."""
        return self.path


class Lanes:
    """Answers what lanes can; hands on the rest."""

    def __init__(self, app: ASGIApp, lanes: Sequence[Lane]) -> None:
        """Wraps the application that has the routes."""
        self.app = app
        self._lanes = [(compile_path(lane.path)[0], lane) for lane in lanes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            for pattern, lane in self._lanes:
                matched = pattern.match(scope["path"])
                if matched and await _answered(lane, matched.groupdict(), scope, send):
                    return
        await self.app(scope, receive, send)


async def _answered(lane: Lane, values: dict[str, str], scope: Scope, send: Send) -> bool:
    """Answer, or say that this has to be done by the route."""
    headers = _asked(scope)
    actor = authenticate_at_once(scope, headers[b"authorization"]) if headers else None
    if headers is None or actor is None or not may(actor, lane.permission, values["model"]):
        return False
    found = await lane.find(scope["app"].state, values)
    if found is None:
        return False
    scope["route"] = lane
    if not_modified(headers.get(b"if-none-match"), found.tag):
        await _send(send, 304, [(b"etag", found.tag.encode())], b"")
        return True
    body = found.body(actor)
    length = (b"content-length", b"%d" % len(body))
    told = [length, (b"content-type", JSON), (b"etag", found.tag.encode())]
    await _send(send, 200, told, body)
    return True


def _asked(scope: Scope) -> dict[bytes, str] | None:
    """The two headers that a lane knows; None where one came twice, or nobody says who they are."""
    found: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in (b"authorization", b"if-none-match"):
            if name in found:
                return None
            found[name] = value.decode("latin-1")
    return found if b"authorization" in found else None


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
