"""`incoming/` and `proving/` of the S3 store: bytes that have not become a blob yet.

Everything here blocks and is called in threads.
"""

import base64
import hashlib
import secrets
import threading
from uuid import UUID

from app.blobs.problems import WrongDigest
from app.blobs.stores import s3_rules as rules
from app.blobs.stores.bucket import Bucket
from app.blobs.stores.disk import BLOCK, away
from app.blobs.stores.incoming import closed
from app.blobs.stores.interface import Progress, Proven, StoredPart, Upload
from app.blobs.stores.s3_faults import Changed, NotThere
from app.blobs.stores.s3_reading import Reading
from app.blobs.stores.s3_rules import ANY, InParts, OnePut, Seal, incoming_key
from app.blobs.stores.s3_traits import Traits
from app.core.problems import Unavailable

COMPLETIONS = 3


def way_of(upload: Upload) -> OnePut | InParts:
    """How its bytes come in; `UploadClosed` where another store began it."""
    way = rules.read_handle(upload.handle)
    if way is None:
        raise closed()
    return way


def parts_present(bucket: Bucket, upload: Upload) -> list[StoredPart]:
    """The parts that have arrived whole, by number."""
    key, way = incoming_key(upload.id), way_of(upload)
    if isinstance(way, OnePut):
        seen = bucket.head(key)
        there = seen is not None and seen.size == upload.size
        return [StoredPart(1, upload.size, way.sha256)] if there else []
    try:
        parts = bucket.parts(key, way.id)
    except NotThere:
        raise closed() from None
    if bucket.head(key) is not None:  # some stores go on listing the parts of a whole object
        raise closed()
    return [StoredPart(part.number, part.size, _in_hex(part.sha256)) for part in parts]


def _in_hex(sha256: str | None) -> str | None:
    return None if sha256 is None else base64.b64decode(sha256).hex()


def forget(bucket: Bucket, upload: Upload) -> None:
    """End the multipart upload that this handle names, and nothing else."""
    way = rules.read_handle(upload.handle)
    if isinstance(way, InParts):
        bucket.abort_upload(incoming_key(upload.id), way.id)


def complete(bucket: Bucket, upload: Upload) -> None:
    """Make one object of the parts, once every one is there. What is whole already stays as it is:
    it may have been proven, and one more completion could put other bytes in its place."""
    key, way = incoming_key(upload.id), way_of(upload)
    if isinstance(way, OnePut):
        seen = bucket.head(key)
        rules.require_all(upload, [] if seen is None else [(1, seen.size)])
        return
    for _ in range(COMPLETIONS):
        seen = bucket.head(key)
        if seen is not None and seen.size == upload.size:
            return
        try:
            parts = bucket.parts(key, way.id)
            rules.require_all(upload, [(part.number, part.size) for part in parts])
            bucket.complete_upload(key, way.id, parts[: len(upload.parts)])
        except Changed:  # a part was sent again in between
            continue
        except NotThere:
            if not _is_whole(bucket, upload):
                raise closed() from None
        return
    raise away("parts of the upload changed again and again")


def _is_whole(bucket: Bucket, upload: Upload) -> bool:
    seen = bucket.head(incoming_key(upload.id))
    if seen is not None:
        return seen.size == upload.size
    return bool(_taken(bucket, upload.id))


def prove(
    bucket: Bucket,
    traits: Traits,
    upload: Upload,
    progress: Progress | None,
    stop: threading.Event,
) -> Proven:
    """The size and digest of a completed upload's bytes, where no link can change them any more.

    Where they are there but cannot be read to their end, however often that is tried (a client
    spoiled them through an old link, or the store lost some), it is `Unavailable` each time.
    """
    way = way_of(upload)
    if isinstance(way, OnePut):
        seen = bucket.head(incoming_key(upload.id))
        if seen is None or seen.size != upload.size:
            raise closed()
        return Proven(seen.size, way.sha256, str(Seal(seen.key, ANY)))
    try:
        key = _fixed(bucket, traits, upload.id)
        return read_back(bucket, key, progress, stop)
    except NotThere:
        raise closed() from None
    except Changed:
        raise away("bytes changed while they were copied") from None


