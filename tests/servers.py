"""Real server processes for tests: started, waited for, killed."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx
import pytest

from app.core import postmaster
from app.core.cluster import Cluster
from tests.s3.server import StoreSettings
from tests.waiting import SECONDS, until


class Server:
    """A `python -m app serve`, and what it said."""

    def __init__(self, folder: Path, settings: dict[str, str], command: str = "serve") -> None:
        self.said, self.logged = folder / "said.txt", folder / "logged.txt"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STAGEWARD_")}
        with self.said.open("wb") as said, self.logged.open("wb") as logged:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", command],
                env={**environment, **settings},
                stdout=said,
                stderr=logged,
            )

    @property
    def url(self) -> str:
        """Where it serves, once it says so and is ready."""
        found = until(
            lambda: re.search(r"serves at (http://\S+)/docs", self.said.read_text()) or self.ended,
            what="the address",
        )
        assert isinstance(found, re.Match), self.logged.read_text()
        url = found[1]
        until(lambda: self._ready(url) or self.ended, what="readiness")
        assert not self.ended, self.logged.read_text()
        return url

    @property
    def token(self) -> str | None:
        """The admin's token, if it was printed."""
        found = re.search(r"shown this once: (\S+)", self.said.read_text())
        return found[1] if found else None

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def _ready(self, url: str) -> bool:
        try:
            # Without TLS's authorities, which take longer to load than the answer takes to come.
            return httpx.get(f"{url}/readyz", timeout=5, verify=False).status_code == 200
        except httpx.TransportError:
            return False


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path, store_kind: str, store_settings: StoreSettings) -> Iterator[Start]:
    """Starts servers on a free port with one data directory and one blob store, of the kind that
    the test or `--store` says; whatever still runs is killed."""
    with serving(tmp_path, store_kind, store_settings) as start:
        yield start


@contextmanager
def serving(folder: Path, store: str, store_settings: StoreSettings) -> Iterator[Start]:
    """The same, for a fixture that outlives a test."""
    started: list[Server] = []
    of_store = cache(store_settings)

    def one(command: str = "serve", store: str = store, **settings: str) -> Server:
        defaults = {"data_dir": str(folder / "data"), "port": "0", **of_store(store)}
        named = {f"STAGEWARD_{k.upper()}": v for k, v in {**defaults, **settings}.items()}
        started.append(Server(folder, named, command))
        return started[-1]

    try:
        yield one
    finally:
        for server in started:
            server.process.kill()
            server.process.wait()
        _clear(folder / "data")


def _clear(data_dir: Path) -> None:
    """End a PostgreSQL that a killed server left, as its next start would adopt it."""
    pgdata = data_dir / "postgres" / "data"
    left = postmaster.named(pgdata)
    if left is None:
        return
    if postmaster.works_in(left.pid, pgdata):
        postmaster.stop(left.pid, pgdata, 10)
    if left.socket_folder is not None:
        Cluster(data_dir).drop_socket_folder(left.socket_folder)
