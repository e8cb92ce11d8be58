"""How a process ends: those who wait are answered first, and nobody outlives the parent."""

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from app.core.signals import Hub

ENDINGS = (signal.SIGTERM, signal.SIGINT)
PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def waiters_told(hub: Hub) -> Iterator[None]:
    """While this lasts, a signal to end also answers every waiting poll at once, before the
    server begins to count its ten seconds. Belongs into the lifespan: the server has put its own
    handlers in place by then, and they are called as well."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in ENDINGS}

    def end(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(hub.close)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in ENDINGS:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopped(SystemExit):
    """Asked to end; uncaught it ends the process well (code 0)."""

    def __init__(self) -> None:
        super().__init__(0)


def stop_by_exception() -> None:
    """From now on a signal to end raises `Stopped`, so that what was begun is undone on the way
    out."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        ignore_endings()
        raise Stopped

    for number in ENDINGS:
        signal.signal(number, stop)


def ignore_endings() -> None:
    """From now on a signal to end does nothing: the end is under way."""
    for number in ENDINGS:
        signal.signal(number, lambda *_: None)


def end_with_parent() -> None:
    """In a process that `serve` started: have the kernel end it as soon as its parent is gone,
    however that went, so that a killed server leaves nobody on its port."""
    if sys.platform != "linux":
        return
    parent = multiprocessing.parent_process()
    if parent is not None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent.pid:  # it went before we asked
            os.kill(os.getpid(), signal.SIGTERM)
