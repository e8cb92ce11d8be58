"""What strangers may ask for costs little, however many of them ask."""

import asyncio
from typing import Any

import httpx
from sqlalchemy import event

from app.core.runtime import Runtime


async def test_readiness_is_looked_at_once_for_all_who_ask_together(
    http: httpx.AsyncClient, runtime: Runtime
) -> None:
    statements: list[str] = []

    def note(*called: Any) -> None:
        statements.append(called[2])

    engine = runtime.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        answers = await asyncio.gather(*(http.get("/readyz") for _ in range(50)))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert {answer.status_code for answer in answers} == {200}
    assert 0 < statements.count("select 1") < 10


async def test_what_needs_no_token_asks_postgresql_nothing(
    http: httpx.AsyncClient, runtime: Runtime
) -> None:
    statements: list[str] = []

    def note(*called: Any) -> None:
        statements.append(called[2])

    engine = runtime.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        for path in ("/livez", "/version", "/problems", "/openapi.json", "/docs", "/api/v1/me"):
            await http.get(path)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert statements == []
