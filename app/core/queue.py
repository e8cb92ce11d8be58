"""Work that outlives a request: jobs in the same PostgreSQL, enqueued with what makes them
necessary.

A room declares a task next to its use cases and enqueues it through its own session, so that a
rollback takes the job along:

    @task("uploads.prove")
    async def prove_later(runtime: Runtime, *, upload_id: str) -> None: ...

    await enqueue(session, prove_later, args={"upload_id": str(upload.id)}, lock=str(upload.id))

A job runs at least once: a worker that is killed leaves it to another, so a task begins by looking
at what is left to do. Its transactions are its own; none spans a transfer of bytes.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.runtime import Runtime

P = ParamSpec("P")
QUEUE = "default"
WAITING_TWIN = "procrastinate_jobs_queueing_lock_idx_v1"


@dataclass(frozen=True)
class Task(Generic[P]):
    """A named piece of work. Calling it does the work here and now."""

    name: str
    run: Callable[Concatenate[Runtime, P], Awaitable[None]]
    retries: int
    cron: str | None

    async def __call__(self, runtime: Runtime, *args: P.args, **kwargs: P.kwargs) -> None:
        """Do the work in this process."""
        await self.run(runtime, *args, **kwargs)


TASKS: dict[str, Task[Any]] = {}


def task(
    name: str, *, retries: int = 10
) -> Callable[[Callable[Concatenate[Runtime, P], Awaitable[None]]], Task[P]]:
    """Declare a task. The name is stored with its jobs and so never changes. A job that raises is
    tried again up to `retries` times, after 2, 4, 8 … seconds, at most an hour apart."""

    def register(run: Callable[Concatenate[Runtime, P], Awaitable[None]]) -> Task[P]:
        return _register(Task(name=name, run=run, retries=retries, cron=None))

    return register


def periodic(name: str, *, cron: str) -> Callable[[Callable[[Runtime], Awaitable[None]]], Task[[]]]:
    """Declare a task that runs by the clock (`cron`, in UTC), once however many workers there are,
    and never beside itself."""

    def register(run: Callable[[Runtime], Awaitable[None]]) -> Task[[]]:
        return _register(Task(name=name, run=run, retries=0, cron=cron))

    return register


def _register(made: Task[P]) -> Task[P]:
    if made.name in TASKS:
        raise ValueError(f"Two tasks are named {made.name}.")
    TASKS[made.name] = made
    return made


async def enqueue(
    session: AsyncSession,
    task: Task[Any],
    *,
    args: dict[str, Any],
    lock: str | None = None,
    queueing_lock: str | None = None,
    scheduled_at: datetime | None = None,
) -> int | None:
    """Add a job to this transaction and return its id.

    Jobs with one `lock` run one after another, in order. While a job with the same `queueing_lock`
    waits, no second one is added and the answer is None; the one that waits is held back until
    this transaction ends, so it sees what this transaction changes.
    """
    values = {
        "queue": QUEUE,
        "task": task.name,
        "lock": lock,
        "queueing_lock": queueing_lock,
        "args": json.dumps(args),
        "at": scheduled_at,
    }
    while True:
        if queueing_lock is not None and await _hold_twin(session, queueing_lock):
            return None
        try:
            async with session.begin_nested():
                return int((await session.execute(_DEFER, values)).scalar_one())
        except IntegrityError as error:
            if WAITING_TWIN not in str(error):
                raise


async def _hold_twin(session: AsyncSession, queueing_lock: str) -> bool:
    """Whether such a job waits; if so, no worker takes it before this transaction ends."""
    found = await session.execute(_TWIN, {"queueing_lock": queueing_lock})
    return found.first() is not None


_DEFER = text(
    "SELECT unnest(procrastinate_defer_jobs_v1(ARRAY[ROW("
    "cast(:queue AS varchar), cast(:task AS varchar), 0, cast(:lock AS text), "
    "cast(:queueing_lock AS text), cast(:args AS jsonb), cast(:at AS timestamptz)"
    ")]::procrastinate_job_to_defer_v1[]))"
)
_TWIN = text(
    "SELECT id FROM procrastinate_jobs "
    "WHERE queueing_lock = :queueing_lock AND status = 'todo' FOR SHARE"
)
