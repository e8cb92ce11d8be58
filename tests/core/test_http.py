"""What one connection may cost: real sockets, against uvicorn with our protocol."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from app.core.http import HttpProtocol
from tests.waiting import SECONDS, until

KIB = 1024
SHORT = 0.3
LONGER = 2.0  # where a busy machine must not be taken for a slow client
HELLO = b"GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"


class Wire:
    """A server in a thread, and what its application was told."""

    def __init__(self, **bounds: float) -> None:
        self.seen: list[Scope] = []
        self.bodies: list[bytes] = []
        self.ended: list[str] = []
        self.may_answer = threading.Event()
        self.may_read = threading.Event()
        self.may_read.set()
        self.protocol = type("Protocol", (HttpProtocol,), {"watch_seconds": 0.05, **bounds})
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self._app,
            http=self.protocol,
            interface="asgi3",
            loop="uvloop",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=bounds.get("keep_alive", 75),  # type: ignore[arg-type]
            timeout_graceful_shutdown=5,
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, args=([self._socket],))

    def __enter__(self) -> "Wire":
        self._thread.start()
        until(lambda: self.server.started, what="the server")
        return self

    def __exit__(self, *_: object) -> None:
        self.may_answer.set()
        self.may_read.set()
        self.server.should_exit = True
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def connect(self) -> socket.socket:
        return socket.create_connection(self._socket.getsockname(), timeout=SECONDS)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope)
        try:
            await self._answer(scope, receive, send)
            self.ended.append("well")
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/early":
            await _say(send, b"early", status=413)
            return
        if path == "/slow":
            await asyncio.to_thread(self.may_answer.wait)
        if path == "/large":
            await send(_start(200))
            for _ in range(400):
                await send(
                    {"type": "http.response.body", "body": b"x" * 64 * KIB, "more_body": True}
                )
            await send({"type": "http.response.body"})
            return
        await asyncio.to_thread(self.may_read.wait)
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.append("cut off")
                return
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)
        await _say(send, b"%d" % len(body))


def _start(status: int) -> Message:
    return {"type": "http.response.start", "status": status, "headers": []}


async def _say(send: Send, body: bytes, *, status: int = 200) -> None:
    await send({**_start(status), "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def talking(wire: Wire) -> Iterator[socket.socket]:
    with contextlib.closing(wire.connect()) as connection:
        yield connection


def all_of(connection: socket.socket) -> bytes:
    """What comes until the other side ends."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(64 * KIB):
            found += data
    return found


def one_answer(connection: socket.socket) -> tuple[int, bytes]:
    """The next answer that has a Content-Length: its status and body."""
    found = b""
    while b"\r\n\r\n" not in found:
        data = connection.recv(1)
        assert data, found
        found += data
    head = found.decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    body = b""
    while len(body) < length:
        data = connection.recv(length - len(body))
        assert data
        body += data
    return int(head.split()[1]), body


def refused(said: bytes, status: int, slug: str) -> None:
    """One whole problem, and the end."""
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), said[:200]
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    assert b"x-content-type-options: nosniff" in head
    document = json.loads(body)
    assert document["type"] == f"/problems/{slug}"
    assert document["status"] == status
    assert f"x-request-id: {document['request_id']}".encode() in head


def test_a_connection_serves_one_request_after_another() -> None:
    with Wire() as wire, talking(wire) as connection:
        for _ in range(3):
            connection.sendall(HELLO)
            assert one_answer(connection) == (200, b"0")
        connection.sendall(HELLO * 3)
        assert [one_answer(connection) for _ in range(3)] == [(200, b"0")] * 3
        connection.sendall(b"PUT /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc")
        connection.sendall(b"de" + HELLO)
        assert [one_answer(connection) for _ in range(2)] == [(200, b"5"), (200, b"0")]


