"""The blob store in a directory: bytes pass through this service, links are signed by it.

    blobs/ab/cd/<sha256>   proven bytes, as they are
    incoming/<upload id>/  bytes on their way (see `incoming.py`)

Any number of processes on one machine may use one directory.
"""

import asyncio
import errno
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from app.blobs.links import Links
from app.blobs.problems import blob_missing, wrong_digest
from app.blobs.stores import incoming, stored
from app.blobs.stores.attempts import PartAttempt, StreamAttempt
from app.blobs.stores.disk import BLOCK, Reader, folder, make_folder, no_room, opened, write_at
from app.blobs.stores.flow import Threads, pour
from app.blobs.stores.interface import (
    Download,
    Incoming,
    Link,
    Part,
    Progress,
    Proven,
    StoredBlob,
    StoredPart,
    Trait,
    Upload,
)
from app.core.problems import Unavailable

PART_SIZE = 64 * BLOCK
MOST_PARTS = 10_000
THREADS = 32
FLUSH_EVERY = 64 * BLOCK
READ_SIZE = BLOCK // 4


class LocalStore:
    """A `BlobStore` (and `TakesParts`) in a directory."""

    def __init__(self, root: Path, links: Links, *, part_size: int = PART_SIZE) -> None:
        """Nothing is touched before `prepare`."""
        self._root = root
        self._links = links
        self._part_size = part_size
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._threads = Threads(self._pool)

    @property
    def is_direct(self) -> bool:
        """See `BlobStore`."""
        return False

    async def prepare(self) -> None:
        """See `BlobStore`."""
        await self._threads.run(_prepare, self._root)

    async def check(self) -> None:
        """See `BlobStore`."""
        await self._threads.run(_check, self._root)

    async def probe(self) -> list[Trait]:
        """See `BlobStore`."""
        await self.check()
        return [
            Trait(
                "bytes pass through this server",
                held=True,
                meaning="Every byte is hashed on its way, and each link is signed here for one "
                "part of one upload.",
            )
        ]

    async def close(self) -> None:
        """See `BlobStore`."""
        await asyncio.to_thread(self._pool.shutdown)

    def part_size_for(self, size: int) -> int:
        """See `BlobStore`."""
        least = -(-size // MOST_PARTS)
        return self._part_size if least <= self._part_size else -(-least // BLOCK) * BLOCK

    async def begin(
        self, upload_id: UUID, size: int, sha256: str | None = None, *, part_digests: bool = False
    ) -> Upload:
        """See `BlobStore`."""
        await self._threads.run(_begin, self._root, upload_id, size)
        return Upload(upload_id, size, self.part_size_for(size), sha256=sha256)

    async def forget(self, upload: Upload) -> None:
        """See `BlobStore`. Every `begin` of an upload opens the same folder."""

    def takes_part_digests(self, upload: Upload) -> bool:
        """See `BlobStore`."""
        return True

    async def link_parts(
        self, upload: Upload, parts: Sequence[Part], lifetime: timedelta
    ) -> list[Link]:
        """See `BlobStore`."""
        return await self._threads.run(
            lambda: [self._links.to_part(upload.id, part, lifetime) for part in parts]
        )

    async def parts_present(self, upload: Upload) -> list[StoredPart]:
        """See `BlobStore`."""
        return await self._threads.run(incoming.parts_present, self._root, upload.id)

    async def write_part(
        self, upload_id: UUID, part: Part, chunks: AsyncIterable[bytes]
    ) -> StoredPart:
        """See `TakesParts`."""
        hasher = hashlib.sha256()
        attempt = await self._threads.run(PartAttempt, self._root, upload_id, part)
        try:
            await pour(chunks, self._threads, attempt.write, hasher.update, size=part.size)
            sha256 = hasher.hexdigest()
            if part.sha256 is not None and part.sha256 != sha256:
                raise wrong_digest(part.sha256, sha256)
            await self._threads.run(attempt.settle, sha256)
        finally:
            await self._threads.surely(attempt.close)
        return StoredPart(part.number, part.size, sha256)

    async def complete(self, upload: Upload) -> None:
        """See `BlobStore`."""
        await self._threads.run(incoming.complete, self._root, upload)

    async def receive(
        self, upload_id: UUID, chunks: AsyncIterable[bytes], size: int | None = None
    ) -> Proven:
        """See `BlobStore`."""
        try:
            await self._threads.run(_begin, self._root, upload_id, 0, room=size or 0)
            sha256 = await self._stream_in(upload_id, chunks, size)
            file = await self._threads.run(incoming.open_whole, self._root, upload_id)
            await self._threads.surely(file.close)
        except BaseException:
            await self._threads.surely(lambda: incoming.remove(self._root, upload_id))
            raise
        return Proven(file.status.st_size, sha256, incoming.seal(file.status))

    async def _stream_in(
        self, upload_id: UUID, chunks: AsyncIterable[bytes], size: int | None
    ) -> str:
        hasher = hashlib.sha256()
        attempt = await self._threads.run(StreamAttempt, self._root, upload_id)
        try:
            # Flushed on the way, so that the last byte is not followed by a long wait for the disk.
            await pour(
                _flushing(chunks, self._threads, attempt),
                self._threads,
                attempt.write,
                hasher.update,
                size=size,
            )
            await self._threads.run(attempt.settle)
        finally:
            await self._threads.surely(attempt.close)
        return hasher.hexdigest()

    def proves_soon(self, upload: Upload) -> bool:
        """See `BlobStore`."""
        return True

    async def prove(self, upload: Upload, progress: Progress | None = None) -> Proven:
        """See `BlobStore`."""
        hasher = hashlib.sha256()
        file = await self._threads.run(incoming.open_whole, self._root, upload.id)
        done, size = 0, file.status.st_size
        try:
            while done < size:
                done += await self._threads.run(_hash_some, file, hasher, done)
                if progress is not None:
                    progress(done)
        finally:
            await self._threads.surely(file.close)
        return Proven(size, hasher.hexdigest(), incoming.seal(file.status))

    async def adopt(self, upload_id: UUID, proven: Proven) -> None:
        """See `BlobStore`."""
        await self._threads.run(incoming.adopt, self._root, upload_id, proven)

    async def abort(self, upload_id: UUID, handle: str | None = None) -> None:
        """See `BlobStore`."""
        await self._threads.run(incoming.remove, self._root, upload_id)

    async def incoming(self) -> AsyncGenerator[Incoming]:
        """See `BlobStore`."""
        for found in await self._threads.run(incoming.listed, self._root):
            yield found

    async def clear_copies(self, before: datetime) -> int:
        """See `BlobStore`. Adopting moves, so that it leaves nothing."""
        return 0

    async def size(self, sha256: str) -> int | None:
        """See `BlobStore`."""
        return await self._threads.run(stored.size, self._root, sha256)

    async def read(
        self, sha256: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        """See `BlobStore`."""
        file = await self._threads.run(stored.open_blob, self._root, sha256)
        end = file.status.st_size if end is None else end

        def piece() -> "asyncio.Future[bytes]":
            return self._threads.run(file.read, start, min(READ_SIZE, end - start))

        try:
            ahead = None
            while start < end:
                block = await (ahead or piece())
                if not block:
                    raise blob_missing(sha256)
                start += len(block)
                ahead = piece() if start < end else None
                yield block
        finally:
            await self._threads.surely(file.close)

    async def link_downloads(
        self, downloads: Sequence[Download], lifetime: timedelta
    ) -> list[Link]:
        """See `BlobStore`."""
        return await self._threads.run(
            lambda: [self._links.to_blob(download, lifetime) for download in downloads]
        )

    async def delete(self, sha256: str) -> None:
        """See `BlobStore`."""
        await self._threads.run(stored.delete, self._root, sha256)

    async def blobs(self) -> AsyncGenerator[StoredBlob]:
        """See `BlobStore`."""
        for first in await self._threads.run(stored.firsts, self._root):
            for found in await self._threads.run(stored.listed, self._root, first):
                yield found


async def _flushing(
    chunks: AsyncIterable[bytes], threads: Threads, attempt: StreamAttempt
) -> AsyncGenerator[bytes]:
    since, flush = 0, None
    async for chunk in chunks:
        since += len(chunk)
        if since >= FLUSH_EVERY:
            if flush is not None:
                await flush
            since, flush = 0, threads.run(attempt.flusher())
        yield chunk
    if flush is not None:
        await flush


def _prepare(root: Path) -> None:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with folder(root) as at:
        make_folder(stored.BLOBS, at)
        make_folder(incoming.INCOMING, at)


def _check(root: Path) -> None:
    said, upload_id = secrets.token_bytes(32), uuid4()
    with (
        folder(root, stored.BLOBS),
        folder(root, incoming.INCOMING, str(upload_id), make=True) as at,
        opened("check", os.O_RDWR | os.O_CREAT | os.O_EXCL, at=at) as file,
    ):
        write_at(file, said, 0)
        same = os.pread(file, len(said) + 1, 0) == said
    incoming.remove(root, upload_id)
    if not same:
        raise Unavailable("The blob store gave back other bytes than were written to it.")


def _begin(root: Path, upload_id: UUID, size: int, *, room: int | None = None) -> None:
    with folder(root) as at:
        found = os.fstatvfs(at)
    if found.f_bavail * found.f_frsize < (size if room is None else room):
        raise no_room()
    incoming.create(root, upload_id, size)


def _hash_some(file: Reader, hasher: "hashlib._Hash", start: int) -> int:
    """Hash the next 64 MiB at most, through one buffer of a MiB; how many bytes that were."""
    buffer, done = memoryview(bytearray(BLOCK)), 0
    while done < FLUSH_EVERY and (came := file.read_into(buffer, start + done)):
        hasher.update(buffer[:came])
        done += came
    if not done:
        raise OSError(errno.EIO, "the file became shorter while it was read")
    return done
