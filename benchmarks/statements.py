"""Counting the statements that calls send to PostgreSQL, in an application of our own over the
server's database."""

import asyncio
from typing import Any

import httpx
from sqlalchemy import event

from app.core import logs
from app.core.settings import Settings
from app.main import build_runtime, create_app
from benchmarks.load import Ask, Talk, WrongAnswer
from benchmarks.servers import Server

ROUNDS = 3  # the first ones look tokens up, and write down that they were used
Counts = dict[str, tuple[int, int]]


def counted(server: Server, talk: Talk) -> Counts:
    """How many reads and writes each call of a piece of work takes; it is done a few times."""
    return asyncio.run(_counted(server, talk))


async def _counted(server: Server, talk: Talk) -> Counts:
    settings = Settings(
        data_dir=server.data_dir, embedded_url=server.database_url, log_level="error"
    )
    logs.configure(settings)
    runtime = build_runtime(settings, server.database_url)
    sent: list[str] = []

    def heard(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith(("SELECT tokens.", "UPDATE tokens")):
            sent.append(statement)

    event.listen(runtime.db.engine.sync_engine, "before_cursor_execute", heard)
    found: Counts = {}
    inside = httpx.ASGITransport(app=create_app(runtime))
    try:
        async with httpx.AsyncClient(transport=inside, base_url="http://bench") as client:
            ask, left = next(talk), ROUNDS
            while True:
                sent.clear()
                head = await _send(client, ask)
                found[ask.call] = _sorted(sent)
                left -= ask.ends
                if not left:
                    break
                ask = talk.send(head)
    finally:
        await runtime.store.close()
        await runtime.db.close()
    return found


def _sorted(sent: list[str]) -> tuple[int, int]:
    reads = sum(each.lstrip()[:6].lower() in ("select", "with a", "with b") for each in sent)
    return reads, len(sent) - reads


async def _send(client: httpx.AsyncClient, ask: Ask) -> bytes:
    """Send a request of bytes; the head of its answer."""
    head, _, body = ask.request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    answer = await client.request(method, path, headers=headers, content=body)
    if str(answer.status_code).encode() != ask.status:
        raise WrongAnswer(f"{first} answered {answer.status_code}: {answer.text[:1000]}")
    return b"\r\n".join(b"%b: %b" % line for line in [(b"", b""), *answer.headers.raw])