def read_back(bucket: Bucket, key: str, progress: Progress | None, stop: threading.Event) -> Proven:
    """Read an object and hash it, until `stop` is set."""
    hasher, done = hashlib.sha256(), 0
    reading = Reading(bucket, key)
    try:
        while not stop.is_set() and (block := reading.read(BLOCK)):
            hasher.update(block)
            done += len(block)
            if progress is not None:
                progress(done)
    except Changed:
        raise away("bytes changed while they were read") from None
    finally:
        reading.close()
    if done != reading.size:
        raise away("reading was stopped")
    return Proven(done, hasher.hexdigest(), str(Seal(key, reading.etag)))


def _fixed(bucket: Bucket, traits: Traits, upload_id: UUID) -> str:
    """The key of a completed upload's bytes where no link reaches them; `NotThere` without any.

    Some stores take parts of an upload that was completed, and change the object with them. There
    the bytes are copied away first, each time to a new key: what was copied once stays as it is,
    also where two servers do this at once.
    """
    key = incoming_key(upload_id)
    if traits.closes_uploads and bucket.head(key) is not None:
        return key
    try:
        taken = _taken(bucket, upload_id) or [_take_away(bucket, upload_id)]
    except NotThere:  # taken away by somebody who was faster
        taken = _taken(bucket, upload_id)
        if not taken:
            raise
    bucket.delete(key)
    return taken[0]


def _take_away(bucket: Bucket, upload_id: UUID) -> str:
    seen = bucket.head(incoming_key(upload_id))
    if seen is None:
        raise NotThere(upload_id)
    key = f"{rules.proving_keys(upload_id)}{secrets.token_hex(8)}"
    bucket.copy(seen.key, key, seen.size)
    return key


def _taken(bucket: Bucket, upload_id: UUID) -> list[str]:
    pages = bucket.objects(rules.proving_keys(upload_id))
    return sorted(seen.key for page in pages for seen in page)


def adopt(bucket: Bucket, traits: Traits, upload_id: UUID, proven: Proven) -> None:
    """Copy proven bytes to their blob key, also where the blob is there already: it mends one that
    was damaged, and how long it takes tells nobody what the store holds."""
    seal = rules.read_seal(proven.seal)
    try:
        if seal is None:
            raise NotThere(proven.seal)
        if rules.upload_of(seal.key) != upload_id:
            raise Changed(proven.seal)
        _copy_in(bucket, traits, seal, proven)
    except Changed:
        raise WrongDigest("The bytes changed after they were proven. Send them again.") from None
    except (NotThere, Unavailable) as fault:
        if not _is_adopted(bucket, seal, proven):
            raise closed() if isinstance(fault, NotThere) else fault from None
    _forget(bucket, upload_id, taken=seal is not None and seal.key != incoming_key(upload_id))


def _copy_in(bucket: Bucket, traits: Traits, seal: Seal, proven: Proven) -> None:
    key = rules.blob_key(proven.sha256)
    if proven.size == 0:
        bucket.put(key, b"")
        return
    etag = None if seal.etag == ANY else seal.etag
    at_once = traits.copies_only_unchanged and proven.size <= bucket.copy_at_once
    if etag is None or not at_once:
        seen = bucket.head(seal.key)
        if seen is None:
            raise NotThere(seal.key)
        if seen.size != proven.size or etag not in (None, seen.etag):
            raise Changed(seal.key)
    bucket.copy(seal.key, key, proven.size, etag)
    copied = bucket.head(key)
    if copied is None or copied.size != proven.size:
        raise away("it copied other bytes than it was asked to")


def _is_adopted(bucket: Bucket, seal: Seal | None, proven: Proven) -> bool:
    """Whether somebody else adopted it, or this server before it was killed: the bytes are gone
    from where they were proven, and the blob is there."""
    if seal is not None and bucket.head(seal.key) is not None:
        return False
    blob = bucket.head(rules.blob_key(proven.sha256))
    return blob is not None and blob.size == proven.size


def _forget(bucket: Bucket, upload_id: UUID, *, taken: bool = True) -> None:
    bucket.delete(incoming_key(upload_id))
    for key in _taken(bucket, upload_id) if taken else ():
        bucket.delete(key)


def abort(bucket: Bucket, upload_id: UUID, handle: str | None) -> None:
    """End an upload in any state. Without a handle, all multipart uploads of its key are ended."""
    key, way = incoming_key(upload_id), rules.read_handle(handle)
    if isinstance(way, InParts):
        bucket.abort_upload(key, way.id)
    elif way is None:
        for page in bucket.uploads(key):
            for found in page:
                if found.key == key:
                    bucket.abort_upload(key, found.id)
    _forget(bucket, upload_id)
