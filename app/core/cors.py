"""Pages of other origins, where the operator names them. Nobody else's may read an answer.

There is no cookie and nothing else that a browser would add by itself, so no credentials are
allowed: such a page must hold a token of its own.
"""

import re

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import render
from app.core.problems import NotAllowed

ORIGIN = re.compile(r"(https?)://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?")
USUAL_PORTS = {"http": "80", "https": "443"}
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
TAKEN = (
    *("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "If-Range", "Range"),
    *("Content-Range", "Repr-Digest", "X-Request-ID"),
)
EXPOSED = (
    *("Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Idempotent-Replay"),
    *("Link", "Location", "Repr-Digest", "Retry-After", "Token-Expires-Soon"),
    *("Version-Number", "Version-Recalled", "WWW-Authenticate", "X-Request-ID"),
)


def origins(text: str) -> tuple[str, ...]:
    """The origins that a setting lists, with commas in between; a ValueError says what is wrong
    with one."""
    found = tuple(filter(None, (part.strip() for part in text.split(","))))
    for origin in found:
        matched = ORIGIN.fullmatch(origin)
        if matched is None or USUAL_PORTS[matched[1]] == matched[2]:
            raise ValueError(
                f"`{origin[:60]}` is no origin as browsers send it. Write https://host or "
                "https://host:port in lower case, without a path and without the usual port."
            )
    return found


class Cors(CORSMiddleware):
    """Starlette's; the refusal of a question beforehand (preflight) is a problem like any other."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        """Wraps the next application."""
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=TAKEN,
            expose_headers=EXPOSED,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await super().__call__(scope, receive, send)
            return
        asked = Headers(scope=scope)
        if "origin" not in asked or "access-control-request-method" not in asked:
            await super().__call__(scope, receive, send)
            return
        answer = self.preflight_response(asked)
        if answer.status_code >= 400:
            refusal = NotAllowed(
                "Pages of this origin may not ask this. STAGEWARD_CORS_ORIGINS lists those that "
                "may, and docs/edge.md what."
            )
            answer = render(Request(scope), refusal, {"Vary": answer.headers["Vary"]})
        await answer(scope, receive, send)
