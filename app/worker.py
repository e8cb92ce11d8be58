"""The worker: takes jobs from the queue and does them, in the server or in a process of its own.

Any number of workers may run. One that is killed leaves its jobs marked as being done; the others
notice that its heartbeat stopped and take them over.
"""

import asyncio
import contextlib
import importlib
import pkgutil
import time
from collections.abc import AsyncIterator
from typing import Any

import procrastinate
import structlog
from procrastinate import JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy
from psycopg import Error as DatabaseError
from psycopg_pool import PoolTimeout
from sqlalchemy import text

import app
from app.core.addresses import complaint
from app.core.duties import duties_done
from app.core.queue import QUEUE, TASKS, Task
from app.core.runtime import Runtime

CONCURRENCY = 4
STOP_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 3600
CONNECT_SECONDS = 5.0
RESTART_SECONDS = 2.0
CATCH_UP_SECONDS = 24 * 3600.0  # what the clock missed while nobody worked is done late, once
KEPT_HOURS, KEPT_FAILED_HOURS = 24, 30 * 24
log = structlog.get_logger()


class Patience(BaseRetryStrategy):
    """After 2, 4, 8 … seconds, at most an hour apart, `retries` times; a job that our own stop
    interrupted is simply put back."""

    def __init__(self, retries: int) -> None:
        self.retries = retries

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to try again, or None to give up."""
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(retry_in={"seconds": 0})
        if job.attempts >= self.retries:
            return None
        return RetryDecision(
            retry_in={"seconds": min(2 ** (job.attempts + 1), LONGEST_WAIT_SECONDS)}
        )


def load_tasks() -> None:
    """Import every room's use cases, so that its tasks and duties are declared."""
    for room in pkgutil.iter_modules(app.__path__, "app."):
        if room.ispkg and any(m.name == "service" for m in _modules(room.name)):
            importlib.import_module(f"{room.name}.service")


def _modules(room: str) -> list[pkgutil.ModuleInfo]:
    return list(pkgutil.iter_modules(importlib.import_module(room).__path__))


async def run_worker(runtime: Runtime) -> None:
    """Do jobs and standing duties until cancelled; then let running jobs finish, for ten seconds at
    most, and put the rest back. The loss of PostgreSQL only pauses it."""
    load_tasks()
    async with duties_done(runtime):
        while True:
            try:
                await _work(runtime)
            except (DatabaseError, ConnectorException, PoolTimeout) as error:
                log.warning("worker_lost_postgresql", reason=complaint(error.__cause__ or error))
            except Exception:
                log.exception("worker_failed")
            await asyncio.sleep(RESTART_SECONDS)


@contextlib.asynccontextmanager
async def worker_inside(runtime: Runtime) -> AsyncIterator[None]:
    """A worker that runs beside whatever else this process does. In the end it is left to itself
    where it does not stop, as without PostgreSQL: the next worker takes over its jobs."""
    load_tasks()
    working = asyncio.create_task(run_worker(runtime), name="worker")
    try:
        yield
    finally:
        working.cancel()
        await asyncio.wait([working], timeout=STOP_SECONDS + CONNECT_SECONDS)


async def disown_jobs(runtime: Runtime) -> None:
    """Take the jobs from every worker that ever was. Only for one who knows that none is left."""
    async with runtime.db.transaction() as session:
        await session.execute(text("DELETE FROM procrastinate_workers"))


async def _work(runtime: Runtime) -> None:
    """One life of a worker: as long as its connections hold."""
    direct = runtime.settings.direct_url
    connector = PsycopgConnector(
        conninfo=direct or runtime.db.url,
        min_size=1,
        max_size=CONCURRENCY + 1,
        timeout=CONNECT_SECONDS,
        kwargs={"application_name": "stageward-worker", "connect_timeout": 5},
    )
    queue = _queue(runtime, connector)
    async with queue.open_async():
        await _rescue(runtime, queue)
        await queue.run_worker_async(
            concurrency=CONCURRENCY,
            listen_notify=direct is not None,
            fetch_job_polling_interval=1.0,
            shutdown_graceful_timeout=STOP_SECONDS,
            install_signal_handlers=False,
        )


def _queue(runtime: Runtime, connector: PsycopgConnector) -> procrastinate.App:
    """The queue with every declared task, and two of its own that keep it in order."""
    queue = procrastinate.App(
        connector=connector, periodic_defaults={"max_delay": CATCH_UP_SECONDS}
    )
    for task in TASKS.values():
        register = queue.task(
            name=task.name,
            queue=QUEUE,
            pass_context=True,
            retry=Patience(task.retries),
            lock=task.name if task.cron else None,
            queueing_lock=task.name if task.cron else None,
        )
        registered: Any = register(_handler(runtime, task))
        if task.cron:
            queue.periodic(cron=task.cron)(registered)
    _housekeeping(runtime, queue)
    return queue


def _handler(runtime: Runtime, task: Task[Any]) -> Any:
    async def handle(context: JobContext, **args: Any) -> None:
        if task.cron:
            args.pop("timestamp", None)
        began = time.monotonic()
        try:
            await task(runtime, **args)
        except Exception:
            if context.job.id is not None:
                await _let_go(runtime, [context.job.id])
            raise
        log.info("job_done", task=task.name, seconds=round(time.monotonic() - began, 3), **args)

    return handle


def _housekeeping(runtime: Runtime, queue: procrastinate.App) -> None:
    @queue.periodic(cron="* * * * *")
    @queue.task(name="queue.rescue", queue=QUEUE, queueing_lock="queue.rescue")
    async def rescue(timestamp: int) -> None:
        await _rescue(runtime, queue)

    @queue.periodic(cron="7 * * * *")
    @queue.task(name="queue.clean", queue=QUEUE, queueing_lock="queue.clean")
    async def clean(timestamp: int) -> None:
        await queue.job_manager.delete_old_jobs(nb_hours=KEPT_HOURS)
        await queue.job_manager.delete_old_jobs(
            nb_hours=KEPT_FAILED_HOURS,
            include_failed=True,
            include_cancelled=True,
            include_aborted=True,
        )


async def _rescue(runtime: Runtime, queue: procrastinate.App) -> None:
    """Put the jobs of workers that died back into the queue."""
    stalled = [job for job in await queue.job_manager.get_stalled_jobs() if job.id is not None]
    await _let_go(runtime, [job.id for job in stalled if job.id is not None])
    for job in stalled:
        log.warning("job_rescued", task=job.task_name, job=job.id)
        await queue.job_manager.retry_job(job)


async def _let_go(runtime: Runtime, jobs: list[int]) -> None:
    """Give up these jobs' place in the queue: another like them may wait there by now, and two of
    one `queueing_lock` cannot."""
    if jobs:
        async with runtime.db.transaction() as session:
            await session.execute(
                text("UPDATE procrastinate_jobs SET queueing_lock = NULL WHERE id = ANY(:jobs)"),
                {"jobs": jobs},
            )
