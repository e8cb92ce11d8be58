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
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import structlog

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
from app.blobs.stores.s3_limits import Limits
from app.blobs.stores.s3_links import S3Links
from app.blobs.stores.s3_reading import Reading
from app.blobs.stores.s3_room import Room
from app.blobs.stores.s3_rules import MIB, InParts, OnePut, Seal
from app.blobs.stores.s3_stream import StreamIn
from app.blobs.stores.s3_traits import Traits
from app.blobs.stores.workers import Workers, end
from app.core.problems import Unavailable

PART_SIZE = 16 * MIB
LARGE_PART_SIZE = 512 * MIB
STREAM_PART_SIZE = 8 * MIB
PROVEN_SOON = 64 * MIB
READ_SIZE = MIB // 4
LIMITS = Limits()
CALLS, MOVERS, SIGNERS = 16, 32, 2
T = TypeVar("T")
U = TypeVar("U", Traits, Traits | None)
log = structlog.get_logger()


class S3Store:
    """A `BlobStore` in a bucket."""

    def __init__(
        self,
        bucket: Bucket,
        *,
        part_size: int = PART_SIZE,
        stream_part_size: int = STREAM_PART_SIZE,
        traits: Traits | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """Nothing is touched before `prepare`. `traits` are what the store was seen to do, where
        somebody has looked already."""
        self._bucket, self._links = bucket, S3Links(bucket)
        self._part_size, self._stream_part_size = part_size, stream_part_size
        # Apart, so that a silent store holds up neither what needs none nor what says it is silent.
        self._pools = [
            Workers(CALLS, "blob-calls"),
            Workers(MOVERS, "blob-bytes"),
            Workers(SIGNERS, "blob-links"),
            Workers(MOVERS, "blob-parts"),
        ]
        self._calls, self._long, self._signers = map(Threads, self._pools[:3])
        self._senders = self._pools[3]
        self._limits = limits
        self._room = Room(limits.stream_room, patience=limits.room_seconds)
        self._large_turn = threading.Semaphore(1)
        self._learning = Learning(bucket, self._long, traits, limits)

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
        # Before the first await: a process that has just begun is told of the store itself.
        _require_usable(self._learning.seen)
        await self._learning.settled()
        await self._calls.soon(self._limits.call_seconds, _check, self._bucket)

    async def probe(self) -> list[Trait]:
        """See `BlobStore`."""
        return (await self._learning.ask_again()).rows()

    async def _usable(self) -> Traits:
        return _require_usable(await self._learning.known())

    async def close(self) -> None:
        """See `BlobStore`."""
        self._learning.stop()
        self._bucket.stopping.set()  # what still reads, copies or asks ends soon
        if not await asyncio.to_thread(end, self._pools, self._limits.close_seconds):
            log.warning("blob_store_silent", meaning="what is under way there is left behind")
        self._bucket.close()

    # -- coming in, in parts

    def part_size_for(self, size: int) -> int:
        """See `BlobStore`."""
        return rules.part_size_for(size, self._part_size, LARGE_PART_SIZE)

    async def begin(
        self, upload_id: UUID, size: int, sha256: str | None = None, *, part_digests: bool = False
    ) -> Upload:
        """See `BlobStore`."""
        part_size, traits = self.part_size_for(size), await self._usable()
        way: OnePut | InParts
        if size == 0:
            way = OnePut(rules.EMPTY)
        elif sha256 is not None and size <= part_size and traits.refuses_wrong_digests:
            way = OnePut(sha256)
        else:
            digests = part_digests and traits.refuses_wrong_part_digests
            key = rules.incoming_key(upload_id)
            name = await self._calls.soon(
                self._limits.call_seconds, self._bucket.begin_upload, key, part_digests=digests
            )
            way = InParts(name, digests)
        return Upload(upload_id, size, part_size, str(way), sha256)

    async def forget(self, upload: Upload) -> None:
        """See `BlobStore`."""
        await self._calls.soon(self._limits.call_seconds, incoming.forget, self._bucket, upload)

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
        return await self._signers.run(
            lambda: [self._links.to_part(upload.id, way, part, lifetime) for part in parts]
        )

    async def parts_present(self, upload: Upload) -> list[StoredPart]:
        """See `BlobStore`."""
        return await self._calls.soon(
            self._limits.list_seconds, incoming.parts_present, self._bucket, upload
        )

    async def complete(self, upload: Upload) -> None:
        """See `BlobStore`."""
        await self._long.run(incoming.complete, self._bucket, upload)

    # -- coming in, in one stream

    async def receive(
        self, upload_id: UUID, chunks: AsyncIterable[bytes], size: int | None = None
    ) -> Proven:
        """See `BlobStore`."""
        rules.require_streamable(size, self._stream_part_size)
        compares = (await self._usable()).refuses_wrong_md5
        async with self._room.taken(rules.stream_room(size, self._stream_part_size)):
            return await self._receive(upload_id, chunks, size, compares=compares)

    async def _receive(
        self, upload_id: UUID, chunks: AsyncIterable[bytes], size: int | None, *, compares: bool
    ) -> Proven:
        key, part_size = rules.incoming_key(upload_id), self._stream_part_size
        stream = StreamIn(
            self._bucket, key, part_size, self._large_turn, self._senders, with_md5=compares
        )
        try:
            proven = await self._take_in(stream, key, chunks, size)
            if not compares and await self._read_back(key) != proven:
                raise away("it holds other bytes than were sent to it")
        except BaseException as error:
            with suppress(Unavailable):  # what could not be taken away now, the sweep takes away
                await self._long.surely(stream.give_up)
            if isinstance(error, Changed):
                raise away("bytes were altered on their way to it") from None
            if isinstance(error, NotThere):
                raise away("what it had taken went away again") from None
            raise
        return proven

    async def _take_in(
        self, stream: StreamIn, key: str, chunks: AsyncIterable[bytes], size: int | None
    ) -> Proven:
        hasher = hashlib.sha256()
        came = await pour(chunks, self._long, stream.write, hasher.update, size=size)
        etag = await self._long.run(stream.finish)
        return Proven(came, hasher.hexdigest(), str(Seal(key, etag)))

    # -- from incoming to blob

    def proves_soon(self, upload: Upload) -> bool:
        """See `BlobStore`."""
        is_bound = isinstance(rules.read_handle(upload.handle), OnePut)
        return is_bound or upload.size <= PROVEN_SOON

    async def prove(self, upload: Upload, progress: Progress | None = None) -> Proven:
        """See `BlobStore`."""
        traits, stop = await self._usable(), threading.Event()
        try:
            return await self._long.run(
                incoming.prove, self._bucket, traits, upload, progress, stop
            )
        finally:
            stop.set()

    async def _read_back(self, key: str) -> Proven:
        stop = threading.Event()
        try:
            return await self._long.run(incoming.read_back, self._bucket, key, None, stop)
        finally:
            stop.set()

    async def adopt(self, upload_id: UUID, proven: Proven) -> None:
        """See `BlobStore`."""
        traits = await self._usable()
        await self._long.run(incoming.adopt, self._bucket, traits, upload_id, proven)

    async def abort(self, upload_id: UUID, handle: str | None = None) -> None:
        """See `BlobStore`."""
        await self._calls.soon(
            self._limits.call_seconds, incoming.abort, self._bucket, upload_id, handle
        )

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
                    await self._calls.soon(
                        self._limits.call_seconds, self._bucket.abort_upload, begun.key, begun.id
                    )
                    cleared += 1
        return cleared

    async def _each(self, pages: Iterator[list[T]]) -> AsyncGenerator[T]:
        """What a listing says, a page at a time, each asked for in a thread."""
        while (page := await self._calls.soon(self._limits.call_seconds, _next, pages)) is not None:
            for found in page:
                yield found

    # -- blobs

    async def size(self, sha256: str) -> int | None:
        """See `BlobStore`."""
        seen = await self._calls.soon(
            self._limits.call_seconds, self._bucket.head, rules.blob_key(sha256)
        )
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
            reading = await self._long.soon(
                self._limits.call_seconds, Reading, self._bucket, key, start, end
            )
            end = reading.size if end is None else end
            ahead = None
            while start < end:
                block = await (ahead or self._long.run(reading.read, READ_SIZE))
                if not block:
                    raise blob_missing(sha256)
                start += len(block)
                ahead = self._long.run(reading.read, READ_SIZE) if start < end else None
                yield block
        except (NotThere, Changed):
            raise blob_missing(sha256) from None
        finally:
            if reading is not None:
                await self._long.surely(reading.close)

    async def _end_of(self, sha256: str, end: int | None) -> int:
        size = await self.size(sha256)
        if size is None:
            raise blob_missing(sha256)
        return size if end is None else end

    async def link_downloads(
        self, downloads: Sequence[Download], lifetime: timedelta
    ) -> list[Link]:
        """See `BlobStore`."""
        return await self._signers.run(
            lambda: [self._links.to_blob(download, lifetime) for download in downloads]
        )

    async def delete(self, sha256: str) -> None:
        """See `BlobStore`."""
        await self._calls.soon(
            self._limits.call_seconds, self._bucket.delete, rules.blob_key(sha256)
        )

    async def blobs(self) -> AsyncGenerator[StoredBlob]:
        """See `BlobStore`."""
        async for seen in self._each(self._bucket.objects(rules.BLOBS)):
            if (sha256 := rules.digest_of(seen.key)) is not None:
                yield StoredBlob(sha256, seen.size, seen.modified_at)


def _next(pages: Iterator[list[T]]) -> list[T] | None:
    return next(pages, None)


def _require_usable(traits: U) -> U:
    """The same; `Unavailable` where the store lacks what nothing can be taken in without. What is
    stored can be read all the same."""
    if traits is not None and traits.lacking:
        raise Unavailable(
            f"The blob store is not safe to use: it does not do this: {traits.lacking[0].name}. "
            "Waiting does not help. Tell your operator, whom `python -m app doctor` shows more."
        )
    return traits


def _check(bucket: Bucket) -> None:
    bucket.require()
    said, key = secrets.token_bytes(32), f"{rules.proving_keys(uuid4())}{secrets.token_hex(8)}"
    try:
        bucket.put(key, said)
        same = bucket.read_all(key) == said
    except (NotThere, Changed):
        same = False
    finally:
        bucket.delete(key)
    if not same:
        raise Unavailable("The blob store gave back other bytes than were written to it.")
