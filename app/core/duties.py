"""Standing duties: work that follows a topic of the hub, in every process that runs a worker.

A room declares what looks for work and does it:

    @duty("seals", topic="events")
    class Sealer:
        def __init__(self, runtime: Runtime) -> None: ...
        async def __call__(self) -> float | None: ...

A look answers in how many seconds to look again; None leaves it to the topic. Looks are a pause
apart, so that a burst of announcements is one piece of work, unless one asks for zero seconds.
However little is announced, one looks each minute. A duty may run in any number of processes: it
takes a lock where only one may work, and may be killed at any instant.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from psycopg import Error as DatabaseError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.addresses import complaint
from app.core.runtime import Runtime

LONGEST_SECONDS = 60.0
PAUSE_SECONDS = 0.5
AFTER_FAULT_SECONDS = 2.0
STOP_SECONDS = 10.0
Look = Callable[[], Awaitable[float | None]]
Begin = TypeVar("Begin", bound=Callable[[Runtime], Look])
log = structlog.get_logger()


@dataclass(frozen=True)
class Duty:
    """What is done, for as long as a worker runs."""

    name: str
    topic: str
    begin: Callable[[Runtime], Look]


DUTIES: dict[str, Duty] = {}


def duty(name: str, *, topic: str) -> Callable[[Begin], Begin]:
    """Declare a duty; what is decorated makes its look, once for each worker."""

    def register(begin: Begin) -> Begin:
        if name in DUTIES:
            raise ValueError(f"Two duties are named {name}.")
        DUTIES[name] = Duty(name, topic, begin)
        return begin

    return register


@contextlib.asynccontextmanager
async def duties_done(runtime: Runtime) -> AsyncIterator[None]:
    """Every duty is done while this lasts; the loss of PostgreSQL only pauses them."""
    tasks = [asyncio.create_task(_keep(runtime, duty), name=duty.name) for duty in DUTIES.values()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)


async def _keep(runtime: Runtime, duty: Duty) -> None:
    look = duty.begin(runtime)
    with runtime.hub.subscribed(duty.topic) as news:
        while True:
            seconds = await _look(duty, look)
            if seconds == 0:
                continue
            await news.wait(LONGEST_SECONDS if seconds is None else min(seconds, LONGEST_SECONDS))
            await asyncio.sleep(PAUSE_SECONDS)


async def _look(duty: Duty, look: Look) -> float | None:
    try:
        return await look()
    except (DatabaseError, DBAPIError, PoolTimeout) as error:
        reason = complaint(getattr(error, "orig", None) or error)
        log.warning("duty_lost_postgresql", duty=duty.name, reason=reason)
    except Exception:
        log.exception("duty_failed", duty=duty.name)
    return AFTER_FAULT_SECONDS
