"""One S3 server for all processes of a test run, started when the first of them asks."""

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener

from tests.s3.server import S3Server
from tests.s3.service import Service


class Desk:
    """Kept by pytest's first process; the others ask at `place`, a port of loopback and a key."""

    def __init__(self, start: Callable[[], tuple[S3Server, Service]]) -> None:
        """`start` is called once at most."""
        self._start = start
        self._found: S3Server | str | None = None
        self._service: Service | None = None
        self._lock = threading.Lock()
        key = secrets.token_hex(16)
        self._listener = Listener(("127.0.0.1", 0), backlog=64, authkey=key.encode())
        self.place = (int(self._listener.address[1]), key)
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
        _say(self.place, "close")
        self._thread.join()
        self._listener.close()
        if self._service is not None:
            self._service.stop()

    def _answer(self) -> None:
        while True:
            # Who asked and died meanwhile needs no answer, and a stranger gets none.
            with suppress(EOFError, OSError, AuthenticationError), self._listener.accept() as line:
                if line.recv() == "close":
                    line.send("closed")
                    return
                line.send(self.server())


def ask(place: tuple[int, str]) -> S3Server | str:
    """What the desk at this place says."""
    return _say(place, "ask")


def _say(place: tuple[int, str], word: str) -> S3Server | str:
    port, key = place
    with Client(("127.0.0.1", port), authkey=key.encode()) as line:
        line.send(word)
        found: S3Server | str = line.recv()
        return found
