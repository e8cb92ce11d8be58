"""Counting what is sent to PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.core.runtime import Runtime

# What belongs to the token, and depends on the time: whose it is, when it was used, how often.
OF_THE_TOKEN = ("SELECT tokens.", "UPDATE tokens", "INSERT INTO request_counts")


@contextmanager
def statements(runtime: Runtime) -> Iterator[list[str]]:
    """What is sent meanwhile, each statement once however many rows it has, but for what belongs to
    the token and not to what is asked."""
    sent: list[str] = []

    def heard(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith(OF_THE_TOKEN):
            sent.append(statement)

    engines = (runtime.db.engine.sync_engine, runtime.db.search_engine.sync_engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", heard)
    try:
        yield sent
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", heard)