LARGE = [
    pytest.param(b"X-A: " + b"a" * 70 * KIB + b"\r\n", id="one header"),
    pytest.param(b"X-A: " + b"a" * 900 * KIB, id="one header without an end"),
    pytest.param(b"".join(b"X-%d: %s\r\n" % (n, b"a" * KIB) for n in range(80)), id="eighty"),
    pytest.param(b"".join(b"X-%d: a\r\n" % n for n in range(101)), id="one hundred and one"),
    pytest.param(b"a" * 300 * KIB, id="a name"),
]


@pytest.mark.parametrize("sent", LARGE)
def test_a_head_that_is_too_large_is_refused(sent: bytes) -> None:
    with Wire() as wire, talking(wire) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.1\r\n" + sent + b"\r\n")
        refused(all_of(connection), 431, "head-too-large")
        assert wire.seen == []


def test_a_head_that_is_large_enough_is_taken_in_one_piece_or_in_many() -> None:
    head = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 600) for n in range(100))
    head += b"\r\n"
    with Wire() as wire, talking(wire) as connection:
        connection.sendall(head)
        assert one_answer(connection) == (200, b"0")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(head), 1500):
            connection.sendall(head[start : start + 1500])
        assert one_answer(connection) == (200, b"0")
        assert [len(scope["headers"]) for scope in wire.seen] == [100, 100]


def test_the_target_of_a_request_is_bounded() -> None:
    with Wire() as wire:
        for length, target in ((8 * KIB, b"/"), (8 * KIB, b"/?")):
            with talking(wire) as connection:
                at_most = target + b"a" * (length - len(target))
                connection.sendall(b"GET " + at_most + b" HTTP/1.1\r\n\r\n")
                assert one_answer(connection) == (200, b"0")
                connection.sendall(b"GET " + at_most + b"a HTTP/1.1\r\n\r\n")
                refused(all_of(connection), 414, "address-too-long")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nX : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\r\n folded\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_refused(sent: bytes) -> None:
    with Wire() as wire, talking(wire) as connection:
        connection.sendall(sent)
        refused(all_of(connection), 400, "malformed-request")


def test_a_trailer_is_no_header() -> None:
    with Wire() as wire, talking(wire) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-A: a\r\n\r\n")
        connection.sendall(b"3\r\nabc\r\n0\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")
        assert one_answer(connection) == (200, b"3")
        names = [name for name, _ in wire.seen[0]["headers"]]
        assert names == [b"transfer-encoding", b"x-a"]


@pytest.mark.parametrize("sent", [b"G", b"\r\n", HELLO[:-2], b"GET / HTTP/1.1\r\nX-A: "])
def test_a_head_that_does_not_end_is_given_up(sent: bytes) -> None:
    with Wire(head_seconds=SHORT) as wire, talking(wire) as connection:
        connection.sendall(sent)
        refused(all_of(connection), 408, "too-slow")
        assert wire.seen == []


def test_a_head_that_trickles_is_given_up_too() -> None:
    with Wire(head_seconds=SHORT) as wire, talking(wire) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"GET / HTTP/1.1\r\nX-A: ")
        said = b""
        while not said:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"X")
            with contextlib.suppress(TimeoutError):
                said = connection.recv(KIB)
        refused(said, 408, "too-slow")


def test_whoever_says_nothing_is_let_go() -> None:
    with Wire(head_seconds=SHORT) as wire, talking(wire) as connection:
        assert all_of(connection) == b""


def test_a_body_that_stops_is_given_up_and_the_application_told() -> None:
    with Wire(body_seconds=SHORT) as wire, talking(wire) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
        refused(all_of(connection), 408, "too-slow")
        until(lambda: "cut off" in wire.ended, what="the application to be told")


def test_a_body_may_take_long_as_long_as_it_goes_on() -> None:
    with Wire(body_seconds=LONGER, head_seconds=SHORT) as wire, talking(wire) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 12\r\n\r\n")
        never = threading.Event()
        for _ in range(12):
            never.wait(LONGER / 8)  # this is what is tested: longer than the bound in all
            connection.sendall(b"x")
        assert one_answer(connection) == (200, b"12")


