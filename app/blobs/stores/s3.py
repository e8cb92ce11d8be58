"""The blob store in a bucket of S3: bytes go straight between clients and the store.

    incoming/<upload id>         bytes on their way; clients write here, through signed links
    proving/<upload id>.<mark>   bytes taken away from their links; each key is written once, by us
    blobs/ab/cd/<sha256>         proven bytes

What a store enforces was seen first (`s3_probe.py`); nothing is believed. Of what it does not
enforce, the bytes are read back and hashed where no link can change them any more. An ETag alone
proves nothing against a client: it is an MD5, and two files can be made to have the same.
"""

import asyncio
import hashlib
import secrets
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

from app.blobs.problems import blob_missing
from app.blobs.stores import s3_incoming as incoming
from app.blobs.stores import s3_rules as rules
from app.blobs.stores.bucket import Bucket
from app.blobs.stores.disk import away
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
from app.blobs.stores.s3_faults import Changed, NotThere
from app.blobs.stores.s3_learning import Learning
from app.blobs.stores.s3_links import S3Links
from app.blobs.stores.s3_reading import Reading
from app.blobs.stores.s3_rules import MIB, InParts, OnePut, Seal
from app.blobs.stores.s3_stream import StreamIn
from app.blobs.stores.s3_traits import Traits
from app.core.problems import Unavailable

PART_SIZE = 16 * MIB
LARGE_PART_SIZE = 512 * MIB
STREAM_PART_SIZE = 8 * MIB
PROVEN_SOON = 64 * MIB
READ_SIZE = MIB // 4
THREADS = 32
T = TypeVar("T")


