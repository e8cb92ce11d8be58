"""The ceiling: the least that a FastAPI route with one SELECT can cost, and one with a transaction.

It runs as the server does (uvicorn, uvloop, httptools, as many processes, the same pool, the same
PostgreSQL) and reads through the same engine, and does nothing else: no token, no log line, no
metrics, no model of the answer. What the server reaches of its rate is what the product leaves.

The transaction is of as many statements as asked for, in bare psycopg, each of the cheapest: reads
of one row by its key, and rows of the size of an event that are written, and on disk at its end.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import psycopg
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
PREPARE = """
    create table if not exists bench_rows (id bigint generated always as identity primary key,
        at timestamptz not null default clock_timestamp(), body jsonb not null)
"""
READ = "select id, at, body from bench_rows where id = %s"
WRITE = "insert into bench_rows (body) values (%s)"
BODY = '{"from": "staging", "to": "production", "reason": "To be measured.", "note": "%s"}' % (
    "x" * 300
)


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

    @app.get("/transaction")
    async def transaction(reads: int, writes: int) -> dict[str, int]:
        async with db.engine.connect() as connection:
            pooled = await connection.get_raw_connection()
            bare = cast("psycopg.AsyncConnection[Any]", pooled.driver_connection)
            async with bare.cursor() as cursor:
                for _ in range(writes):
                    await cursor.execute(WRITE, (BODY,))
                for number in range(reads):
                    await cursor.execute(READ, (number,))
                    await cursor.fetchall()
            await bare.commit()
        return {"statements": reads + writes}

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
    with psycopg.connect(settings.serving_url) as connection:
        connection.execute(PREPARE)
    stop_by_exception()
    with closing_port(settings) as listener:
        listener.set_inheritable(True)
        try:
            Multiprocess(config, sockets=[listener]).run()
        except Stopped:
            sys.exit(0)


if __name__ == "__main__":
    main()
