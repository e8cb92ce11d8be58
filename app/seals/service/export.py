"""Handing out the record, line by line, for whoever verifies it elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from app.core.runtime import Runtime
from app.seals import queries
from app.seals.keys import trusted
from app.seals.rules import Checkpoint, Seal, lines
from app.seals.service.checkpoints import public_keys
from app.seals.service.walk import Item, walk

SLICE = 50


async def export(runtime: Runtime, start: Seal | None) -> AsyncIterator[str]:
    """The lines of the record, whole or behind `start`, some at a time. No connection to PostgreSQL
    is held while they are sent. It stops short where this process ends, and then lacks its last
    line."""
    keys = [key.model_dump() for key in public_keys(trusted(runtime.settings))]
    yield lines.beginning_line(datetime.now(UTC).isoformat(), start, keys)
    events = checkpoints = 0
    if start is not None:
        async with runtime.db.reading() as session:
            (checkpoint,) = await queries.checkpoints(session, start.seq - 1, start.seq)
        checkpoints = 1
        yield lines.checkpoint_line(checkpoint)
    async for items in walk(runtime.db, start):
        signed = sum(isinstance(item, Checkpoint) for item in items)
        checkpoints, events = checkpoints + signed, events + len(items) - signed
        for begin in range(0, len(items), SLICE):
            yield "".join(map(_line, items[begin : begin + SLICE]))
            await asyncio.sleep(0)
            if runtime.hub.closing:
                return
    yield lines.end_line(events, checkpoints)


def _line(item: Item) -> str:
    return lines.checkpoint_line(item) if isinstance(item, Checkpoint) else lines.link_line(*item)
