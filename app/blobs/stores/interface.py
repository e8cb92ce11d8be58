"""What a blob store is, whichever it is.

Bytes come in under `incoming/<upload id>` and nowhere else. They are proven there (read and
hashed), then adopted: moved inside the store to the key that their digest names. Nothing that a
client holds can write to that key, so what is proven stays as it was proven.

Every method may raise `Unavailable` where the store is away or full; then nothing is half done, and
the same call may be made again. All of them are safe to repeat. None belongs inside a transaction.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an upload, sent in one request: `size` bytes of the file from `offset` on.

    Numbers begin at 1. `sha256` is what the client says the piece's digest is, where it said so.
    """

    number: int
    offset: int
    size: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes that come in parts. `handle` is the store's own name for it, where it has one.

    All but the last part have `part_size` bytes; it is kept with the upload, so that a change of
    what the store prefers does not move the parts of an upload under way. `sha256` is what the
    whole is said to be.
    """

    id: UUID
    size: int
    part_size: int
    handle: str | None = None
    sha256: str | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts in order; a file without bytes has one part without bytes."""
        starts = range(0, max(self.size, 1), self.part_size)
        return tuple(
            Part(number, start, min(self.part_size, self.size - start))
            for number, start in enumerate(starts, start=1)
        )


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that the store holds whole; `sha256` where the store knows it."""

    number: int
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Proven:
    """What reading the bytes has shown, or what the store was seen to enforce. `seal` is the
    store's mark of these very bytes (an inode and its times, an ETag): adopting refuses any
    others."""

    size: int
    sha256: str
    seal: str


@dataclass(frozen=True, slots=True)
class Link:
    """A signed request that somebody without a token may make until `expires_at`.

    `url` may begin with a slash where the store does not know the address of the service.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Download:
    """A blob as one file shows it: its name for `Content-Disposition`, its media type."""

    sha256: str
    size: int
    name: str
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob as the store lists it."""

    sha256: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Trait:
    """Something that a store was seen to do or not to do, and what follows from it, in a sentence.

    `needed` says that the service cannot be safe, or cannot work, without it.
    """

    name: str
    held: bool
    meaning: str
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """Something under `incoming/` as the store lists it; `modified_at` is its latest sign of life.

    One upload may be listed more than once (a store lists open multipart uploads and whole objects
    apart); each is ended with `abort(id, handle)`.
    """

    id: UUID
    handle: str | None
    modified_at: datetime


Progress = Callable[[int], None]


class BlobStore(Protocol):
    """A place for blobs."""

    # -- the store itself

    @property
    def is_direct(self) -> bool:
        """Whether its links lead to the store itself, past this service."""

    async def prepare(self) -> None:
        """Make ready to serve; call once when the process starts. A store that is away at that
        moment does not keep the process from starting: it is looked at again when it is needed."""

    async def check(self) -> None:
        """Write, read back and remove a small object, or raise `Unavailable`."""

    async def probe(self) -> list[Trait]:
        """Find out, with small objects, what the store enforces; `Unavailable` where it is away."""

    async def close(self) -> None:
        """Let go of threads and connections; call once when the process ends."""

    # -- coming in, in parts

    def part_size_for(self, size: int) -> int:
        """How many bytes each part of a file of this size should have, within the store's limits.

        `InvalidRequest` where the store cannot hold a file of that size.
        """

    async def begin(
        self, upload_id: UUID, size: int, sha256: str | None = None, *, part_digests: bool = False
    ) -> Upload:
        """Open an upload of `size` bytes, which are to have the digest `sha256`. `part_digests`
        says that every part will be linked with its own. `Unavailable` where there is no room."""

    def takes_part_digests(self, upload: Upload) -> bool:
        """Whether its links can still be bound to the digests of its parts, without a new
        `begin`."""

    async def forget(self, upload: Upload) -> None:
        """Forget what one `begin` opened and nobody will use, and nothing that another `begin` of
        the same upload did; harmless where there is none."""

    async def link_parts(
        self, upload: Upload, parts: Sequence[Part], lifetime: timedelta
    ) -> list[Link]:
        """Links to send these parts to, in their order; each is bound to the upload, the part's
        number and exact size, and its `sha256` where it has one and the store can hold to it."""

    async def parts_present(self, upload: Upload) -> list[StoredPart]:
        """The parts that have arrived whole, by number. `UploadClosed` where it is not open."""

    async def complete(self, upload: Upload) -> None:
        """Make one object of the parts.

        `PartsMissing` where some have not arrived whole. The digest is not looked at: `prove` does.
        """

    # -- coming in, in one stream

    async def receive(
        self, upload_id: UUID, chunks: AsyncIterable[bytes], size: int | None = None
    ) -> Proven:
        """Store a stream under `incoming/`, hashing it as it passes; memory does not grow with it.

        `WrongSize` where `size` is given and another number of bytes comes. Where this raises,
        whatever the iteration raised included, nothing is left behind.
        """

    # -- from incoming to blob

    def proves_soon(self, upload: Upload) -> bool:
        """Whether proving it is quick enough for a request to wait for it."""

    async def prove(self, upload: Upload, progress: Progress | None = None) -> Proven:
        """Take a completed upload away from whoever holds links to it, read it back and hash it;
        `progress` is told the bytes read so far, from any thread. Where the store itself enforced
        the digest on every way in, nothing is read. `UploadClosed` where it is not there."""

    async def adopt(self, upload_id: UUID, proven: Proven) -> None:
        """Move proven bytes to their blob key, whole or not at all; `WrongDigest` for any others.

        Where the blob is there already, these bytes take its place, which are the same. Adopting
        again is harmless. The caller sees to it that no `delete` of the same blob runs.
        """

    async def abort(self, upload_id: UUID, handle: str | None = None) -> None:
        """Forget an upload in any state and free its bytes; harmless where there is none."""

    def incoming(self) -> AsyncGenerator[Incoming]:
        """Everything that has not become a blob, in no order."""

    async def clear_copies(self, before: datetime) -> int:
        """Forget what adopting left half-way (its server was killed) and began before then; how
        many were forgotten."""

    # -- blobs

    async def size(self, sha256: str) -> int | None:
        """The size of a stored blob in bytes; None where the store does not hold it."""

    def read(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes from `start` up to `end` (exclusive), in pieces of less than a MiB.

        `BlobMissing` before the first piece where there is no such blob, or later where it is
        shorter than it should be. Close it (`contextlib.aclosing`) where it is not read to its end.
        """

    async def link_downloads(
        self, downloads: Sequence[Download], lifetime: timedelta
    ) -> list[Link]:
        """Links to read these blobs from, in their order."""

    async def delete(self, sha256: str) -> None:
        """Free a blob's bytes; harmless where there are none. The caller sees to it that nothing
        names the blob and that no `adopt` of it runs."""

    def blobs(self) -> AsyncGenerator[StoredBlob]:
        """Every blob in the store, in no order."""


@runtime_checkable
class TakesParts(Protocol):
    """A store whose parts pass through this service, as those of a directory must."""

    async def write_part(
        self, upload_id: UUID, part: Part, chunks: AsyncIterable[bytes]
    ) -> StoredPart:
        """Store one part; it counts only once it is whole, has its digest, and is on the disk.

        Sent twice, in parallel, in any order, or cut off, it does no harm: `WrongSize`,
        `WrongDigest`, `PartClash` and `UploadClosed` leave what was there before.
        """