def test_a_body_that_we_do_not_read_is_not_the_clients_fault() -> None:
    with Wire(body_seconds=SHORT) as wire, talking(wire) as connection:
        wire.may_read.clear()
        size = 300 * KIB
        connection.sendall(b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
        connection.sendall(b"x" * (200 * KIB))
        threading.Event().wait(SHORT * 3)
        wire.may_read.set()
        connection.sendall(b"x" * (100 * KIB))
        assert one_answer(connection) == (200, b"%d" % size)


def test_who_was_not_asked_for_its_body_yet_may_wait() -> None:
    with Wire(body_seconds=SHORT) as wire, talking(wire) as connection:
        wire.may_read.clear()
        connection.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        until(lambda: wire.seen, what="the request")
        threading.Event().wait(SHORT * 3)
        wire.may_read.set()
        assert connection.recv(KIB).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"abc")
        assert one_answer(connection) == (200, b"3")


def test_an_answer_may_take_long() -> None:
    bounds = {"head_seconds": SHORT, "body_seconds": SHORT, "write_seconds": SHORT}
    with Wire(**bounds) as wire, talking(wire) as connection:
        connection.sendall(HELLO.replace(b"hello", b"slow"))
        threading.Event().wait(SHORT * 3)
        wire.may_answer.set()
        assert one_answer(connection) == (200, b"0")


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    with Wire(write_seconds=SHORT) as wire, talking(wire) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
        connection.sendall(HELLO.replace(b"hello", b"large"))
        until(lambda: wire.ended, what="the application to be let go")
        assert len(all_of(connection)) < 400 * 64 * KIB
        until(lambda: not wire.server.server_state.connections, what="the connection to end")


def test_an_answer_that_is_read_slowly_is_not() -> None:
    with Wire(write_seconds=1) as wire, talking(wire) as connection:
        connection.sendall(HELLO.replace(b"hello", b"large"))
        found = 0
        never = threading.Event()
        for _ in range(8):
            never.wait(0.25)
            found += len(connection.recv(4 * KIB * KIB))
        connection.sendall(HELLO.replace(b"Host: test", b"Connection: close"))
        found += len(all_of(connection))
        assert found > 400 * 64 * KIB


def test_an_idle_connection_is_closed() -> None:
    with Wire(keep_alive=SHORT) as wire, talking(wire) as connection:
        connection.sendall(HELLO)
        assert one_answer(connection) == (200, b"0")
        assert all_of(connection) == b""


def test_one_whose_request_ended_after_its_answer_is_closed_as_well() -> None:
    with Wire(keep_alive=SHORT) as wire, talking(wire) as connection:
        connection.sendall(b"PUT /early HTTP/1.1\r\nContent-Length: 3\r\n\r\na")
        assert one_answer(connection) == (413, b"early")
        connection.sendall(b"bc")
        assert all_of(connection) == b""


def test_what_was_asked_before_a_fault_is_answered() -> None:
    with Wire() as wire, talking(wire) as connection:
        slow = HELLO.replace(b"hello", b"slow")
        connection.sendall(slow + HELLO + b"nonsense\r\n\r\n")
        until(lambda: wire.seen, what="the request")
        wire.may_answer.set()
        assert [one_answer(connection) for _ in range(2)] == [(200, b"0")] * 2
        assert all_of(connection) == b""


def test_too_many_connections_are_told_to_come_again() -> None:
    with Wire(max_connections=2) as wire, talking(wire), talking(wire) as second:
        until(lambda: len(wire.server.server_state.connections) == 2, what="two connections")
        with talking(wire) as third:
            said = all_of(third)
            refused(said, 503, "unavailable")
            assert b"retry-after: 2" in said
        second.sendall(HELLO)
        assert one_answer(second) == (200, b"0")


def test_connections_that_wait_do_not_hold_up_the_end() -> None:
    with Wire() as wire, talking(wire) as idle, talking(wire) as half:
        idle.sendall(HELLO)
        assert one_answer(idle) == (200, b"0")
        half.sendall(b"GET / HT")
        wire.server.should_exit = True
        assert all_of(idle) == b""
        assert all_of(half) == b""
