"""Threads that a process can leave behind when it ends."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers(Executor):
    """Like a `ThreadPoolExecutor`, but no thread keeps the process alive: a store that is silent
    would, for as long as it is."""

    def __init__(self, most: int, name: str) -> None:
        """No thread is started before it is needed, and `most` at most."""
        self._most, self._name = most, name
        self._turn, self._idle = threading.Lock(), threading.Semaphore(0)
        self._steps: queue.SimpleQueue[tuple[Future[object], Callable[[], object]] | None]
        self._steps = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._open = True

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See `Executor`."""
        future: Future[T] = Future()
        with self._turn:
            if not self._open:
                raise RuntimeError("No step is taken any more: these threads were told to end.")
            self._steps.put((future, partial(fn, *args, **kwargs)))  # type: ignore[arg-type]
            if not self._idle.acquire(blocking=False) and len(self._threads) < self._most:
                number = len(self._threads)
                thread = threading.Thread(
                    target=self._work, name=f"{self._name}_{number}", daemon=True
                )
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `Executor`."""
        with self._turn:
            self._open = False
            with suppress(queue.Empty):
                while cancel_futures:
                    if (step := self._steps.get_nowait()) is not None:
                        step[0].cancel()
            for _ in self._threads:
                self._steps.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def await_end(self, deadline: float) -> bool:
        """Wait for its threads up to this moment of the monotonic clock; whether all have ended."""
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (step := self._steps.get()) is not None:
            _take(*step)
            del step  # what it was called with is held no longer
            self._idle.release()


def _take(future: "Future[object]", call: Callable[[], object]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - whoever asked is told
        future.set_exception(error)
    else:
        future.set_result(result)


def end(pools: Sequence[Workers], seconds: float) -> bool:
    """Take no step that has not begun, and wait so long for those under way; whether all ended."""
    deadline = time.monotonic() + seconds
    for pool in pools:
        pool.shutdown(wait=False, cancel_futures=True)
    ended = [pool.await_end(deadline) for pool in pools]
    return all(ended)
