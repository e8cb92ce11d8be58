"""How much memory a server's processes take while something goes on."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from benchmarks.servers import Target

INTERVAL_SECONDS = 0.1


@dataclass(slots=True)
class Peak:
    """Bytes at their highest: resident ones of the largest process, and those of all processes
    together, in which a page that several share counts once (PSS)."""

    largest: int = 0
    together: int = 0

    def note(self, target: Target) -> None:
        """Look at this moment."""
        seen = []
        for process in target.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                seen.append(process.memory_full_info())
        self.largest = max(self.largest, *(memory.rss for memory in seen))
        self.together = max(self.together, sum(memory.pss for memory in seen))


@contextlib.contextmanager
def watched(target: Target) -> Iterator[Peak]:
    """Look at the processes of a server ten times a second while this lasts."""
    peak = Peak()
    peak.note(target)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(INTERVAL_SECONDS):
            peak.note(target)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
