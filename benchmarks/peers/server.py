"""A stock MLflow server: the package as it is published, its defaults, PostgreSQL as its store."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from app.core.embedded import SUPERUSER
from benchmarks.servers import ROOT, Server, Target, free_port, started

DATABASE = "mlflow"
ENVIRONMENT = ROOT / ".run" / "mlflow"
PROGRAM = ENVIRONMENT / "bin" / "mlflow"
END_SECONDS = 20.0


class NotInstalled(Exception):
    """MLflow is not where it should be."""


class Mlflow(Target):
    """Its processes: a command, and uvicorn below it with as many workers as it was told."""

    __slots__ = ()

    @property
    def alive(self) -> str:
        return "/health"

    def serving(self) -> list[psutil.Process]:
        """Those that answer requests: uvicorn's workers, or itself where there is one worker."""
        for process in self.processes():
            if "uvicorn" in process.cmdline():
                workers = [p for p in process.children() if "spawn_main" in " ".join(p.cmdline())]
                return workers or [process]
        raise RuntimeError("no process of MLflow serves")


def check_installed() -> None:
    """Say how it comes here, if it is not."""
    if not PROGRAM.exists():
        raise NotInstalled(
            "MLflow is not installed: `python3 requirements/sync.py mlflow`, or `make bench`."
        )


def address(url: str, database: str, role: str | None = None) -> str:
    """The address of another database on the PostgreSQL that `url` names."""
    parts = urlsplit(url)
    host = parts.netloc if role is None else f"{role}@{parts.netloc.rpartition('@')[2]}"
    return parts._replace(netloc=host, path=f"/{database}").geturl()


def store(url: str) -> str:
    """MLflow's own database on our PostgreSQL, as MLflow is told of it."""
    return address(url, DATABASE).replace("postgresql://", "postgresql+psycopg2://", 1)


def environment(folder: Path) -> dict[str, str]:
    """Nothing of ours, no word to anybody outside, and no processes for jobs, which would only take
    time from it."""
    return {
        "PATH": f"{ENVIRONMENT / 'bin'}:{os.environ.get('PATH', '')}",
        "HOME": str(folder),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


@contextmanager
def mlflow(server: Server, workers: int) -> Iterator[Mlflow]:
    """`mlflow server` on the PostgreSQL of our server, on loopback, with so many workers."""
    check_installed()
    port = free_port()
    command = [
        *(str(PROGRAM), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(workers), "--backend-store-uri", store(server.database_url)),
        *("--default-artifact-root", str(server.folder / "artifacts")),
    ]
    log, own = server.folder / f"{port}.log", environment(server.folder)
    with started(command, own, server.folder, log, port, "/health") as process:
        children = psutil.Process(process.pid).children(recursive=True)
        try:
            yield Mlflow(f"MLflow, {workers} workers", port, process)
        finally:
            _end_children(process, children)


def _end_children(process: "subprocess.Popen[bytes]", children: list[psutil.Process]) -> None:
    """End it, and what it started: its processes do not always follow it."""
    process.send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs(children, timeout=END_SECONDS)
    for child in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def superuser_url(url: str, database: str) -> str:
    """As who may make a database, on a PostgreSQL that the benchmark started."""
    return address(url, database, SUPERUSER)
