"""A proxy before a real S3 server, through which requests fail as a test wants them to.

Real sockets on loopback. What passes is not changed, the `Host` least of all, so that signatures
for the proxy's address hold.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from tests.s3.faults import Broken, Fault
from tests.s3.wire import LARGEST_HEAD, Head, Line
from tests.waiting import SECONDS

NONE = Fault()


@dataclass
class Asked:
    """A request that came by, and the status that the store answered with, once it did."""

    method: str
    target: str
    status: int | None = None


class Proxy:
    """Listens at `endpoint` for one upstream server, while it is entered."""

    def __init__(self, upstream: str) -> None:
        """Nothing happens yet, but the address is known."""
        address = urlsplit(upstream)
        self._upstream = (str(address.hostname), int(address.port or 80))
        # Bound and never listening: it keeps the port while connections to it are refused.
        self._reservation = _bound(0)
        self._port = int(self._reservation.getsockname()[1])
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self.asked: list[Asked] = []
        self.struck: list[Asked] = []  # those that the latest fault has befallen
        self._strike: Callable[[Asked], Fault] = lambda _: NONE
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="s3-proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reservation.close()

    @contextmanager
    def failing(
        self, fault: Fault, method: str = "", *containing: str, times: int | None = None
    ) -> Iterator[None]:
        """Meanwhile this befalls the requests of a method whose target contains all the texts, so
        many times at most. What is held goes on afterwards."""
        struck: list[Asked] = []
        self.struck = struck

        def strike(asked: Asked) -> Fault:
            if method not in ("", asked.method):
                return NONE
            if not all(text in asked.target for text in containing):
                return NONE
            if times is not None and len(struck) >= times:
                return NONE
            struck.append(asked)
            return fault

        self._strike = strike
        try:
            yield
        finally:
            self._strike = lambda _: NONE
            self._loop.call_soon_threadsafe(fault.end)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Meanwhile nobody listens; who was connected is cut off."""
        self._do(self._shut())
        try:
            yield
        finally:
            self._do(self._listen())

    def cut(self) -> None:
        """Break every connection there is; what is held never goes on."""
        self._do(self._cut())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._connected, sock=_bound(self._port), limit=LARGEST_HEAD
        )

    async def _shut(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut()

    async def _cut(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        lines = [Line(reader, writer)]
        with suppress(asyncio.CancelledError):  # Python 3.11 logs those that `_cut` ends
            await self._serve(lines)
        for line in lines:
            line.writer.transport.abort()
        self._tasks.discard(task)

    async def _serve(self, lines: list[Line]) -> None:
        with suppress(OSError, EOFError, Broken):
            ahead = await asyncio.open_connection(*self._upstream, limit=LARGEST_HEAD)
            lines.append(Line(*ahead))
            while await self._exchange(*lines):
                continue
        for line in lines:
            await line.close()

    async def _exchange(self, client: Line, store: Line) -> bool:
        """One request and its answer; whether another may follow."""
        head = await Head.read(client)
        method, target, _ = head.first.split(" ", 2)
        asked = Asked(method, target)
        self.asked.append(asked)
        fault = self._strike(asked)
        if (answer := fault.answer(method)) is None:
            return await self._pass(fault, asked, head, client, store)
        if "expect" not in head.fields:
            async for _ in head.request_body(client):
                continue
        await client.send(answer)
        return False

    async def _pass(
        self, fault: Fault, asked: Asked, head: Head, client: Line, store: Line
    ) -> bool:
        await fault.before_request()
        await store.send(head.raw)
        sending = asyncio.ensure_future(_pour(fault.sending(head.request_body(client)), store))
        try:
            answer = await _meanwhile(sending, _final(client, store))
            asked.status = answer.status
            await fault.before_answer()
            await client.send(answer.raw)
            await _pour(fault.answering(answer.answer_body(store, asked.method)), client)
            return sending.done() and not answer.is_last
        finally:
            await _ended(sending)


async def _pour(body: AsyncIterator[bytes], line: Line) -> None:
    async for piece in body:
        await line.send(piece)


async def _final(client: Line, store: Line) -> Head:
    """The head of the answer, after those that only say to go on."""
    while (head := await Head.read(store)).status < 200:
        await client.send(head.raw)
    return head


async def _meanwhile(sending: asyncio.Task[None], answer: Coroutine[Any, Any, Head]) -> Head:
    """The answer, which may come before all was sent; unless the client goes before that."""
    answering = asyncio.ensure_future(answer)
    both: set[asyncio.Task[Any]] = {sending, answering}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            with suppress(ConnectionError):  # the store would hear no more: it has answered
                sending.result()
        return await answering
    finally:
        await _ended(answering)


async def _ended(task: asyncio.Task[Any]) -> None:
    """Cancel it, and do not mind how it ended."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _bound(port: int) -> socket.socket:
    """A socket of loopback that others of ours may be bound beside."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind(("127.0.0.1", port))
    return found
