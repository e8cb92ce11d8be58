"""A load generator that costs little on the cores that it shares with what it measures.

Each connection sends the next request as soon as the answer to the last is there whole, so there
are always as many under way as there are connections. Of an answer only the status and the length
are read, and its head where the next request follows from it. Time, and with it the number of
requests, is bounded; work of several requests that was begun is ended.
"""

import asyncio
import contextlib
import time
from array import array
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import NamedTuple, cast

import psutil
import uvloop

from benchmarks.servers import Target

CONNECT_SECONDS = 30.0
OVERTIME_SECONDS = 30.0
PROBE = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class WrongAnswer(Exception):
    """An answer was not the one that the measurement is about: its rate would mean nothing."""


class Ask(NamedTuple):
    """A request and the status that it must answer. `call` is what it is called where the calls of
    a piece of work are told apart; `ends` is whether the work is done with it."""

    request: bytes
    status: bytes
    call: str = ""
    ends: bool = True


# What one connection sends: it is told the head of each answer.
Talk = Generator[Ask, bytes, None]


def in_turns(requests: Sequence[bytes], status: int) -> Callable[[int], Talk]:
    """Every connection sends the next of these requests, round and round."""
    asks = cycle([Ask(request, str(status).encode()) for request in requests])

    def talk(_: int) -> Talk:
        while True:
            yield next(asks)

    return talk


@dataclass(slots=True)
class Sample:
    """What one run saw: seconds each piece of work took (a request, unless told otherwise), in a
    window of so many seconds, and each call of them; how many were done in all, with those of the
    warm-up; and what all of those cost, in seconds of a core."""

    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    calls: dict[str, "array[float]"] = field(default_factory=dict)
    seconds: float = 0.0
    answered: int = 0
    generator_seconds: float = 0.0
    server_seconds: float = 0.0
    database_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Pieces of work a second."""
        return len(self.latencies) / self.seconds


def run(
    target: Target,
    talk: Callable[[int], Talk],
    *,
    connections: int,
    warmup: float,
    seconds: float,
) -> Sample:
    """Let so many connections talk for so long, each by its number, and tell how it went."""
    return uvloop.run(_run(target, talk, connections, warmup, seconds))


async def _run(
    target: Target,
    talk: Callable[[int], Talk],
    connections: int,
    warmup: float,
    seconds: float,
) -> Sample:
    loop = asyncio.get_running_loop()
    turn = _Turn()
    async with contextlib.AsyncExitStack() as stack:
        lines = await _balanced(target, turn, connections)
        for line in lines:
            stack.callback(line.close)
        turn.begin(warmup, seconds)
        cpu = time.process_time()
        done = [loop.create_task(line.work(talk(n))) for n, line in enumerate(lines)]
        async with asyncio.timeout(warmup + seconds + OVERTIME_SECONDS):
            await asyncio.gather(*done)
        turn.sample.generator_seconds = time.process_time() - cpu
    return turn.sample


class _Turn:
    """What the connections of one run share."""

    def __init__(self) -> None:
        self.sample = Sample()
        self.counts_from = self.counts_until = 0.0

    def begin(self, warmup: float, seconds: float) -> None:
        self.counts_from = time.perf_counter() + warmup
        self.counts_until = self.counts_from + seconds
        self.sample.seconds = seconds

    def note(self, began: float, ended: float) -> bool:
        """Count work that was done within the window; whether there is time for more."""
        self.sample.answered += 1
        if self.counts_from <= ended < self.counts_until:
            self.sample.latencies.append(ended - began)
        return ended < self.counts_until

    def note_call(self, name: str, began: float, ended: float) -> None:
        """Count one call of a piece of work."""
        if self.counts_from <= ended < self.counts_until:
            self.sample.calls.setdefault(name, array("d")).append(ended - began)


class _Line(asyncio.Protocol):
    """One connection, which is kept."""

    def __init__(self, turn: _Turn) -> None:
        self._turn = turn
        self._transport: asyncio.Transport
        self._head = b""
        self._missing = -1  # bytes of the body still to come; -1 while the head is read
        self._talk: Talk
        self._ask = Ask(b"", b"")
        self._answered = b""  # the head of the answer
        self._began = self._work_began = 0.0
        self._probing = True
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def probe(self, path: str) -> int:
        """Ask for something cheap, so that a process has taken the connection; our port."""
        self._transport.write(PROBE.format(path).encode())
        await self._done
        self._done = asyncio.get_running_loop().create_future()
        self._probing = False
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    async def work(self, talk: Talk) -> None:
        self._talk = talk
        self._send(next(talk), time.perf_counter())
        await self._done

    def close(self) -> None:
        self._done.cancel()
        self._transport.close()

    def _send(self, ask: Ask, work_began: float) -> None:
        self._ask, self._work_began = ask, work_began
        self._began = time.perf_counter()
        self._transport.write(ask.request)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            data = self._read_head(self._head + data if self._head else data)
            if self._missing < 0:
                return
        self._missing -= len(data)
        if self._missing > 0:
            return
        self._missing = -1
        if self._probing:
            self._done.set_result(None)
        elif not self._done.done():
            self._go_on(time.perf_counter())

    def _go_on(self, now: float) -> None:
        ask = self._ask
        if ask.call:
            self._turn.note_call(ask.call, self._began, now)
        if not ask.ends:
            self._send(self._talk.send(self._answered), self._work_began)
        elif self._turn.note(self._work_began, now):
            self._send(self._talk.send(self._answered), now)
        else:
            self._done.set_result(None)

    def _read_head(self, data: bytes) -> bytes:
        """Take the head off; sets how much body there is to come."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head = data
            return b""
        self._head, self._answered = b"", data[:end]
        if data[9:12] != self._ask.status and not self._probing:
            self._fail(f"answered {data[:400]!r}")
        at = data.find(b"content-length: ", 0, end)
        if at < 0 and data[9:12] not in (b"304", b"204"):
            self._fail(f"an answer without a length: {data[:400]!r}")
        self._missing = int(data[at + 16 : data.find(b"\r", at)]) if at >= 0 else 0
        return data[end + 4 :]

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was closed: {exc}")

    def _fail(self, text: str) -> None:
        if not self._done.done():
            self._done.set_exception(WrongAnswer(text))


async def _balanced(target: Target, turn: _Turn, wanted: int) -> list[_Line]:
    """Connections spread evenly over the processes, as a load balancer would: whichever process
    is quicker at `accept` gets more of them otherwise, and the rate depends on that chance."""
    loop = asyncio.get_running_loop()
    serving = target.serving()
    share = -(-wanted // len(serving))
    held: dict[int, list[_Line]] = {p.pid: [] for p in serving}
    async with asyncio.timeout(CONNECT_SECONDS):
        while sum(map(len, held.values())) < wanted:
            _, line = await loop.create_connection(lambda: _Line(turn), "127.0.0.1", target.port)
            mine = held[_owner(serving, target.port, await line.probe(target.alive))]
            if len(mine) < share:
                mine.append(line)
            else:
                line.close()
    return [line for lines in held.values() for line in lines]


def _owner(serving: list[psutil.Process], port: int, ours: int) -> int:
    """The process at the other end of one of our connections."""
    for process in serving:
        for connection in process.net_connections(kind="tcp4"):
            if connection.laddr.port == port and connection.raddr and connection.raddr.port == ours:
                return int(process.pid)
    raise WrongAnswer("nobody is at the other end of a connection")
