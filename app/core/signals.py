"""Waking those who wait: topics, announced after a commit, heard by every process.

A notification is only a hint: whoever wakes reads the truth from PostgreSQL, and whoever waits
also looks by itself now and then, so a lost hint costs time and never a fact. It is sent after
the commit and outside its transaction, because NOTIFY inside one serialises all commits.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator

import psycopg
import structlog

from app.core.addresses import complaint

CHANNEL = "stageward"
HEARTBEAT_SECONDS = 20.0
POLL_SECONDS = 1.0
PAUSE_SECONDS = 0.01  # what is announced meanwhile goes in one notice, which wakes every process
TOPICS_A_NOTICE = 50  # a payload may have 8,000 bytes
Converse = Callable[["psycopg.AsyncConnection[tuple[object, ...]]"], Awaitable[None]]
log = structlog.get_logger()


class Hub:
    """The waiters of this process, and the direct connections to the others."""

    def __init__(self, listen_url: str | None) -> None:
        """`listen_url` must reach PostgreSQL directly; without one, waiters look every second."""
        self._url = listen_url
        self._waiters: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._outbox: set[str] = set()
        self._outgoing = asyncio.Event()
        self._listening = False
        self._closed = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen in the running loop."""
        if self._url is not None and not self._tasks:
            self._tasks = [
                asyncio.create_task(self._keep(self._url, self._listen)),
                asyncio.create_task(self._keep(self._url, self._speak)),
            ]

    @property
    def closing(self) -> bool:
        """Whether the process is ending: then nobody should wait any more."""
        return self._closed

    def close(self) -> None:
        """Wake everybody for good: waiting polls answer at once. Safe to call twice."""
        self._closed = True
        for waiters in list(self._waiters.values()):
            for event in waiters:
                event.set()

    async def stop(self) -> None:
        """Close, and end the connections."""
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def announce(self, topics: Iterable[str]) -> None:
        """Wake the waiters of these topics here, and tell the other processes."""
        topics = set(topics)
        if not topics:
            return
        self._wake(topics)
        if self._tasks:
            self._outbox |= topics
            self._outgoing.set()

    @contextlib.contextmanager
    def subscribed(self, topic: str) -> Iterator["Subscription"]:
        """Subscribe before reading the state, then wait: nothing in between is missed."""
        event = asyncio.Event()
        if self._closed:
            event.set()
        self._waiters[topic].add(event)
        try:
            yield Subscription(self, event)
        finally:
            self._waiters[topic].discard(event)
            if not self._waiters[topic]:
                del self._waiters[topic]

    def watched(self, topic: str) -> "Subscription":
        """A subscription for as long as the process lives."""
        event = asyncio.Event()
        self._waiters[topic].add(event)
        return Subscription(self, event)

    @property
    def longest_wait(self) -> float:
        """Seconds after which a waiter looks by itself."""
        return HEARTBEAT_SECONDS if self._listening else POLL_SECONDS

    def _wake(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for event in self._waiters.get(topic, ()):
                event.set()

    async def _keep(self, url: str, converse: "Converse") -> None:
        """Hold a connection for as long as the process lives, through every loss of it."""
        while not self._closed:
            try:
                async with await psycopg.AsyncConnection.connect(
                    url, autocommit=True, application_name="stageward-signals", connect_timeout=5
                ) as connection:
                    await converse(connection)
            except psycopg.Error as error:
                log.warning("signal_connection_lost", reason=complaint(error))
            await asyncio.sleep(POLL_SECONDS)

    async def _listen(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        try:
            await connection.execute(f"LISTEN {CHANNEL}")
            self._listening = True
            self._wake(list(self._waiters))  # whatever was said while nobody listened
            async for notice in connection.notifies():
                self._wake(notice.payload.split("\n"))
        finally:
            self._listening = False

    async def _speak(self, connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        while True:
            await self._outgoing.wait()
            self._outgoing.clear()
            topics, self._outbox = sorted(self._outbox), set()
            for start in range(0, len(topics), TOPICS_A_NOTICE):
                payload = "\n".join(topics[start : start + TOPICS_A_NOTICE])
                await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))
            await asyncio.sleep(PAUSE_SECONDS)


class Subscription:
    """One waiter on one topic."""

    def __init__(self, hub: Hub, event: asyncio.Event) -> None:
        """Made by `Hub.subscribed`."""
        self._hub = hub
        self._event = event

    async def wait(self, seconds: float) -> None:
        """Return when the topic was announced, when it is time to look again, or at the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self._hub.longest_wait)):
                await self._event.wait()
        if not self._hub.closing:
            self._event.clear()

    def heard(self) -> bool:
        """Whether the topic was announced since this was last asked; it does not wait."""
        announced = self._event.is_set()
        if announced:
            self._event.clear()
        return announced
