"""Links that the S3 store signs: each for one method and one key, for minutes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from app.blobs.rules import attachment, media_type
from app.blobs.stores import s3_rules as rules
from app.blobs.stores.bucket import Bucket, Operation
from app.blobs.stores.interface import Download, Link, Part
from app.blobs.stores.s3_rules import InParts, OnePut


class S3Links:
    """Makes links to a bucket. It may have to look for credentials, and is called in threads."""

    def __init__(self, bucket: Bucket) -> None:
        """Nothing is touched before the first link."""
        self._bucket = bucket

    def to_part(
        self, upload_id: UUID, way: OnePut | InParts, part: Part, lifetime: timedelta
    ) -> Link:
        """Where to PUT one part of an upload: of its exact size, and of its digest where the store
        was seen to hold to that."""
        params: dict[str, Any] = {"ContentLength": part.size}
        headers: dict[str, str] = {}
        if (sha256 := _enforced(way, part)) is not None:
            headers["x-amz-checksum-sha256"] = rules.in_base64(sha256)
            params["ChecksumSHA256"] = rules.in_base64(sha256)
        operation: Operation = "put_object"
        if isinstance(way, InParts):
            operation = "upload_part"
            params |= {"UploadId": way.id, "PartNumber": part.number}
        key = rules.incoming_key(upload_id)
        return self._link("PUT", operation, key, lifetime, params, headers)

    def to_blob(self, download: Download, lifetime: timedelta) -> Link:
        """Where to GET one blob, under a file's name and media type."""
        params = {
            "ResponseContentDisposition": attachment(download.name),
            "ResponseContentType": media_type(download.media_type),
            "ResponseCacheControl": "private, no-transform",
        }
        return self._link("GET", "get_object", rules.blob_key(download.sha256), lifetime, params)

    def _link(
        self,
        method: Literal["GET", "PUT"],
        operation: Operation,
        key: str,
        lifetime: timedelta,
        params: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> Link:
        expires_at = (datetime.now(UTC) + lifetime).replace(microsecond=0)
        seconds = max(int(lifetime.total_seconds()), 1)
        url = self._bucket.sign(operation, key, seconds, **params)
        return Link(method, url, headers or {}, expires_at)


def _enforced(way: OnePut | InParts, part: Part) -> str | None:
    if part.size == 0:
        return None  # the size says it all
    if isinstance(way, OnePut):
        return way.sha256
    return part.sha256 if way.digests else None
