"""What the S3 store decides without asking anybody: keys, handles, seals, sizes, and what an
error of the store means."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.blobs.problems import PartsMissing
from app.blobs.stores.interface import Part, Upload
from app.core.problems import InvalidRequest

MIB = 1 << 20
GIB = 1 << 30
LARGEST_PART = 5 * GIB
LARGEST = 5 * 1024 * GIB
MOST_PARTS = 10_000
LISTED = 100
SMALL_PARTS = 1000
LARGER = 8

INCOMING = "incoming/"
PROVING = "proving/"
BLOBS = "blobs/"
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
UNPROVEN_KEY = re.compile(rf"(?:incoming/({ID})|proving/({ID})\.[0-9a-f]+)")
BLOB_KEY = re.compile(r"blobs/[0-9a-f]{2}/[0-9a-f]{2}/([0-9a-f]{64})")
DIGEST = re.compile(r"[0-9a-f]{64}")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


# -- keys


def incoming_key(upload_id: UUID) -> str:
    """Where clients write."""
    return f"{INCOMING}{upload_id}"


def proving_keys(upload_id: UUID) -> str:
    """What the keys of an upload begin with where only the server writes, and each key once."""
    return f"{PROVING}{upload_id}."


def blob_key(sha256: str) -> str:
    """Where proven bytes are. No key is another's folder: some stores keep keys as paths."""
    if not DIGEST.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a digest: 64 lower-case hex characters.")
    return f"{BLOBS}{sha256[:2]}/{sha256[2:4]}/{sha256}"


def upload_of(key: str) -> UUID | None:
    """The upload that a key outside `blobs/` belongs to; None where it is not one of ours."""
    found = UNPROVEN_KEY.fullmatch(key)
    return UUID(found[1] or found[2]) if found else None


def digest_of(key: str) -> str | None:
    """The digest that a blob's key names; None where it is not one of ours."""
    found = BLOB_KEY.fullmatch(key)
    return found[1] if found else None


# -- handles: how the bytes of an upload come in


@dataclass(frozen=True, slots=True)
class OnePut:
    """In one PUT whose link is bound to the digest of the whole, which the store enforces."""

    sha256: str

    def __str__(self) -> str:
        return f"put:{self.sha256}"


@dataclass(frozen=True, slots=True)
class InParts:
    """In a multipart upload of the store; with `digests`, each part's link is bound to its own."""

    id: str
    digests: bool = False

    def __str__(self) -> str:
        return f"parts+sha256:{self.id}" if self.digests else f"parts:{self.id}"


def read_handle(handle: str | None) -> OnePut | InParts | None:
    """What a handle says; None where it is no handle of this store."""
    kind, _, rest = (handle or "").partition(":")
    if kind == "put" and DIGEST.fullmatch(rest):
        return OnePut(rest)
    if kind in ("parts", "parts+sha256") and rest:
        return InParts(rest, kind == "parts+sha256")
    return None


# -- seals: which bytes were proven

ANY = "*"


@dataclass(frozen=True, slots=True)
class Seal:
    """The key of the proven bytes and their ETag, or `*` where the store itself held every way in
    to the digest, so that there are no others to tell them from."""

    key: str
    etag: str

    def __str__(self) -> str:
        return f"{self.key} {self.etag}"


def read_seal(seal: str) -> Seal | None:
    """What a seal says; None where it is no seal of this store."""
    key, separator, etag = seal.partition(" ")
    return Seal(key, etag) if separator and etag and upload_of(key) else None


# -- sizes


def part_size_for(size: int, least: int, most: int) -> int:
    """About a thousand parts, none smaller than `least`, of whole MiB; larger than `most` only
    where there would be more parts than S3 takes."""
    if size > LARGEST:
        raise InvalidRequest(
            f"A file may have {LARGEST} bytes (5 TiB) at most in this store; this one has {size}."
        )
    wished = min(max(_whole(size, 1000), least), most)
    return max(wished, _whole(size, MOST_PARTS))


def _whole(size: int, parts: int) -> int:
    return -(-size // (parts * MIB)) * MIB


def is_long(number: int) -> bool:
    """Whether part `number` of a stream should be a larger one. Only what came makes parts large,
    not what was announced: they are in memory, and announcing costs nothing."""
    return number > SMALL_PARTS


def require_streamable(size: int | None, least: int) -> None:
    """`InvalidRequest` where a stream has more bytes than fit in parts that memory can hold."""
    most = (SMALL_PARTS + LARGER * (MOST_PARTS - SMALL_PARTS)) * least
    if size is not None and size > most:
        raise too_long()


def stream_room(size: int | None, least: int) -> int:
    """The memory that a stream may need at once while its parts are small."""
    return 2 * least if size is None else min(size, 2 * least)


def too_long() -> InvalidRequest:
    """A stream cannot be taken in one."""
    return InvalidRequest(
        "This is more than the store takes in one stream. Send the file as an upload in parts."
    )


def copy_ranges(size: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Ranges (end exclusive) that cover an object, each small enough to be copied in one go."""
    step = max(at_once, -(-size // MOST_PARTS))
    for start in range(0, size, step):
        yield start, min(start + step, size)


# -- parts


def require_all(upload: Upload, there: Sequence[tuple[int, int]]) -> None:
    """`PartsMissing` where not every part is there (number and size) whole."""
    found = set(there)
    missing = [part.number for part in upload.parts if (part.number, part.size) not in found]
    if missing:
        raise parts_missing(upload.parts, missing)


def parts_missing(parts: Sequence[Part], missing: Sequence[int]) -> PartsMissing:
    """These numbers have not arrived whole."""
    shown = ", ".join(map(str, missing[:LISTED])) + (" …" if len(missing) > LISTED else "")
    return PartsMissing(
        f"Of {len(parts)} parts, {len(missing)} have not arrived whole: {shown}. Ask for the "
        "upload again to get links to them, send them, then complete it.",
        extra={"missing": list(missing[:LISTED])},
    )


def in_base64(sha256: str) -> str:
    """A digest as S3's headers carry it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


# -- what an error of the store means

NOT_THERE = frozenset({"NoSuchKey", "NoSuchUpload", "NotFound"})
CHANGED = frozenset({"PreconditionFailed", "InvalidPart", "InvalidRange", "BadDigest"})
NO_BUCKET = "NoSuchBucket"
FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "NotEnoughSpace"})
OPERATORS = {
    401: "it refused this server's credentials",
    403: "it refused this server: its credentials, their rights, or the clock are wrong",
}


def is_missing(code: str, status: int) -> bool:
    """Whether the answer says that the key or the upload is not there."""
    return code in NOT_THERE or (status == 404 and code != NO_BUCKET)


def is_changed(code: str, status: int) -> bool:
    """Whether the answer says that the bytes are not those that were meant."""
    return status == 412 or code in CHANGED


def is_final(code: str, status: int) -> bool:
    """Whether the answer would be the same the next time."""
    if code == "RequestTimeout" or status in (408, 429):
        return False
    return 400 <= status < 500 or status == 501


CANNOT_REACH = "it cannot be reached, or did not answer in time"


def reason(code: str, status: int) -> str:
    """Why the store cannot be used, for whoever waits for it."""
    if code == NO_BUCKET:
        return "its bucket is not there"
    if status in (429, 503) or code == "SlowDown":
        return "it asks to be spared for a while"
    return OPERATORS.get(status, f"it answered {status} {code}".strip())
