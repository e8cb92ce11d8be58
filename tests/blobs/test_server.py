"""A real server process: killed, cut off, kept waiting, and given more than fits its memory."""

import asyncio
import hashlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest

from app.blobs.stores.interface import Download, Link, Upload
from app.blobs.stores.local import LocalStore
from tests.blobs.conftest import sha256_of
from tests.blobs.serving import MINUTES, local_store

MIB = 1 << 20
PART = 2 * MIB
PATIENCE = 30.0


class Server:
    """The room's routes in a process of their own, behind a socket that outlives it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.start()

    def start(self) -> None:
        """Start it; who connects meanwhile waits in the socket's queue."""
        options = "--factory --loop uvloop --no-access-log --log-level warning"
        self._process = subprocess.Popen(
            [
                *[sys.executable, "-m", "uvicorn", "tests.blobs.serving:another_process"],
                *["--http", "app.core.http:HttpProtocol"],
                *[*options.split(), "--fd", str(self._socket.fileno())],
            ],
            env={
                **os.environ,
                "BLOBS_ROOT": str(self.root),
                "BLOBS_PART_SIZE": str(PART),
                "STAGEWARD_LOG_LEVEL": "error",
            },
            pass_fds=[self._socket.fileno()],
        )

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self.kill()
        self._socket.close()

    def most_memory(self) -> int:
        """The most bytes that it ever had resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def open_blobs(self) -> int:
        """How many blobs it has open."""
        found = 0
        for link in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with suppress(OSError):
                found += "/blobs/" in str(link.readlink())
        return found

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE)

    def sending(self, link: Link | str, length: int) -> socket.socket:
        """A connection on which the head of a PUT has been sent, the body not yet."""
        url = urlsplit(link if isinstance(link, str) else link.url)
        target = url.path + (f"?{url.query}" if url.query else "")
        connection = self.connect()
        head = f"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode())
        return connection

    def sending_chunked(self, link: Link) -> socket.socket:
        """The same for a body of unknown length."""
        url = urlsplit(link.url)
        connection = self.connect()
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
        connection.sendall(f"{head}\r\n\r\n".encode())
        return connection

    def put(self, link: Link | str, body: bytes) -> int:
        """Send a whole body; the status."""
        with self.sending(link, len(body)) as connection:
            connection.sendall(body)
            return int(connection.recv(65536).split(b" ")[1])


def wait_until(it_is_so: Callable[[], bool]) -> None:
    """Look again and again, as there is nobody to tell us."""
    end = time.monotonic() + PATIENCE
    while not it_is_so():
        assert time.monotonic() < end, "it never came to be so"
        os.sched_yield()


@pytest.fixture(scope="module")
def only_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served") / "store")
    yield server
    server.stop()


@pytest.fixture
def server(only_server: Server) -> Server:
    httpx.get(only_server.url, timeout=PATIENCE)  # answers once the store is prepared
    return only_server


@pytest.fixture
def store(server: Server) -> Iterator[LocalStore]:
    """The same directory, seen from here; empty again afterwards."""
    store = local_store(server.root, PART)

    async def empty() -> None:
        async for upload in store.incoming():
            await store.abort(upload.id)
        async for blob in store.blobs():
            await store.delete(blob.sha256)
        await store.close()

    yield store
    asyncio.run(empty())


def run(step: Any) -> Any:
    return asyncio.run(step)


def begun(store: LocalStore, size: int) -> tuple[Upload, list[Link]]:
    async def begin() -> tuple[Upload, list[Link]]:
        upload = await store.begin(uuid4(), size)
        return upload, await store.link_parts(upload, upload.parts, MINUTES)

    return run(begin())  # type: ignore[no-any-return]


def pieces(upload: Upload, body: bytes) -> list[bytes]:
    return [body[part.offset : part.offset + part.size] for part in upload.parts]


def present(store: LocalStore, upload: Upload) -> set[int]:
    return {part.number for part in run(store.parts_present(upload))}


def finish(server: Server, upload: Upload) -> str:
    asked = {"upload_id": str(upload.id), "size": upload.size, "part_size": upload.part_size}
    response = httpx.post(f"{server.url}/complete", params=asked, timeout=PATIENCE)
    assert response.status_code == 200, response.text
    return str(response.json()["sha256"])


def assert_whole(root: Path) -> int:
    """Everything under `blobs/` is whole and what its name says; how many those are."""
    found = [path for path in (root / "blobs").rglob("*") if path.is_file()]
    for path in found:
        assert sha256_of(path.read_bytes()) == path.name
    return len(found)


def abandon(connection: socket.socket) -> None:
    """End a connection with a reset, as a machine that lost power looks to the other side."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_an_upload_goes_on_after_the_server_was_killed_in_the_middle_of_a_part(
    server: Server, store: LocalStore
) -> None:
    body = os.urandom(3 * PART)
    upload, links = begun(store, len(body))
    first, second, third = pieces(upload, body)
    assert server.put(links[0], first) == 204
    data = server.root / "incoming" / str(upload.id) / "data"
    with server.sending(links[1], PART) as connection:
        connection.sendall(second[: PART - 1])
        wait_until(lambda: second[:MIB] in data.read_bytes())
        server.kill()
    assert present(store, upload) == {1}
    assert assert_whole(server.root) == 0
    server.start()
    assert present(store, upload) == {1}
    assert server.put(links[1], second) == 204
    assert server.put(links[2], third) == 204
    assert finish(server, upload) == sha256_of(body)
    assert assert_whole(server.root) == 1


