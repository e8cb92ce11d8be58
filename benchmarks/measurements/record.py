"""The record at a million events: written, sealed, verified by the server, exported, and verified
offline; and what other requests feel of a verification."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg

from app.core.canonical import canonical
from benchmarks.harness import Bench, quantile, tell
from benchmarks.memory import watched
from benchmarks.reports import Section
from benchmarks.servers import ROOT, Server
from benchmarks.team import Person, Refused

EVENTS = 1_000_000
QUICK_EVENTS = 20_000
A_TRANSACTION = 10_000
COLUMNS = (
    "action, actor_id, actor, token_id, model_id, model, version, subject, request_id, address, "
    "salt, payload, payload_sha256"
)
PAYLOADS: list[dict[str, Any]] = [
    {"kind": "user", "email": None, "owner": None},
    {"stage": {"from": "staging", "to": "production"}, "reason": "Better on every slice."},
    {"metrics": {"auc": 0.9341, "log_loss": 0.2107}, "dataset": "holdout", "sha256": "ab" * 32},
    {"description": {"from": "Depth 4.", "to": "Depth 6, dafür größer als 4."}},
    {"params": {"lr": 0.003, "depth": 6, "layers": [64, 32], "optimizer": {"name": "adam"}}},
]


def measure(bench: Bench) -> list[Section]:
    """Each step once: it is long enough to even out what a busy machine does."""
    count = QUICK_EVENTS if bench.options.rounds == 1 else EVENTS
    admin = Person(bench.server, "admin", bench.server.token)
    section = Section(
        f"The record of {count:,} events",
        ("", "seconds", "events/s", "CPU seconds", "peak MiB"),
    )

    def take(name: str, work: Callable[[], float | None]) -> None:
        spent, began = _spent(bench.server), time.perf_counter()
        with watched(bench.server) as peak:
            offline = work()
        seconds = time.perf_counter() - began
        cpu = _spent(bench.server) - spent if offline is None else offline
        memory = f"{peak.largest / 2**20:.0f}" if offline is None else ""
        section.rows.append(
            (name, f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{cpu:.1f}", memory)
        )
        tell(f"record: {name}: {seconds:.1f} s, CPU {cpu:.1f} s, {memory} MiB")

    take("written, by COPY, and sealed meanwhile", lambda: _fill(bench.server, count))
    take("the rest sealed", lambda: _sealed(bench.server))
    latencies: list[float] = []

    def verify() -> None:
        with _asking(admin, latencies):
            _verify(admin, count)

    take("verified by the server", verify)
    export = bench.server.folder / "export.jsonl"

    def download() -> None:
        with (
            httpx.stream(
                "GET",
                f"{bench.server.url}/api/v1/events/export",
                headers={"Authorization": f"Bearer {bench.server.token}"},
                timeout=600,
            ) as answer,
            export.open("wb") as file,
        ):
            for chunk in answer.iter_bytes():
                file.write(chunk)

    take("exported", download)
    key = admin.call("GET", "/events/checkpoints")["keys"][0]["public_key"]
    take("verified offline", lambda: _offline(str(export), key))
    latencies.sort()
    section.remarks += [
        "CPU and memory are of the server (its largest process) with its PostgreSQL's CPU, and "
        "offline of the verifier's process. The server has two processes; one verifies.",
        f"During the verification another client asked for its own name, one request after "
        f"another: {len(latencies):,} answers, p50 {quantile(latencies, 0.5) * 1000:.1f} ms, "
        f"p99 {quantile(latencies, 0.99) * 1000:.1f} ms, longest {latencies[-1] * 1000:.0f} ms. "
        f"The export has {export.stat().st_size / 2**20:,.0f} MiB.",
    ]
    return [section]


def _spent(server: Server) -> float:
    return server.cpu_seconds() + server.database_cpu_seconds()


def _fill(server: Server, count: int) -> None:
    """Events as `audit.record` makes them, some of each kind, in transactions of ten thousand."""
    texts = [(json.dumps(payload), canonical(payload)) for payload in PAYLOADS]
    who, token, model = uuid4(), uuid4(), uuid4()
    with psycopg.connect(server.database_url, options="-c statement_timeout=0") as connection:
        for begin in range(0, count, A_TRANSACTION):
            copy = f"COPY events ({COLUMNS}) FROM STDIN"
            with connection.cursor().copy(copy) as rows:  # type: ignore[arg-type]
                for number in range(begin, min(begin + A_TRANSACTION, count)):
                    text, exact = texts[number % len(texts)]
                    salt = os.urandom(16)
                    rows.write_row(
                        (
                            *("promotion.applied", who, "alice", token, model, "churn"),
                            *(number % 1000 + 1, f"version:{number}", str(uuid4()), "10.0.0.7"),
                            *(salt, text, hashlib.sha256(salt + exact).digest()),
                        )
                    )
            connection.commit()


def _sealed(server: Server) -> None:
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        left = "select (select max(id) from events) - coalesce(max(event_id), 0) from seals"
        while connection.execute(left).fetchone() != (0,):
            time.sleep(0.1)


def _verify(admin: Person, count: int) -> None:
    found = admin.call("GET", "/events/verify")
    if not found["valid"] or found["sealed_through"] < count:
        raise Refused(str(found))


@contextmanager
def _asking(admin: Person, latencies: list[float]) -> Iterator[None]:
    """Ask for something small, over connections of which some reach the process that is busy."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.perf_counter()
            admin.call("GET", "/me")
            latencies.append(time.perf_counter() - began)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


def _offline(export: str, key: str) -> float:
    command = [sys.executable, "-m", "app", "verify-events", export, "--key", key]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    watching, most = psutil.Process(process.pid), 0
    cpu = 0.0
    while process.poll() is None:
        try:
            times, memory = watching.cpu_times(), watching.memory_info()
        except psutil.NoSuchProcess:
            break
        cpu, most = max(cpu, times.user + times.system), max(most, memory.rss)
        time.sleep(0.1)
    said = process.communicate()[0]
    if process.returncode != 0:
        raise Refused(said)
    tell(f"record: offline, peak {most / 2**20:.0f} MiB: {said}")
    return cpu
