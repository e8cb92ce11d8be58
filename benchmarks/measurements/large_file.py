"""A large file up and down through the local store: speed, digest and the server's memory."""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import team, transfers
from benchmarks.content import Content
from benchmarks.harness import Bench, tell
from benchmarks.load import WrongAnswer
from benchmarks.memory import Peak, watched
from benchmarks.reports import Section
from benchmarks.servers import Server
from benchmarks.team import Person

MIB = 2**20
PARALLEL = 4
PATH = "weights.bin"
COLUMNS = (
    "",
    "seconds",
    "MiB/s",
    "of its limit",
    "largest process, peak MiB",
    "all processes, peak MiB",
)


def measure(bench: Bench) -> list[Section]:
    """Each way up right after `dd` of the same bytes, each way down after hashing them."""
    trainer = team.trainer(bench.server)
    trainer.call("POST", "/models", {"name": "large"}, expect=201)
    size = bench.options.file_mib * MIB
    table = _Table(bench.server, size)
    table.idle()
    for seed, (name, way) in enumerate(WAYS.items()):
        content = Content(seed, size)
        one = _begin(trainer, content)
        source = _written(bench.server, content)
        writing = table.limit("limit: dd, with fsync", partial(_copy, source))
        table.take(f"up: {name}", partial(way, one), writing)
        one.finalize()
        table.limit("limit: sha256sum", partial(_hash, source, one.sha256))
        hashing = table.limit("limit: SHA-256 by OpenSSL, one thread", content.sha256)
        table.take("down: GET, hashed by the client", one.fetch, hashing)
    section = Section(f"A file of {bench.options.file_mib:,} MiB through the local store", COLUMNS)
    section.rows = table.rows
    section.remarks.append(
        "Up ends when the answer says that the bytes are stored and proven; its limit is `dd "
        "bs=1M conv=fsync` of the same bytes, which are in memory, to the same disk right before "
        "it. Down is hashed as it comes by OpenSSL, and its limit is that hashing alone, which is "
        "above `sha256sum` where the processor helps. Every digest was compared with the one that "
        "was known beforehand. Memory is looked at ten times a second: resident memory of one "
        "process, and of all processes together with shared pages counted once."
    )
    return [section]


def _begin(person: Person, content: Content) -> "_Upload":
    made = person.call("POST", "/models/large/versions", {}, expect=201)
    path = f"/models/large/versions/{made['number']}"
    return _Upload(person, path, content, content.sha256())


@dataclass(frozen=True, slots=True)
class _Upload:
    """A version of its own, and what is to become its file."""

    person: Person
    path: str
    content: Content
    sha256: str

    @property
    def file_url(self) -> str:
        return f"{self.person.server.url}/api/v1{self.path}/files/{PATH}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.person.token}"}

    def put(self, *, chunked: bool) -> None:
        headers = {**self.headers, "X-Content-SHA256": self.sha256}
        answer = transfers.send(self.file_url, self.content, headers, chunked=chunked)
        self._check(json.loads(answer)["sha256"])

    def send_parts(self) -> None:
        wanted = {"path": PATH, "size": self.content.size, "sha256": self.sha256}
        begun = self.person.call("POST", f"{self.path}/uploads", {"files": [wanted]}, expect=201)
        upload = begun["uploads"][0]
        with ThreadPoolExecutor(PARALLEL) as pool:
            for sent in [pool.submit(self._send_part, part) for part in upload["parts"]]:
                sent.result()
        done = self.person.call("POST", f"{self.path}/uploads/{upload['id']}/complete")
        if not done["verified"]:
            raise WrongAnswer(f"complete answered {done}")

    def _send_part(self, part: dict[str, object]) -> None:
        offset, size = int(str(part["offset"])), int(str(part["size"]))
        transfers.send(str(part["url"]), self.content, {}, offset=offset, size=size)

    def finalize(self) -> None:
        made = self.person.call("POST", f"{self.path}/finalize")
        line = f"{self.sha256}  {PATH}\n".encode()
        if made["manifest_sha256"] != hashlib.sha256(line).hexdigest():
            raise WrongAnswer(f"finalize answered {made}")

    def fetch(self) -> None:
        found = transfers.fetch(self.file_url, self.headers)
        self._check(found.sha256)

    def _check(self, found: str) -> None:
        if found != self.sha256:
            raise WrongAnswer(f"the digest is {found} and not {self.sha256}")


WAYS: dict[str, Callable[[_Upload], None]] = {
    "PUT with Content-Length": partial(_Upload.put, chunked=False),
    "PUT, chunked": partial(_Upload.put, chunked=True),
    f"parts, {PARALLEL} at once, to `complete`": _Upload.send_parts,
}


@dataclass(slots=True)
class _Table:
    """The rows, as they are found."""

    server: Server
    size: int
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def idle(self) -> None:
        with watched(self.server) as peak:
            pass
        self.rows.append(("server at rest", "", "", "", *_mib(peak)))

    def limit(self, name: str, act: Callable[[], object]) -> float:
        """Do something that no server has a part in; its speed."""
        seconds = _timed(act)
        self._add(name, seconds, "1", ("", ""))
        return self.size / seconds

    def take(self, name: str, act: Callable[[], None], limit: float) -> None:
        """Do something with the server, beside its limit (bytes a second)."""
        with watched(self.server) as peak:
            seconds = _timed(act)
        self._add(name, seconds, f"{self.size / seconds / limit:.2f}", _mib(peak))

    def _add(self, name: str, seconds: float, part: str, memory: tuple[str, str]) -> None:
        rate = self.size / MIB / seconds
        tell(f"{name}: {seconds:.1f} s, {rate:.0f} MiB/s {'/'.join(memory)}")
        self.rows.append((name, f"{seconds:.1f}", f"{rate:,.0f}", part, *memory))


def _timed(act: Callable[[], object]) -> float:
    os.sync()  # what others have still to write would be counted as ours
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _mib(peak: Peak) -> tuple[str, str]:
    return f"{peak.largest / MIB:.0f}", f"{peak.together / MIB:.0f}"


def _written(server: Server, content: Content) -> Path:
    """The same bytes as a file; the system keeps them in memory for those who read them next."""
    path = server.folder / "source"
    with path.open("wb", buffering=0) as file:
        for block in content.blocks():
            file.write(block)
    return path


def _copy(source: Path) -> None:
    copy = source.with_name("limit")
    _run("dd", f"if={source}", f"of={copy}", "bs=1M", "conv=fsync")
    copy.unlink()


def _hash(source: Path, sha256: str) -> None:
    if _run("sha256sum", str(source)).split()[0] != sha256:
        raise WrongAnswer("sha256sum found another digest")


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