class S3Store:
    """A `BlobStore` in a bucket."""

    def __init__(
        self,
        bucket: Bucket,
        *,
        part_size: int = PART_SIZE,
        stream_part_size: int = STREAM_PART_SIZE,
        traits: Traits | None = None,
    ) -> None:
        """Nothing is touched before `prepare`. `traits` are what the store was seen to do, where
        somebody has looked already."""
        self._bucket, self._links = bucket, S3Links(bucket)
        self._part_size, self._stream_part_size = part_size, stream_part_size
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._senders = ThreadPoolExecutor(THREADS, thread_name_prefix="blob-parts")
        self._threads = Threads(self._pool)
        self._learning = Learning(bucket, self._threads, traits)

    @property
    def is_direct(self) -> bool:
        """See `BlobStore`."""
        return True

    # -- the store itself

    async def prepare(self) -> None:
        """See `BlobStore`. What the store enforces is found out meanwhile."""
        self._learning.begin()

    async def check(self) -> None:
        """See `BlobStore`."""
        await self._threads.run(_check, self._bucket)

    async def probe(self) -> list[Trait]:
        """See `BlobStore`."""
        return (await self._learning.ask_again()).rows()

    async def close(self) -> None:
        """See `BlobStore`."""
        self._learning.stop()
        self._bucket.stopping.set()  # what still reads, copies or asks ends soon
        await asyncio.to_thread(self._pool.shutdown)
        await asyncio.to_thread(self._senders.shutdown)
        self._bucket.close()

    # -- coming in, in parts

    def part_size_for(self, size: int) -> int:
        """See `BlobStore`."""
        return rules.part_size_for(size, self._part_size, LARGE_PART_SIZE)

    async def begin(
        self, upload_id: UUID, size: int, sha256: str | None = None, *, part_digests: bool = False
    ) -> Upload:
        """See `BlobStore`."""
        part_size, traits = self.part_size_for(size), await self._learning.known()
        if traits.lacking:
            raise away(f"it does not do this: {traits.lacking[0].name}")
        way: OnePut | InParts
        if size == 0:
            way = OnePut(rules.EMPTY)
        elif sha256 is not None and size <= part_size and traits.refuses_wrong_digests:
            way = OnePut(sha256)
        else:
            digests = part_digests and traits.refuses_wrong_part_digests
            key = rules.incoming_key(upload_id)
            name = await self._threads.run(self._bucket.begin_upload, key, part_digests=digests)
            way = InParts(name, digests)
        return Upload(upload_id, size, part_size, str(way), sha256)

    async def forget(self, upload: Upload) -> None:
        """See `BlobStore`."""
        await self._threads.run(incoming.forget, self._bucket, upload)

    def takes_part_digests(self, upload: Upload) -> bool:
        """See `BlobStore`."""
        way = rules.read_handle(upload.handle)
        seen = self._learning.seen
        could = seen is not None and seen.refuses_wrong_part_digests
        return not (could and isinstance(way, InParts) and not way.digests)

    async def link_parts(
        self, upload: Upload, parts: Sequence[Part], lifetime: timedelta
    ) -> list[Link]:
        """See `BlobStore`."""
        way = incoming.way_of(upload)
        return await self._threads.run(
            lambda: [self._links.to_part(upload.id, way, part, lifetime) for part in parts]
        )

    async def parts_present(self, upload: Upload) -> list[StoredPart]:
        """See `BlobStore`."""
        return await self._threads.run(incoming.parts_present, self._bucket, upload)

    async def complete(self, upload: Upload) -> None:
        """See `BlobStore`."""
        await self._threads.run(incoming.complete, self._bucket, upload)

    # -- coming in, in one stream

    async def receive(
        self, upload_id: UUID, chunks: AsyncIterable[bytes], size: int | None = None
    ) -> Proven:
        """See `BlobStore`."""
        rules.require_streamable(size, self._stream_part_size)
        compares = (await self._learning.known()).refuses_wrong_md5
        part_size = partial(rules.stream_part_size, size=size, least=self._stream_part_size)
        key = rules.incoming_key(upload_id)
        stream = StreamIn(self._bucket, key, part_size, self._senders, with_md5=compares)
        try:
            proven = await self._take_in(stream, key, chunks, size)
            if not compares and await self._read_back(key) != proven:
                raise away("it holds other bytes than were sent to it")
        except BaseException as error:
            with suppress(Unavailable):  # what could not be taken away now, the sweep takes away
                await self._threads.surely(stream.give_up)
            if isinstance(error, Changed):
                raise away("bytes were altered on their way to it") from None
            raise
        return proven

    async def _take_in(
        self, stream: StreamIn, key: str, chunks: AsyncIterable[bytes], size: int | None
    ) -> Proven:
        hasher = hashlib.sha256()
        came = await pour(chunks, self._threads, stream.write, hasher.update, size=size)
        etag = await self._threads.run(stream.finish)
        return Proven(came, hasher.hexdigest(), str(Seal(key, etag)))

    # -- from incoming to blob

    def proves_soon(self, upload: Upload) -> bool:
        """See `BlobStore`."""
        is_bound = isinstance(rules.read_handle(upload.handle), OnePut)
        return is_bound or upload.size <= PROVEN_SOON

    async def prove(self, upload: Upload, progress: Progress | None = None) -> Proven:
        """See `BlobStore`."""
        traits, stop = await self._learning.known(), threading.Event()
        try:
            return await self._threads.run(
                incoming.prove, self._bucket, traits, upload, progress, stop
            )
        finally:
            stop.set()

    async def _read_back(self, key: str) -> Proven:
        stop = threading.Event()
        try:
            return await self._threads.run(incoming.read_back, self._bucket, key, None, stop)
        finally:
            stop.set()

    async def adopt(self, upload_id: UUID, proven: Proven) -> None:
        """See `BlobStore`."""
        traits = await self._learning.known()
        await self._threads.run(incoming.adopt, self._bucket, traits, upload_id, proven)

    async def abort(self, upload_id: UUID, handle: str | None = None) -> None:
        """See `BlobStore`."""
        await self._threads.run(incoming.abort, self._bucket, upload_id, handle)

    async def incoming(self) -> AsyncGenerator[Incoming]:
        """See `BlobStore`. A multipart upload's sign of life is when it began: the store keeps no
        other where one would not have to ask for each."""
        for prefix in (rules.INCOMING, rules.PROVING):
            async for seen in self._each(self._bucket.objects(prefix)):
                if (upload_id := rules.upload_of(seen.key)) is not None:
                    yield Incoming(upload_id, None, seen.modified_at)
        async for begun in self._each(self._bucket.uploads(rules.INCOMING)):
            if (upload_id := rules.upload_of(begun.key)) is not None:
                yield Incoming(upload_id, str(InParts(begun.id)), begun.begun_at)

    async def clear_copies(self, before: datetime) -> int:
        """See `BlobStore`."""
        cleared = 0
        for prefix in (rules.PROVING, rules.BLOBS):
            async for begun in self._each(self._bucket.uploads(prefix)):
                if begun.begun_at < before:
                    await self._threads.run(self._bucket.abort_upload, begun.key, begun.id)
                    cleared += 1
        return cleared

    async def _each(self, pages: Iterator[list[T]]) -> AsyncGenerator[T]:
        """What a listing says, a page at a time, each asked for in a thread."""
        while (page := await self._threads.run(_next, pages)) is not None:
            for found in page:
                yield found

    # -- blobs

    async def size(self, sha256: str) -> int | None:
        """See `BlobStore`."""
        seen = await self._threads.run(self._bucket.head, rules.blob_key(sha256))
        return None if seen is None else seen.size

    async def read(
        self, sha256: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        """See `BlobStore`."""
        if start == end or (start and end is None):  # ranges that S3 cannot be asked for
            end = await self._end_of(sha256, end)
        if start == end:
            return
        key, reading = rules.blob_key(sha256), None
        try:
            reading = await self._threads.run(Reading, self._bucket, key, start, end)
            end = reading.size if end is None else end
            ahead = None
            while start < end:
                block = await (ahead or self._threads.run(reading.read, READ_SIZE))
                if not block:
                    raise blob_missing(sha256)
                start += len(block)
                ahead = self._threads.run(reading.read, READ_SIZE) if start < end else None
                yield block
        except (NotThere, Changed):
            raise blob_missing(sha256) from None
        finally:
            if reading is not None:
                await self._threads.surely(reading.close)

    async def _end_of(self, sha256: str, end: int | None) -> int:
        size = await self.size(sha256)
        if size is None:
            raise blob_missing(sha256)
        return size if end is None else end

    async def link_downloads(
        self, downloads: Sequence[Download], lifetime: timedelta
    ) -> list[Link]:
        """See `BlobStore`."""
        return await self._threads.run(
            lambda: [self._links.to_blob(download, lifetime) for download in downloads]
        )

    async def delete(self, sha256: str) -> None:
        """See `BlobStore`."""
        await self._threads.run(self._bucket.delete, rules.blob_key(sha256))

    async def blobs(self) -> AsyncGenerator[StoredBlob]:
        """See `BlobStore`."""
        async for seen in self._each(self._bucket.objects(rules.BLOBS)):
            if (sha256 := rules.digest_of(seen.key)) is not None:
                yield StoredBlob(sha256, seen.size, seen.modified_at)


def _next(pages: Iterator[list[T]]) -> list[T] | None:
    return next(pages, None)


def _check(bucket: Bucket) -> None:
    bucket.ensure()
    said, key = secrets.token_bytes(32), f"{rules.proving_keys(uuid4())}{secrets.token_hex(8)}"
    try:
        bucket.put(key, said)
        same = bucket.open(key).body.read() == said
    except NotThere:
        same = False
    finally:
        bucket.delete(key)
    if not same:
        raise Unavailable("The blob store gave back other bytes than were written to it.")
