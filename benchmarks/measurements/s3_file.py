"""A large file through S3, beside bare boto3 on the same server: speed, proof, and memory."""

import hashlib
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import parallel, team
from benchmarks.content import Content
from benchmarks.harness import Bench, tell
from benchmarks.load import WrongAnswer
from benchmarks.memory import watched
from benchmarks.options import Options
from benchmarks.parallel import Piece
from benchmarks.reports import Section
from benchmarks.servers import Server, stageward
from benchmarks.team import Person
from tests.s3 import swift
from tests.s3.server import S3Server

MIB = 2**20
PATH = "weights.bin"
WAIT_SECONDS = 1800.0
WARMING = 8  # small files first: each process looks once at what the store does
COLUMNS = (
    "",
    "seconds",
    "MiB/s",
    "of boto3",
    "lowest to highest",
    "largest process, peak MiB",
    "all processes, peak MiB",
)


def fresh(options: Options, stack: ExitStack) -> Bench:
    """A server that keeps its blobs in an S3 server of this measurement's own, or in the one that
    the environment names (STAGEWARD_TEST_S3_ENDPOINT, …_ACCESS_KEY, …_SECRET_KEY)."""
    inner = stack.enter_context(ExitStack())
    return _S3Bench(options, *_started(inner), inner)


def _started(stack: ExitStack) -> tuple[Server, S3Server]:
    store = S3Server.named()
    if store is None:
        store, service = swift.start()
        stack.callback(service.stop)
    stack.callback(store.close)
    settings = store.settings(store.new_bucket())
    named = {f"STAGEWARD_{name.upper()}": value for name, value in settings.items()}
    return stack.enter_context(stageward(**named)), store


@dataclass(slots=True)
class _S3Bench(Bench):
    """A bench with its S3 server."""

    store: S3Server
    stack: ExitStack

    def renew(self) -> None:
        """Both anew: Swift frees the bytes of what was removed only where a sweeper of its own
        runs, and a round takes five times its file."""
        self.stack.close()
        self.server, self.store = _started(self.stack)


def measure(bench: Bench) -> list[Section]:
    """Up and down, ours and boto3's, in turns; each round with bytes of its own."""
    assert isinstance(bench, _S3Bench)
    table = _Table(bench)
    for number in range(1, bench.options.s3_rounds + 1):
        if number > 1:
            bench.renew()
        _round(bench, table, number)
    return [table.section()]


def _round(bench: _S3Bench, table: "_Table", number: int) -> None:
    trainer = team.trainer(bench.server)
    trainer.call("POST", "/models", {"name": "large"}, expect=201)
    for seed in range(WARMING):
        _Ours(trainer, _File(bench.server.folder / "source", -seed, MIB), table).upload()
    with watched(bench.server) as peak:
        table.peaks["server at rest"].append((peak.largest, peak.together))
    file = _File(bench.server.folder / "source", number, bench.options.s3_mib * MIB)
    theirs = _Boto(bench.store.client, bench.store.new_bucket(), file)
    ours = _Ours(trainer, file, table)
    turns = (theirs, ours) if number % 2 else (ours, theirs)
    for one in turns:
        table.take(f"up: {one.name}", one.upload)
        one.after_upload()
    for one in turns:
        table.take(f"down: {one.name}", one.download)
        file.check()


class _File:
    """The file that is sent, its digest, and where it comes back to."""

    def __init__(self, path: Path, seed: int, size: int) -> None:
        self.path, self.back, self.size = path, path.with_suffix(".back"), size
        with path.open("wb", buffering=0) as file:
            for block in Content(seed, size).blocks():
                file.write(block)
        self.sha256 = self.hashed()

    def hashed(self) -> str:
        """Its digest."""
        return _sha256(self.path)

    def check(self) -> None:
        """What came back is what was sent."""
        if _sha256(self.back) != self.sha256:
            raise WrongAnswer("what came back are not the bytes that were sent")
        self.back.unlink()


@dataclass(frozen=True, slots=True)
class _Boto:
    """boto3's `upload_file` and `download_file` as they come: ten threads, parts of 8 MiB."""

    client: Any
    bucket: str
    file: _File
    name: str = "boto3"

    def upload(self) -> None:
        self.client.upload_file(str(self.file.path), self.bucket, PATH)

    def after_upload(self) -> None:
        pass

    def download(self) -> None:
        self.client.download_file(self.bucket, PATH, str(self.file.back))


