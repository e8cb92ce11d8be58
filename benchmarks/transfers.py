"""Sending and fetching files as a plain client does, at little cost to the cores it shares."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

from benchmarks.content import BLOCK, Content
from benchmarks.load import WrongAnswer

TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: how many bytes, and their digest."""

    size: int
    sha256: str


def send(
    url: str,
    content: Content,
    headers: Mapping[str, str],
    *,
    offset: int = 0,
    size: int | None = None,
    chunked: bool = False,
) -> bytes:
    """PUT a file or a part of it; the body of the answer."""
    size = content.size - offset if size is None else size
    connection = _connect(url)
    try:
        connection.putrequest("PUT", target(url), skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        else:
            connection.putheader("Content-Length", str(size))
        connection.endheaders()
        for block in content.blocks(offset, size):
            if chunked:
                connection.send(f"{len(block):x}\r\n".encode())
            connection.send(block)
            if chunked:
                connection.send(b"\r\n")
        if chunked:
            connection.send(b"0\r\n\r\n")
        return _answer(connection.getresponse())
    finally:
        connection.close()


def fetch(url: str, headers: Mapping[str, str]) -> Fetched:
    """GET a file, hashing it as it comes; follows one redirect, without the headers."""
    connection = _connect(url)
    try:
        connection.request("GET", target(url), headers=dict(headers))
        answer = connection.getresponse()
        if answer.status == 307:
            return fetch(answer.headers["Location"], {})
        if answer.status != 200:
            raise WrongAnswer(f"{answer.status}: {answer.read(1000)!r}")
        return _drain(answer)
    finally:
        connection.close()


def _drain(answer: HTTPResponse) -> Fetched:
    digest, size = hashlib.sha256(), 0
    buffer = memoryview(bytearray(BLOCK))
    while count := answer.readinto(buffer):
        digest.update(buffer[:count])
        size += count
    return Fetched(size, digest.hexdigest())


def _answer(answer: HTTPResponse) -> bytes:
    body = answer.read()
    if not 200 <= answer.status < 300:
        raise WrongAnswer(f"{answer.status}: {body[:1000]!r}")
    return body


def _connect(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    return HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)


def target(url: str) -> str:
    """The path of an address, with its query."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
