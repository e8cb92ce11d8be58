"""Serving: everything between `python -m app serve` and the first request, and back again.

The parent finds or starts PostgreSQL and checks all that could be wrong, so that what is wrong is
said once and plainly. Then it serves, alone or through processes of its own, which find the
embedded database through the environment.
"""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
import uvicorn
import uvloop
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.supervisors import Multiprocess

from app import __version__
from app.access.service import ensure_first_admin
from app.core import eras, logs, schema
from app.core.addresses import EXAMPLE, complaint
from app.core.embedded import EmbeddedPostgres
from app.core.http import KEEP_ALIVE_SECONDS, HttpProtocol, connections_allowed
from app.core.problems import Problem
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.core.shutdown import (
    ENDINGS,
    Stopped,
    end_with_parent,
    ignore_endings,
    stop_by_exception,
    waiters_told,
)
from app.main import build_runtime, create_app
from app.worker import disown_jobs, run_worker, worker_inside

GRACE_SECONDS = 10
HEALTHCHECK_SECONDS = 60  # a busy machine may keep a worker silent for longer than the default 5
BACKLOG = 2048
STARTUP_FAILURE = 3


class CannotServe(Exception):
    """Something is in the way; the text says what, and what to do."""


def serve(settings: Settings) -> int:
    """Serve until told to end, and return the exit code."""
    stop_by_exception()
    code = 0
    with contextlib.suppress(Stopped), contextlib.ExitStack() as undo:
        listener = undo.enter_context(closing_port(settings))
        settings = _with_port(settings, listener)
        settings = undo.enter_context(database(settings))
        undo.enter_context(shared_metrics(settings))
        uvloop.run(prepare(settings))
        _say(f"Stageward {__version__} serves at {settings.base_url}/docs")
        code = _run(settings, listener)
        ignore_endings()
    return code


def serving_app() -> FastAPI:
    """The application of one serving process, with the worker inside where it is embedded."""
    end_with_parent()
    settings = Settings()
    logs.configure(settings)
    HttpProtocol.max_connections = connections_allowed()
    return with_worker(build_runtime(settings, settings.serving_url))


def with_worker(runtime: Runtime) -> FastAPI:
    """The application over a runtime, with what goes on beside its requests."""
    app = create_app(runtime)
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with inner(app), contextlib.AsyncExitStack() as stack:
            if runtime.settings.embedded:
                await stack.enter_async_context(worker_inside(runtime))
            with waiters_told(runtime.hub):
                yield

    app.router.lifespan_context = lifespan
    return app


async def work(settings: Settings) -> None:
    """Do the queue's jobs in this process until told to end."""
    runtime = _runtime(settings)
    working = asyncio.ensure_future(_work(runtime))
    for number in ENDINGS:
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await working
    except (psycopg.Error, SQLAlchemyError) as error:
        raise CannotServe(unreachable(error)) from error
    except Problem as problem:
        raise CannotServe(f"The blob store cannot be used: {problem.detail}") from problem
    finally:
        await runtime.hub.stop()
        await runtime.db.close()


async def _work(runtime: Runtime) -> None:
    async with runtime.db.engine.connect() as connection:
        await schema.check(connection)
    await asyncio.to_thread(eras.look, runtime.db.url)
    async with open_store(runtime):
        await runtime.store.check()
        runtime.hub.start()
        await run_worker(runtime)


@contextmanager
def closing_port(settings: Settings) -> Iterator[socket.socket]:
    """The port, taken before anything else is begun."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise CannotServe(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}. End what "
            "uses it, or set STAGEWARD_HOST and STAGEWARD_PORT to another address of this machine."
        ) from error
    with listener:
        yield listener


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database that runs: the operator's as it is, or our own, migrated."""
    if not settings.embedded:
        yield settings
        return
    each = settings.pool_size + settings.search_connections + 10
    connections = max(100, settings.workers * each + 20)
    postgres = EmbeddedPostgres(settings.data_dir, connections=connections)
    url = postgres.start()
    try:
        schema.migrate(url)
        os.environ["STAGEWARD_EMBEDDED_URL"] = url
        with postgres.kept_running():
            yield Settings()
    finally:
        ignore_endings()
        os.environ.pop("STAGEWARD_EMBEDDED_URL", None)
        postgres.stop()


@contextmanager
def shared_metrics(settings: Settings) -> Iterator[None]:
    """A folder through which several processes count together, unless the operator named one. It
    bears the port's name, which no other server on this machine has; a killed one's is reused."""
    name = "PROMETHEUS_MULTIPROC_DIR"
    if settings.workers == 1 or name in os.environ:
        yield
        return
    folder = settings.data_dir.absolute() / "metrics" / str(settings.port)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        del os.environ[name]
        shutil.rmtree(folder, ignore_errors=True)


async def prepare(settings: Settings) -> None:
    """Look at all that could keep us from serving, and make the first admin.

    The token is printed inside the transaction that makes it: a kill in between leaves a token
    that does not work, and the next start prints another, but never an admin whom nobody knows.
    """
    runtime = _runtime(settings)
    try:
        async with runtime.db.engine.connect() as connection:
            await schema.check(connection)
        await asyncio.to_thread(eras.look, runtime.db.url)
        if settings.embedded:
            await disown_jobs(runtime)
        async with open_store(runtime):
            await runtime.store.check()
        async with runtime.db.transaction() as session:
            secret = await ensure_first_admin(session, settings)
            if secret is not None:
                _say(f"The admin's token, shown this once: {secret}")
    except (psycopg.Error, SQLAlchemyError) as error:
        raise CannotServe(unreachable(error)) from error
    except Problem as problem:
        raise CannotServe(f"The blob store cannot be used: {problem.detail}") from problem
    finally:
        await runtime.db.close()


def _runtime(settings: Settings) -> Runtime:
    try:
        return build_runtime(settings, settings.serving_url)
    except ValueError as error:
        raise CannotServe(str(error)) from error
    except OSError as error:
        raise CannotServe(
            f"The data directory {settings.data_dir.absolute()} cannot be used: {error}. Set "
            "STAGEWARD_DATA_DIR to a directory that the user who runs the server may write to."
        ) from error


@asynccontextmanager
async def open_store(runtime: Runtime) -> AsyncIterator[None]:
    """The blob store of a process, ready and in the end let go of."""
    await runtime.store.prepare()
    try:
        yield
    finally:
        await runtime.store.close()


def unreachable(error: Exception) -> str:
    """What to tell about a database that does not answer."""
    reason = complaint(getattr(error, "orig", None) or error)
    return (
        f"PostgreSQL cannot be used: {reason}. See that it runs, and that STAGEWARD_DATABASE_URL "
        f"names it ({EXAMPLE})."
    )


def _with_port(settings: Settings, listener: socket.socket) -> Settings:
    """The settings with the port that was really taken, for this process and those it starts."""
    if settings.port != 0:
        return settings
    os.environ["STAGEWARD_PORT"] = str(listener.getsockname()[1])
    return Settings()


def _run(settings: Settings, listener: socket.socket) -> int:
    config = uvicorn.Config(
        "app.serving:serving_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=HttpProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # app.core.proxies reads them, where the operator trusts any
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=HEALTHCHECK_SECONDS,
    )
    try:
        if settings.workers == 1:
            uvicorn.Server(config).run(sockets=[listener])
            return 0
        listener.set_inheritable(True)
        supervisor = Multiprocess(config, sockets=[listener])
        supervisor.run()
    except Stopped:
        return 0
    failed = any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes)
    return STARTUP_FAILURE if failed else 0


def _say(text: str) -> None:
    print(text, flush=True)
