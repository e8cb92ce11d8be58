"""The servers that are measured: real processes, started here and ended by their pid."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from app.core.embedded import EmbeddedError, EmbeddedPostgres
from benchmarks.options import WORKERS

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 90.0
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Something that answers HTTP, and the process that was started for it."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> str:
        """Where it says so, at little cost; a ceiling may say that there is nothing there."""
        return "/livez"

    def processes(self) -> list[psutil.Process]:
        """Its own processes: the parent and those that serve, without PostgreSQL's."""
        parent = psutil.Process(self.process.pid)
        found = [parent]
        for child in parent.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.name() != "postgres":
                    found.append(child)
        return found

    def serving(self) -> list[psutil.Process]:
        """Those that answer requests: not the parent, nor multiprocessing's tracker."""
        children = self.processes()[1:]
        return [p for p in children if "resource_tracker" not in " ".join(p.cmdline())]

    def cpu_seconds(self) -> float:
        """What those that answer have spent of the cores so far."""
        return sum(map(_spent, self.serving()))


@dataclass(frozen=True, slots=True)
class Server(Target):
    """A Stageward server with its own PostgreSQL in a folder of its own."""

    folder: Path
    token: str = field(repr=False)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def database_url(self) -> str:
        """Its embedded PostgreSQL, as the role that owns the tables."""
        url = EmbeddedPostgres(self.data_dir).running_url()
        if url is None:
            raise RuntimeError(f"the PostgreSQL under {self.data_dir} does not answer")
        return url

    def database_cpu_seconds(self) -> float:
        """What its PostgreSQL has spent of the cores so far, for whoever asked it; also in those of
        its processes that have ended, as they do where a client opens connections anew."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return sum(_spent(child, "postgres", ended=True) for child in children)


def _spent(process: psutil.Process, name: str | None = None, *, ended: bool = False) -> float:
    """What a process has spent, if it is there still and has this name; with what its children
    had spent when they ended, if so wanted."""
    with contextlib.suppress(psutil.NoSuchProcess):
        if name is None or process.name() == name:
            times = process.cpu_times()
            below = times.children_user + times.children_system if ended else 0.0
            return float(times.user + times.system + below)
    return 0.0


@contextmanager
def stageward(
    workers: int = WORKERS, folder: Path | None = None, **settings: str
) -> Iterator[Server]:
    """`python -m app serve` in an empty folder, or in one that keeps what is in it."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="stageward-bench-")
            folder = Path(stack.enter_context(made))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)  # as root, its PostgreSQL runs as another user and must pass
        token = _token(folder / "token")
        port = free_port()
        environment = {
            "STAGEWARD_DATA_DIR": str(folder / "data"),
            "STAGEWARD_ADMIN_TOKEN": token,
            **settings,
        }
        command = ["-m", "app", "serve"]
        try:
            with _running(command, port, workers, environment, folder, "/readyz") as process:
                yield Server("server", port, process, folder, token)
        finally:
            _end_postgres(folder / "data")


@contextmanager
def at_size(folder: Path | None) -> Iterator[Server]:
    """A server for what needs a loaded registry: without a bound of requests, as others have none,
    and with a connection for each search that is asked at once."""
    settings = {"STAGEWARD_REQUESTS_PER_MINUTE": "0", "STAGEWARD_SEARCH_CONNECTIONS": "8"}
    with stageward(folder=folder, **settings) as server:
        yield server


def _token(path: Path) -> str:
    """The admin's, which is set when a data directory is begun and holds for as long as it is."""
    if not path.exists():
        path.touch(0o600)
        path.write_text(f"bench-admin-{secrets.token_urlsafe(32)}")
    return path.read_text()


@contextmanager
def ceiling(server: Server, workers: int = WORKERS) -> Iterator[Target]:
    """The bare application of `ceiling.py`, on the same PostgreSQL."""
    port = free_port()
    environment = {
        "STAGEWARD_DATABASE_URL": server.database_url,
        "STAGEWARD_SECRET_KEY": secrets.token_urlsafe(32),
    }
    command = ["-m", "benchmarks.ceiling"]
    with _running(command, port, workers, environment, server.folder, "/one") as process:
        yield Target("ceiling", port, process)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(
    command: list[str],
    port: int,
    workers: int,
    settings: dict[str, str],
    folder: Path,
    ready: str,
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STAGEWARD_")}
    environment |= {
        "STAGEWARD_HOST": "127.0.0.1",
        "STAGEWARD_PORT": str(port),
        "STAGEWARD_WORKERS": str(workers),
        **settings,
    }
    own = [sys.executable, *command]
    with started(own, environment, ROOT, folder / f"{port}.log", port, ready) as process:
        yield process


@contextmanager
def started(
    command: list[str],
    environment: dict[str, str],
    folder: Path,
    log: Path,
    port: int,
    ready: str,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that serves on a port of loopback, once a GET of `ready` succeeds; ended after."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}{ready}")
        yield process
    except BaseException:
        print(f"\nThe end of the log of {' '.join(command)}:", file=sys.stderr)
        print("\n".join(log.read_text(errors="replace").splitlines()[-30:]), file=sys.stderr)
        raise
    finally:
        _end(process)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode} before it was ready")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=10).is_success:
                return
        time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within {START_SECONDS:.0f} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and insist after a minute."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_postgres(data_dir: Path) -> None:
    """End the PostgreSQL that a killed server left; there is none after a clean end."""
    postgres = EmbeddedPostgres(data_dir)
    if postgres.running_url() is not None:
        with contextlib.suppress(EmbeddedError):
            postgres.start()
            postgres.stop()