@pytest.mark.parametrize("after", range(4))
def test_what_counted_when_the_server_was_killed_is_right(
    server: Server, store: LocalStore, after: int
) -> None:
    """Eight connections send all parts over and over; the kill comes after so many answers."""
    body = os.urandom(8 * PART)
    upload, links = begun(store, len(body))
    parts = pieces(upload, body)
    answered = threading.Semaphore(0)
    ended = threading.Event()

    def send(first: int) -> None:
        for turn in range(first, first + 8):
            if ended.is_set():
                return
            with suppress(OSError, IndexError):
                server.put(links[turn % 8], parts[turn % 8])
            answered.release()

    senders = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for sender in senders:
        sender.start()
    for _ in range(after * 2):
        assert answered.acquire(timeout=PATIENCE)
    ended.set()
    server.kill()
    server.start()
    for sender in senders:
        sender.join()
    data = (server.root / "incoming" / str(upload.id) / "data").read_bytes()
    for part in run(store.parts_present(upload)):
        offset = upload.parts[part.number - 1].offset
        assert sha256_of(data[offset : offset + part.size]) == part.sha256
    missing = set(range(1, 9)) - present(store, upload)
    for number in missing:
        assert server.put(links[number - 1], parts[number - 1]) == 204
    assert finish(server, upload) == sha256_of(body)


