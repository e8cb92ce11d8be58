"""The ceiling: the least that a FastAPI route with one SELECT can cost.

It runs as the server does (uvicorn, uvloop, httptools, as many processes, the same pool, the same
PostgreSQL) and reads through the same engine, and does nothing else: no token, no log line, no
metrics, no model of the answer. What the server reaches of its rate is what the product leaves.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from sqlalchemy import text
from uvicorn.supervisors import Multiprocess

from app.core.db import Database
from app.core.settings import Settings
from app.core.shutdown import Stopped, end_with_parent, stop_by_exception
from app.core.signals import Hub
from app.serving import closing_port

ONE = text("select 1")


def bare_app() -> FastAPI:
    """One route, one SELECT."""
    end_with_parent()
    settings = Settings()
    db = Database(settings.serving_url, pool_size=settings.pool_size, hub=Hub(None))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await db.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/one")
    async def one() -> dict[str, int]:
        async with db.reading() as session:
            return {"one": (await session.execute(ONE)).scalar_one()}

    return app


def main() -> None:
    """Serve until told to end; the settings are the server's, from the environment."""
    settings = Settings()
    config = uvicorn.Config(
        "benchmarks.ceiling:bare_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_worker_healthcheck=60,
    )
    stop_by_exception()
    with closing_port(settings) as listener:
        listener.set_inheritable(True)
        try:
            Multiprocess(config, sockets=[listener]).run()
        except Stopped:
            sys.exit(0)


if __name__ == "__main__":
    main()
