"""The wire: uvicorn's HTTP/1.1, with bounds on what one connection may cost.

Sizes are bounded while they come, and silence by the second: a head that does not end, a body that
stops, an answer that is not read. Nothing bounds how long a body or an answer takes in all, as
long as it goes on. Who can still be answered gets a problem, and the connection is closed.
"""

import asyncio
import json
import os
import resource
import socket
import struct
from enum import Enum, auto
from typing import NoReturn

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.core import headers
from app.core.ids import new_id
from app.core.metrics import REFUSED
from app.core.problems import (
    AddressTooLong,
    HeadTooLarge,
    MalformedRequest,
    Problem,
    TooSlow,
    Unavailable,
)

KEEP_ALIVE_SECONDS = 75  # longer than proxies are idle, so that they are the ones to close
LINGER_SECONDS = 2.0  # for a client that is still sending, and would miss the answer
RETRY_SECONDS = 2
FILES_KEPT = 512  # for PostgreSQL, blobs and whatever else is not a connection of a client
MOST_FILES = 65_536
MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()


class Phase(Enum):
    """What is to come next on a connection."""

    FIRST = auto()  # anything at all
    HEAD = auto()  # the rest of a head
    BODY = auto()  # the rest of a body
    NEXT = auto()  # another request, perhaps


class _Stop(Exception):
    """Ends the parser; why is noted on the connection."""


