"""Finding out, with small objects, what a store enforces. It blocks and is called in threads."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from app.blobs.stores import s3_rules as rules
from app.blobs.stores.bucket import Bucket
from app.blobs.stores.disk import away
from app.blobs.stores.s3_faults import Changed, NotThere, Refused
from app.blobs.stores.s3_stream import in_md5
from app.blobs.stores.s3_traits import Traits

SECONDS = 60
SIZE = 32
NOT_NOW = frozenset({408, 429, 500, 502, 503, 504})  # says nothing about what the store does


def probe(bucket: Bucket) -> Traits:
    """What the store does. `Unavailable` where it is away; what it is asked with is removed."""
    asked = _Probe(bucket)
    try:
        return _asked(asked)
    except (NotThere, Changed) as fault:  # somebody else is at it, or it is no S3 store
        raise away("it does not answer as an S3 store does") from fault
    finally:
        asked.clear()


def _asked(asked: "_Probe") -> Traits:
    asked.written()  # what keeps even that from working is no trait
    return Traits(
        takes_links=asked.takes_links(),
        refuses_altered_links=asked.refuses_altered_links(),
        refuses_expired_links=asked.refuses_expired_links(),
        refuses_other_sizes=asked.refuses_other_sizes(),
        refuses_copies_through_links=asked.refuses_copies_through_links(),
        copies=asked.copies(),
        refuses_wrong_digests=asked.refuses_wrong_digests(),
        refuses_wrong_part_digests=asked.refuses_wrong_part_digests(),
        refuses_wrong_md5=asked.refuses_wrong_md5(),
        closes_uploads=asked.closes_uploads(),
        copies_only_unchanged=asked.copies_only_unchanged(),
        puts_conditionally=asked.puts_conditionally(),
    )


class _Probe:
    """One round of questions, under keys of its own."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket, self._id = bucket, uuid4()
        self._right, self._wrong = secrets.token_bytes(SIZE), secrets.token_bytes(SIZE)
        self._keys: list[str] = []
        self._uploads: list[tuple[str, str]] = []

    def clear(self) -> None:
        """Take away all that was written."""
        for key, upload_id in self._uploads:
            self._bucket.abort_upload(key, upload_id)
        for key in self._keys:
            self._bucket.delete(key)

    def takes_links(self) -> bool:
        key = self._new_key()
        return self._takes("PUT", self._link(key), self._right) and self._holds(key, self._right)

    def refuses_altered_links(self) -> bool:
        key, other = self._new_key(), self._new_key()
        link = self._link(key)
        altered = link[:-1] + ("0" if link[-1] != "0" else "1")  # the signature is at the end
        return (
            not self._takes("PUT", altered, self._right)
            and not self._takes("PUT", link.replace(key, other), self._right)
            and not self._takes("PUT", link.partition("?")[0], self._right)
            and self._takes("PUT", link, self._right)
            and not self._takes("GET", link)
            and not self._takes("GET", link.partition("?")[0])
        )

    def refuses_expired_links(self) -> bool:
        key, now = self.written(), datetime.now(UTC)
        fresh, old = (
            self._bucket.sign_as_of(signed_at, key, SECONDS)
            for signed_at in (now, now - timedelta(days=1))
        )
        return self._takes("GET", fresh) and not self._takes("GET", old)

    def refuses_other_sizes(self) -> bool:
        key = self._new_key()
        bodies = (b"", self._right[1:], self._right + b"x")
        return not any(self._takes("PUT", self._link(key), body) for body in bodies)

    def refuses_copies_through_links(self) -> bool:
        key = self._new_key()
        upload_id = self._begin(key)
        link = self._link_part(key, upload_id)
        return not self._takes("PUT", link, self._right, self._copying())

    def _copying(self) -> dict[str, str]:
        """Headers that make an upload a copy, where a store heeds those that were not signed."""
        address, source = self._bucket.address, self.written()
        path = f"{address.prefix}/{source}" if address.prefix else source
        return {"x-amz-copy-source": f"/{address.name}/{path}"}

    def copies(self) -> bool:
        source, whole, in_parts = self.written(), self._new_key(), self._new_key()
        try:
            self._bucket.copy(source, whole, SIZE)
            upload_id = self._begin(in_parts)
            part = self._bucket.copy_part(source, in_parts, upload_id, 1)
            self._bucket.complete_upload(in_parts, upload_id, [part])
        except (NotThere, Changed, Refused):
            return False
        return self._holds(whole, self._right) and self._holds(in_parts, self._right)

    def refuses_wrong_digests(self) -> bool:
        key = self._new_key()
        link = self._link(key, ChecksumSHA256=_digest(self._right))
        return self._is_bound(link) and self._holds(key, self._right)

    def refuses_wrong_part_digests(self) -> bool:
        key = self._new_key()
        try:
            upload_id = self._begin(key, part_digests=True)
        except Refused:
            return False
        link = self._link_part(key, upload_id, ChecksumSHA256=_digest(self._right))
        if not self._is_bound(link):
            return False
        try:
            self._bucket.complete_upload(key, upload_id, self._bucket.parts(key, upload_id))
        except Refused:  # it wants the digests told again, and does not list them (SeaweedFS)
            return False
        return self._holds(key, self._right)

    def _is_bound(self, link: str) -> bool:
        """Whether a link takes the bytes whose digest it was signed with, and no others."""
        right, wrong = _checksum(self._right), _checksum(self._wrong)
        return (
            self._takes("PUT", link, self._right, right)
            and not self._takes("PUT", link, self._wrong, right)
            and not self._takes("PUT", link, self._wrong, wrong)
            and not self._takes("PUT", link, self._wrong)
            and not self._takes("PUT", link, self._right, {**right, **self._copying()})
        )

    def refuses_wrong_md5(self) -> bool:
        key = self._new_key()
        self._bucket.put(key, self._right, ContentMD5=in_md5(self._right))
        return self._is_refused(key, ContentMD5=in_md5(self._right))

    def closes_uploads(self) -> bool:
        key = self._new_key()
        upload_id = self._begin(key)
        part = self._bucket.send_part(key, upload_id, 1, self._right)
        self._bucket.complete_upload(key, upload_id, [part])
        try:
            self._bucket.send_part(key, upload_id, 1, self._wrong)
        except (NotThere, Changed, Refused):
            return self._holds(key, self._right)
        return False

    def copies_only_unchanged(self) -> bool:
        source, other, key = self.written(), self._new_key(), self._new_key()
        etag = self._bucket.put(other, self._wrong)
        try:
            self._bucket.copy(source, key, SIZE, etag)
        except Changed:
            return True
        except Refused:
            return False
        return False

    def puts_conditionally(self) -> bool:
        return self._is_refused(self.written(), IfNoneMatch="*")

    def _is_refused(self, key: str, **conditions: str) -> bool:
        """Whether other bytes are refused under a condition that does not hold."""
        try:
            self._bucket.put(key, self._wrong, **conditions)
        except (Changed, Refused):
            return self._holds(key, self._right)
        return False

    def _new_key(self) -> str:
        self._keys.append(f"{rules.proving_keys(self._id)}{secrets.token_hex(8)}")
        return self._keys[-1]

    def written(self) -> str:
        """The key of an object that was stored without a link."""
        key = self._new_key()
        self._bucket.put(key, self._right)
        return key

    def _begin(self, key: str, *, part_digests: bool = False) -> str:
        upload_id = self._bucket.begin_upload(key, part_digests=part_digests)
        self._uploads.append((key, upload_id))
        return upload_id

    def _link(self, key: str, **params: object) -> str:
        return self._bucket.sign(
            "put_object", key, SECONDS, inside=True, ContentLength=SIZE, **params
        )

    def _link_part(self, key: str, upload_id: str, **params: object) -> str:
        return self._bucket.sign(
            "upload_part",
            key,
            SECONDS,
            inside=True,
            UploadId=upload_id,
            PartNumber=1,
            ContentLength=SIZE,
            **params,
        )

    def _takes(
        self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> bool:
        self._bucket.require_going_on()
        status = self._bucket.follow(method, url, headers, body)
        if status in NOT_NOW:
            raise away(rules.reason("", status))
        return 200 <= status < 300

    def _holds(self, key: str, body: bytes) -> bool:
        return self._bucket.read_all(key) == body


def _digest(body: bytes) -> str:
    return rules.in_base64(hashlib.sha256(body).hexdigest())


def _checksum(body: bytes) -> dict[str, str]:
    return {"x-amz-checksum-sha256": _digest(body)}
