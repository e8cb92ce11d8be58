"""Waiting for something to come true: a look now and then, and a deadline instead of a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_EVERY = 0.02
SECONDS = 120.0  # a busy machine is no failure


def until(look: Callable[[], T], *, what: str, within: float = SECONDS) -> T:
    """What `look` finds, once it finds anything true. Fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {within:.0f} s for {what}"
        time.sleep(LOOK_EVERY)
    return found


async def eventually(look: Callable[[], Awaitable[T]], *, what: str, within: float = SECONDS) -> T:
    """The same, for a `look` that is awaited."""
    deadline = time.monotonic() + within
    while not (found := await look()):
        assert time.monotonic() < deadline, f"waited {within:.0f} s for {what}"
        await asyncio.sleep(LOOK_EVERY)
    return found
