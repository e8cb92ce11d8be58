"""Where and when a run was made: figures mean nothing without it."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
import psycopg

from benchmarks.servers import ROOT, Server

PACKAGES = ("fastapi", "uvicorn", "uvloop", "sqlalchemy", "psycopg", "pydantic")


def facts(server: Server) -> list[str]:
    """Lines about the machine and what ran on it."""
    with psycopg.connect(server.database_url) as connection:
        postgres = connection.info.parameter_status("server_version")
    cores = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}",
        f"{cores} cores of {_processor()}, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}; load before the run {load}",
        f"Python {platform.python_version()}, PostgreSQL {postgres}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