class HttpProtocol(HttpToolsProtocol):
    """One connection. The bounds are attributes of the class, so that a test may set its own."""

    max_head = 64 * 1024
    max_headers = 100
    max_target = 8 * 1024
    max_connections = 8192
    head_seconds = 30.0
    body_seconds = 60.0
    write_seconds = 60.0
    watch_seconds = 2.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch, unless there are too many already."""
        super().connection_made(transport)
        self._phase = Phase.FIRST
        self._since = self._unread_since = self.loop.time()
        self._unread = self._read = self._parsed = 0
        self._fault: Problem | None = None  # what the parser was ended for
        self._is_over = False
        self._watching = self.loop.call_later(self.watch_seconds, self._look)
        if len(self.connections) > self.max_connections:
            self._refuse(Unavailable(_CROWDED, retry_after=RETRY_SECONDS))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch."""
        self._watching.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes; those behind a refusal are not looked at."""
        if self._is_over:
            return
        if self._phase is not Phase.HEAD:
            self._since = self.loop.time()
        if self._phase in (Phase.FIRST, Phase.NEXT):
            self._phase, self._read = Phase.HEAD, -len(data)
        # A header may come in many pieces, and the parser shows it only once it is whole.
        self._read += len(data)
        super().data_received(data)
        if self._phase is Phase.HEAD and self._read > self.max_head:
            self._refuse(HeadTooLarge(_TOO_LARGE))

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        super().on_message_begin()
        self._parsed = 0
        if self._phase is not Phase.HEAD:  # it came in one piece with the request before
            self._phase, self._since, self._read = Phase.HEAD, self.loop.time(), 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        super().on_url(url)
        if len(self.url) > self.max_target:
            self._stop(AddressTooLong(_TOO_LONG))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. One that comes behind a body (a trailer) is dropped: it was not there when
        was looked at who asks, and what for."""
        self._parsed += len(name) + len(value) + len(": \r\n")
        if self._parsed + len(self.url) > self.max_head or len(self.headers) >= self.max_headers:
            self._stop(HeadTooLarge(_TOO_LARGE))
        if self._phase is Phase.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The end of a head."""
        super().on_headers_complete()
        self._phase, self._since, self._parsed = Phase.BODY, self.loop.time(), 0

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._phase = Phase.NEXT
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The end of an answer; after a refusal, the last one ends the connection."""
        if self._is_over and not any(not cycle.disconnected for cycle, _ in self.pipeline):
            self.transport.close()
        else:
            super().on_response_complete()

    def resume_writing(self) -> None:
        """The client took what waited for it; more of the same size may wait a moment later."""
        super().resume_writing()
        self._unread_since = self.loop.time()

    def send_400_response(self, msg: str) -> None:
        """Called where the parser ended: by itself, or because we stopped it."""
        self._refuse(self._fault or MalformedRequest("This could not be read as HTTP/1.1."))

    def _stop(self, fault: Problem) -> NoReturn:
        self._fault = fault
        raise _Stop

    def _look(self) -> None:
        """Was it silent for too long?"""
        self._watching = self.loop.call_later(self.watch_seconds, self._look)
        now = self.loop.time()
        if self._is_stalled(now):
            self._count("answer-not-read")
            self._abort()
        elif not self._is_over and not self.transport.is_closing():
            self._look_at_silence(now)

    def _is_stalled(self, now: float) -> bool:
        """Whether the client has taken nothing of what waits for it for too long."""
        unread = self.transport.get_write_buffer_size()
        if unread == 0 or unread != self._unread:
            self._unread, self._unread_since = unread, now
        return now - self._unread_since > self.write_seconds

    def _look_at_silence(self, now: float) -> None:
        silent, busy = now - self._since, self._is_busy()
        if self._phase is Phase.BODY:
            if self.flow.read_paused or (busy and self.cycle.waiting_for_100_continue):
                self._since = now  # it is us who want no more yet
            elif silent > self.body_seconds:
                self._refuse(TooSlow(_BODY_STOPPED))
        elif busy or self.flow.read_paused:
            self._since = now
        elif self._phase is Phase.HEAD and silent > self.head_seconds:
            self._refuse(TooSlow(_HEAD_STOPPED))
        elif self._phase is Phase.FIRST and silent > self.head_seconds:
            self._count("silence")
            self.transport.close()
        elif self._phase is Phase.NEXT and silent > self.timeout_keep_alive:
            self.transport.close()  # the answer had come before the end of its request

    def _abort(self) -> None:
        """End it at once, and have the kernel drop what it holds for the client as well."""
        number = os.dup(self.transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=number) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, problem: Problem) -> None:
        """Answer with this problem, where nothing else is or will be answered, and close."""
        if self._is_over:
            return
        self._is_over = True
        self._count(problem.slug)
        if self._phase is not Phase.BODY:
            if not self._is_busy():  # else the requests before are whole, and get their answers
                self._answer(problem)
            return
        if not self._is_busy():  # it was answered before its end
            self.transport.close()
            return
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if any(cycle is self.cycle for cycle, _ in self.pipeline):
            return  # others before it wait for their answers
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._answer(problem)

    def _answer(self, problem: Problem) -> None:
        self.transport.write(self._rendered(problem))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _rendered(self, problem: Problem) -> bytes:
        runtime = getattr(getattr(self.config.loaded_app, "state", None), "runtime", None)
        settings = getattr(runtime, "settings", None)
        found = str(new_id())
        document = {
            "type": f"{getattr(settings, 'base_url', '')}/problems/{problem.slug}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "instance": "/",  # what was asked for is not known, or not worth repeating
            "request_id": found,
        }
        body = json.dumps(document, separators=(",", ":")).encode()
        sent = [
            *self.server_state.default_headers,
            *headers.usual(settings),
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            (b"x-request-id", found.encode()),
        ]
        if problem.retry_after is not None:
            sent.append((b"retry-after", b"%d" % problem.retry_after))
        lines = b"".join(b"%s: %s\r\n" % header for header in sent)
        return STATUS_LINE[problem.status] + lines + b"\r\n" + body

    def _count(self, limit: str) -> None:
        REFUSED.labels(limit).inc()
        log.info("connection_refused", limit=limit, address=self.client and self.client[0])


def connections_allowed() -> int:
    """How many connections a process may hold, after it has let itself open as many files as the
    system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return min(HttpProtocol.max_connections, max(wanted - FILES_KEPT, wanted // 2))


_TOO_LARGE = "The line and the headers of a request may have 64 KiB and 100 headers at most."
_TOO_LONG = "The path and the query of a request may have 8 KiB at most."
_HEAD_STOPPED = "The request did not get as far as its body in time. Send it again."
_BODY_STOPPED = "The body stopped coming. Send the request again; an upload goes on where it was."
_CROWDED = "Too many connections are open. Come again in a moment."