@dataclass(slots=True)
class _Ours:
    """The same through the API: parts by signed links, and ranges of one."""

    person: Person
    file: _File
    table: "_Table"
    name: str = "ours"
    version: str = ""

    def upload(self) -> None:
        made = self.person.call("POST", "/models/large/versions", {}, expect=201)
        self.version = f"/models/large/versions/{made['number']}"
        wanted = {"path": PATH, "size": self.file.size, "sha256": self.file.sha256}
        begun = self.person.call("POST", f"{self.version}/uploads", {"files": [wanted]}, expect=201)
        upload = begun["uploads"][0]
        parts = upload["parts"]
        self.table.parts = len(parts)
        pieces = (Piece(p["offset"], p["size"], p["url"], p["headers"]) for p in parts)
        parallel.send(self.file.path, pieces)
        self.person.call("POST", f"{self.version}/uploads/{upload['id']}/complete")

    def after_upload(self) -> None:
        """What comes after `complete`, and what comes before everything."""
        self.table.take("then: from `complete` to `ready`, the bytes proven", self._prove)
        self.table.take("before: hashing the file", self.file.hashed)

    def _prove(self) -> None:
        answer = self.person.ask("POST", f"{self.version}/finalize", expect=None)
        deadline = time.monotonic() + WAIT_SECONDS
        while answer.json()["status"] != "ready":
            if not answer.is_success or time.monotonic() > deadline:
                raise WrongAnswer(f"the version did not become ready: {answer.text[:1000]}")
            time.sleep(0.1)
            answer = self.person.ask("GET", self.version)

    def download(self) -> None:
        answer = self.person.ask("GET", f"{self.version}/files/{PATH}", expect=307)
        parallel.fetch(answer.headers["Location"], self.file.size, self.file.back)


ROWS = (
    "server at rest",
    "up: boto3",
    "up: ours",
    "then: from `complete` to `ready`, the bytes proven",
    "before: hashing the file",
    "down: boto3",
    "down: ours",
)
LABELS = {
    "up: boto3": "up: boto3 `upload_file`",
    "up: ours": "up: signed parts, to `complete`",
    "down: boto3": "down: boto3 `download_file`",
    "down: ours": "down: ranges of a signed link",
}


@dataclass(slots=True)
class _Table:
    """What was found, by row."""

    bench: _S3Bench
    seconds: dict[str, list[float]] = field(default_factory=lambda: {row: [] for row in ROWS})
    peaks: dict[str, list[tuple[int, int]]] = field(
        default_factory=lambda: {row: [] for row in ROWS}
    )
    parts: int = 0

    def take(self, row: str, act: Callable[[], object]) -> None:
        """Do something while the server's memory is looked at."""
        os.sync()  # what others have still to write would be counted as ours
        with watched(self.bench.server) as peak:
            begun = time.perf_counter()
            act()
            taken = time.perf_counter() - begun
        self.seconds[row].append(taken)
        self.peaks[row].append((peak.largest, peak.together))
        rate = self.bench.options.s3_mib / taken
        tell(f"{row}: {taken:.1f} s, {rate:.0f} MiB/s, largest process {peak.largest / MIB:.0f}")

    def section(self) -> Section:
        """The report: medians, and ratios within each round."""
        options = self.bench.options
        found = Section(f"A file of {options.s3_mib:,} MiB through S3", COLUMNS)
        found.rows = [self._row(row) for row in ROWS]
        found.remarks.append(
            f"{options.s3_rounds} rounds on one {self.bench.store.kind} server, whose processes "
            "share the cores; who is first changes with each round, and every round has bytes of "
            "its own. *of boto3* is speed by speed within a round: the median, and the lowest and "
            f"the highest. Ours went in {self.parts} parts, boto3's in parts of 8 MiB; both by ten "
            "threads from and to a file. What came back was compared with what was sent."
        )
        return found

    def _row(self, row: str) -> tuple[str, ...]:
        label, peaks = LABELS.get(row, row), self.peaks[row]
        memory = tuple(f"{max(peak[n] for peak in peaks) / MIB:.0f}" for n in (0, 1))
        if not self.seconds[row]:
            return (label, "", "", "", "", *memory)
        median = statistics.median(self.seconds[row])
        ratio, spread = self._ratio(row)
        rate = f"{self.bench.options.s3_mib / median:,.0f}"
        return (label, f"{median:.1f}", rate, ratio, spread, *memory)

    def _ratio(self, row: str) -> tuple[str, str]:
        way, _, who = row.partition(": ")
        if who == "boto3":
            return "1", ""
        if who != "ours":
            return "", ""
        pairs = zip(self.seconds[f"{way}: boto3"], self.seconds[row], strict=True)
        ratios = [theirs / ours for theirs, ours in pairs]
        return f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
