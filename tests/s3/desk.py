"""One S3 server for all processes of a test run, started when the first of them asks."""

import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Client, Listener
from pathlib import Path

from tests.s3.server import S3Server
from tests.s3.service import Service


class Desk:
    """Kept by pytest's first process; the others ask at `address`."""

    def __init__(self, start: Callable[[], tuple[S3Server, Service]]) -> None:
        """`start` is called once at most."""
        self._start = start
        self._found: S3Server | str | None = None
        self._service: Service | None = None
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="stageward-desk-")
        self.address = str(Path(self._folder.name) / "socket")
        self._listener = Listener(self.address, backlog=64)
        self._thread = threading.Thread(target=self._answer, name="s3-desk", daemon=True)
        self._thread.start()

    def server(self) -> S3Server | str:
        """The server, or why there is none."""
        with self._lock:
            if self._found is None:
                try:
                    self._found, self._service = self._start()
                except (RuntimeError, OSError) as error:
                    self._found = str(error)
            return self._found

    def close(self) -> None:
        """End the server, if one was asked for."""
        with Client(self.address) as line:
            line.send("close")
        self._thread.join()
        self._listener.close()
        self._folder.cleanup()
        if self._service is not None:
            self._service.stop()

    def _answer(self) -> None:
        while True:
            # Who asked and died meanwhile needs no answer.
            with suppress(EOFError, OSError), self._listener.accept() as line:
                if line.recv() == "close":
                    return
                line.send(self.server())


def ask(address: str) -> S3Server | str:
    """What the desk at this address says."""
    with Client(address) as line:
        line.send("ask")
        found: S3Server | str = line.recv()
        return found
