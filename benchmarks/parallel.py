"""A file in pieces, many at once, as a client of ours moves it: ten threads, as boto3 has by
default, each with a connection that it keeps."""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from benchmarks.load import WrongAnswer
from benchmarks.transfers import TIMEOUT_SECONDS, target

THREADS = 10
BLOCK = 2**20
RANGE = 8 * 2**20  # what boto3 asks for at a time
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file, and the signed request that sends it."""

    offset: int
    size: int
    url: str
    headers: Mapping[str, str]


def send(path: Path, pieces: Iterable[Piece]) -> None:
    """PUT all pieces of a file."""
    with path.open("rb", buffering=0) as file, _Lines() as lines:

        def put(piece: Piece) -> None:
            line = lines.to(piece.url)
            line.putrequest("PUT", target(piece.url), skip_accept_encoding=True)
            for name, value in {**piece.headers, "Content-Length": str(piece.size)}.items():
                line.putheader(name, value)
            line.endheaders()
            at, end = piece.offset, piece.offset + piece.size
            while at < end:
                block = os.pread(file.fileno(), min(BLOCK, end - at), at)
                line.send(block)
                at += len(block)
            _whole(line.getresponse(), 200)

        _all_at_once(put, pieces)


def fetch(url: str, size: int, path: Path) -> None:
    """GET a file by ranges of one signed link."""
    with path.open("wb", buffering=0) as file, _Lines() as lines:

        def get(offset: int) -> None:
            line = lines.to(url)
            end = min(offset + RANGE, size)
            line.request("GET", target(url), headers={"Range": f"bytes={offset}-{end - 1}"})
            answer = line.getresponse()
            buffer = memoryview(bytearray(BLOCK))
            while count := answer.readinto(buffer):
                os.pwrite(file.fileno(), buffer[:count], offset)
                offset += count
            _whole(answer, 206)
            if offset != end:
                raise WrongAnswer(f"a range ended at {offset} and not at {end}")

        _all_at_once(get, range(0, size, RANGE))


class _Lines:
    """A connection for each thread, closed in the end."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._all: list[HTTPConnection] = []

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._all:
            line.close()

    def to(self, url: str) -> HTTPConnection:
        """This thread's; all links lead to one server."""
        line: HTTPConnection | None = getattr(self._mine, "line", None)
        if line is None:
            parts = urlsplit(url)
            line = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
            self._mine.line = line
            self._all.append(line)
        return line


def _all_at_once(act: Callable[[T], None], things: Iterable[T]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(act, thing) for thing in things]:
            done.result()


def _whole(answer: HTTPResponse, status: int) -> None:
    body = answer.read()
    if answer.status != status:
        raise WrongAnswer(f"{answer.status}: {body[:1000]!r}")