@pytest.mark.parametrize("moment", ["asked", "sealed", "adopted"])
def test_a_kill_while_bytes_are_proven_and_adopted_loses_nothing(
    server: Server, store: LocalStore, moment: str
) -> None:
    body = os.urandom(4 * PART)
    upload, links = begun(store, len(body))
    for link, piece in zip(links, pieces(upload, body), strict=True):
        assert server.put(link, piece) == 204
    query = f"upload_id={upload.id}&size={upload.size}&part_size={upload.part_size}"
    folder = server.root / "incoming" / str(upload.id)
    with server.connect() as connection:
        connection.sendall(f"POST /complete?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if moment == "sealed":
            wait_until(lambda: not (folder / "data").exists())
        if moment == "adopted":
            wait_until(lambda: any((server.root / "blobs").glob("*/*/*")))
        server.kill()
    assert assert_whole(server.root) in (0, 1)
    server.start()
    if (folder / "data").exists() or (folder / "whole").exists():
        assert finish(server, upload) == sha256_of(body)
    run(store.abort(upload.id))  # what a sweep does, if it was the clearing that was killed
    assert assert_whole(server.root) == 1
    assert list((server.root / "incoming").iterdir()) == []


def test_a_kill_in_the_middle_of_a_stream_leaves_only_what_a_sweep_finds(
    server: Server, store: LocalStore
) -> None:
    with server.sending("/stream", 8 * MIB) as connection:
        connection.sendall(os.urandom(6 * MIB))
        wait_until(lambda: any((server.root / "incoming").glob("*/data")))
        server.kill()

    async def sweep() -> list[UUID]:
        left = [found.id async for found in store.incoming()]
        for upload_id in left:
            await store.abort(upload_id)
        return left

    assert assert_whole(server.root) == 0
    assert len(run(sweep())) == 1
    assert list((server.root / "incoming").iterdir()) == []
    server.start()
    assert server.put("/stream", b"again") == 200
    assert assert_whole(server.root) == 1


@pytest.mark.parametrize("cut", [0, 1, MIB, PART - 1])
def test_a_part_whose_connection_is_cut_does_not_count(
    server: Server, store: LocalStore, cut: int
) -> None:
    body = os.urandom(PART)
    upload, [link] = begun(store, PART)
    connection = server.sending(link, PART)
    connection.sendall(body[:cut])
    abandon(connection)
    assert server.put(link, body) == 204
    assert present(store, upload) == {1}
    assert finish(server, upload) == sha256_of(body)


def test_a_part_may_be_sent_again_while_its_first_connection_hangs(
    server: Server, store: LocalStore
) -> None:
    body = os.urandom(PART)
    upload, [link] = begun(store, PART)
    with server.sending(link, PART) as hanging:
        hanging.sendall(body[: PART - 1])
        assert server.put(link, body) == 204
        assert finish(server, upload) == sha256_of(body)
        hanging.sendall(body[-1:])
        assert b" 409 " in hanging.recv(65536)


def test_a_stream_whose_connection_is_cut_leaves_nothing(server: Server, store: LocalStore) -> None:
    incoming = server.root / "incoming"
    connection = server.sending("/stream", 8 * MIB)
    connection.sendall(os.urandom(5 * MIB))
    wait_until(lambda: any(incoming.iterdir()))
    abandon(connection)
    wait_until(lambda: not any(incoming.iterdir()))
    assert assert_whole(server.root) == 0


def test_a_chunked_body_that_ends_without_its_last_chunk_does_not_count(
    server: Server, store: LocalStore
) -> None:
    upload, [link] = begun(store, 10)
    with server.sending_chunked(link) as connection:
        connection.sendall(b"a\r\n0123456789\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert present(store, upload) == set()


def test_many_tiny_chunks_are_put_together(server: Server, store: LocalStore) -> None:
    body = os.urandom(20_000)
    upload, [link] = begun(store, len(body))
    with server.sending_chunked(link) as connection:
        for at in range(len(body)):
            connection.sendall(b"1\r\n" + body[at : at + 1] + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert b" 204 " in connection.recv(65536)
    assert finish(server, upload) == sha256_of(body)


def link_to(store: LocalStore, sha256: str, size: int) -> str:
    [link] = run(store.link_downloads([Download(sha256, size, "big.bin")], MINUTES))
    return str(link.url).removeprefix("http://test")


def test_memory_stays_flat_whatever_the_size(server: Server, store: LocalStore) -> None:
    size, block = 256 * MIB, os.urandom(MIB)
    before, hasher = server.most_memory(), hashlib.sha256()
    with server.sending("/stream", size) as connection:
        for _ in range(size // MIB):
            connection.sendall(block)
            hasher.update(block)
        assert b" 200 " in connection.recv(65536)
    target = link_to(store, hasher.hexdigest(), size)
    hasher = hashlib.sha256()
    with httpx.stream("GET", server.url + target, timeout=PATIENCE) as response:
        for chunk in response.iter_raw():
            hasher.update(chunk)
    assert f'"{hasher.hexdigest()}"' == response.headers["etag"]
    assert server.most_memory() - before < 48 * MIB


def test_readers_that_do_not_read_take_no_memory_and_nobodys_turn(
    server: Server, store: LocalStore
) -> None:
    size = 64 * MIB
    assert server.put("/stream", bytes(size)) == 200
    target = link_to(store, sha256_of(bytes(size)), size)
    before = server.most_memory()
    lazy = [server.connect() for _ in range(40)]
    for connection in lazy:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
    response = httpx.get(server.url + target, headers={"Range": "bytes=5-9"}, timeout=PATIENCE)
    assert (response.status_code, response.content) == (206, bytes(5))
    assert server.most_memory() - before < 40 * 2 * MIB
    for connection in lazy:
        abandon(connection)
    wait_until(lambda: server.open_blobs() == 0)


def test_reading_ends_when_the_reader_goes_away(server: Server, store: LocalStore) -> None:
    size, name = 2**40, "ab" * 32
    huge = server.root / "blobs" / "ab" / "ab" / name
    huge.parent.mkdir(parents=True)
    huge.touch()
    os.truncate(huge, size)  # it takes no room, and hours to read
    target = link_to(store, name, size)
    connection = server.connect()
    connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    assert server.open_blobs() == 1
    abandon(connection)
    wait_until(lambda: server.open_blobs() == 0)


def test_answers_follow_each_other_on_one_connection(server: Server, store: LocalStore) -> None:
    body = b"0123456789"
    assert server.put("/stream", body) == 200
    target = link_to(store, sha256_of(body), len(body))
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        assert client.get(target).content == body
        assert client.head(target).headers["content-length"] == "10"
        assert client.get(target, headers={"Range": "bytes=2-3"}).content == b"23"
        assert client.get(target, headers={"Range": "bytes=99-"}).status_code == 416
        assert client.get(target, headers={"If-None-Match": "*"}).status_code == 304
        assert client.get(target).content == body


def test_curl_sends_and_gets_a_file(server: Server, store: LocalStore, tmp_path: Path) -> None:
    body = os.urandom(3 * MIB)
    (tmp_path / "model.bin").write_bytes(body)
    curl = ["curl", "-sS", "--fail"]
    subprocess.run([*curl, "-T", tmp_path / "model.bin", f"{server.url}/stream"], check=True)
    target = server.url + link_to(store, sha256_of(body), len(body))
    got = subprocess.run([*curl, "-r", "100-", target], check=True, capture_output=True)
    assert got.stdout == body[100:]
