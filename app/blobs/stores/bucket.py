"""A bucket of an S3 store: every call that leaves the process is made here, by boto3.

All of it blocks and is called in threads. An answer is a plain value or a fault (`s3_faults.py`):
`NotThere`, `Changed`, or `Unavailable` for all that the caller can do nothing about. Keys are
without the prefix that the operator set.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
import structlog
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session

from app.blobs.stores import s3_rules as rules
from app.blobs.stores.disk import away
from app.blobs.stores.s3_faults import NotThere, code_and_status, told
from app.blobs.stores.s3_seen import Seen, SeenPart, SeenUpload, newest
from app.blobs.stores.workers import Workers
from app.core.problems import Unavailable

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, PaginatorConfigTypeDef

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10  # where no bytes of a file are moved
READ_SECONDS = 60
COPY_SECONDS = 15 * 60  # a store says nothing while it copies
TRIES = 3
ANSWER_TRIES = 2
CONNECTIONS = 64
COPIERS = 4
PLAIN = "application/octet-stream"
Checksums = Literal["when_required", "when_supported"]
Operation = Literal["put_object", "upload_part", "get_object"]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketAddress:
    """Where a bucket is and how one speaks to its store. `public_endpoint` is where clients reach
    it. Without keys, boto3 looks for credentials where it always does."""

    name: str
    prefix: str = ""
    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    addressing: Literal["path", "virtual", "auto"] = "path"
    checksums: Checksums = "when_required"
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """Bytes of an object on their way; `size` is the whole object's."""

    body: "StreamingBody"
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class _Clients:
    """`inside` moves no bytes; `moving` does; `sending` may add checksums of its own; `patient`
    waits for copies; `public` only signs."""

    inside: "S3Client"
    moving: "S3Client"
    sending: "S3Client"
    patient: "S3Client"
    public: "S3Client"
    session: boto3.session.Session


class Bucket:
    """One bucket, and the links to it. Nothing is touched before the first call."""

    def __init__(
        self, address: BucketAddress, *, copy_at_once: int = rules.GIB, page_size: int = 1000
    ) -> None:
        """More than `copy_at_once` bytes are copied in ranges of that size, a few at a time, so
        that no request is silent for too long. The store's own limit is 5 GiB."""
        self.address = address
        self._pages: PaginatorConfigTypeDef = {"PageSize": page_size}
        self.copy_at_once = min(copy_at_once, rules.LARGEST_PART)
        self.stopping = threading.Event()
        self._prefix = f"{address.prefix}/" if address.prefix else ""
        self._making = threading.Lock()
        self._made: _Clients | None = None

    @property
    def _clients(self) -> _Clients:
        if self._made is None:
            with self._making, told("making a client"):
                self._made = self._made or _make_clients(self.address)
        return self._made

    def close(self) -> None:
        """Let go of the connections."""
        made = self._made
        if made is not None:
            for client in (made.inside, made.moving, made.sending, made.patient, made.public):
                client.close()

    def require_going_on(self) -> None:
        """`Unavailable` once the server is about to stop: long work looks here between steps."""
        if self.stopping.is_set():
            raise away("this server is about to stop")

    # -- the bucket itself

    def ensure(self) -> None:
        """Make the bucket where there is none. Only for a process that has never seen it: where a
        bucket went away, an empty one in its place would say that every blob is lost."""
        client, region = self._clients.inside, self.address.region
        with told("making the bucket"):
            try:
                client.head_bucket(Bucket=self.address.name)
            except ClientError as error:
                if code_and_status(error)[1] != 404:
                    raise
                more: dict[str, Any] = {}
                if region != "us-east-1":
                    more["CreateBucketConfiguration"] = {"LocationConstraint": region}
                with suppress(client.exceptions.BucketAlreadyOwnedByYou):
                    client.create_bucket(Bucket=self.address.name, **more)
                log.info("bucket_made", bucket=self.address.name)

    def require(self) -> None:
        """`Unavailable` where the bucket is not there."""
        with told("looking at the bucket", missing=_gone()):
            self._clients.inside.head_bucket(Bucket=self.address.name)

    # -- objects

    def head(self, key: str) -> Seen | None:
        """An object; None where there is none. A bucket that is not there says nothing of keys."""
        try:
            with told("looking at an object"):
                found = self._clients.inside.head_object(**self._named(key))
        except NotThere:
            self.require()
            return None
        return Seen(key, found["ContentLength"], found["ETag"], found["LastModified"])

    def put(self, key: str, body: bytes | bytearray, **conditions: Any) -> str:
        """Store an object whole; its ETag. `conditions` are parameters of PutObject."""
        with told("storing an object"):
            answer = self._clients.sending.put_object(
                **self._named(key),
                Body=body,  # type: ignore[arg-type]
                ContentType=PLAIN,
                **conditions,
            )
        return answer["ETag"]

    def open(
        self, key: str, start: int = 0, end: int | None = None, etag: str | None = None
    ) -> Opened:
        """Begin to read an object from `start` up to `end` (exclusive), or what there is of that.
        `Changed` where it has another ETag, or ends before `start`."""
        wanted: dict[str, Any] = {}
        if start or end is not None:
            wanted["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        if etag is not None:
            wanted["IfMatch"] = etag
        with told("reading an object"):
            answer = self._clients.moving.get_object(**self._named(key), **wanted)
        size, whole = answer["ContentLength"], "ContentRange" not in answer
        if start and whole:
            answer["Body"].close()
            raise away("it does not send parts of an object")
        if not whole:
            size = int(answer["ContentRange"].rpartition("/")[2])
        return Opened(answer["Body"], size, answer["ETag"])

    def read_all(self, key: str) -> bytes:
        """The bytes of a small object."""
        with told("reading an object"), closing(self.open(key).body) as body:
            return body.read()

    def copy(self, source: str, key: str, size: int, etag: str | None = None) -> None:
        """Copy an object inside the store, whole or not at all; `Changed` where it has another ETag
        and the store looks at that."""
        if size > self.copy_at_once:
            self._copy_in_ranges(source, key, size, etag)
            return
        with told("copying an object"):
            self._clients.patient.copy_object(
                **self._named(key),
                **self._from(source, etag),
                MetadataDirective="REPLACE",
                ContentType=PLAIN,
            )

    def _copy_in_ranges(self, source: str, key: str, size: int, etag: str | None) -> None:
        upload_id = self.begin_upload(key)
        try:
            pool = Workers(COPIERS, "copies")
            ranges = enumerate(rules.copy_ranges(size, self.copy_at_once), start=1)
            copies = [
                pool.submit(self.copy_part, source, key, upload_id, number, etag, span)
                for number, span in ranges
            ]
            try:
                parts = [copy.result() for copy in copies]
            finally:
                pool.shutdown(cancel_futures=True)
            self.complete_upload(key, upload_id, parts)
        except BaseException:
            self.abort_upload(key, upload_id)
            raise

    def copy_part(
        self,
        source: str,
        key: str,
        upload_id: str,
        number: int,
        etag: str | None = None,
        span: tuple[int, int] | None = None,
    ) -> SeenPart:
        """Copy an object, or a range of it (end exclusive), as a part of a multipart upload."""
        self.require_going_on()
        wanted = self._from(source, etag)
        if span is not None:
            wanted["CopySourceRange"] = f"bytes={span[0]}-{span[1] - 1}"
        with told("copying a part"):
            answer = self._clients.patient.upload_part_copy(
                **self._named(key), **wanted, UploadId=upload_id, PartNumber=number
            )
        size = 0 if span is None else span[1] - span[0]
        return SeenPart(number, size, answer["CopyPartResult"]["ETag"])

    def _from(self, source: str, etag: str | None) -> dict[str, Any]:
        wanted: dict[str, Any] = {"CopySource": self._named(source)}
        return wanted if etag is None else {**wanted, "CopySourceIfMatch": etag}

    def delete(self, key: str) -> None:
        """Remove an object; harmless where there is none."""
        with suppress(NotThere), told("removing an object"):
            self._clients.inside.delete_object(**self._named(key))

    def objects(self, prefix: str) -> Iterator[list[Seen]]:
        """All objects whose key begins so, a page at a time."""
        pages = self._clients.inside.get_paginator("list_objects_v2").paginate(
            Bucket=self.address.name,
            Prefix=self._prefix + prefix,
            PaginationConfig=self._pages,
        )
        with told("listing objects"):
            for page in pages:
                yield [
                    Seen(self._bare(at["Key"]), at["Size"], at["ETag"], at["LastModified"])
                    for at in page.get("Contents", ())
                ]

    # -- multipart uploads

    def begin_upload(self, key: str, *, part_digests: bool = False) -> str:
        """Open a multipart upload; the store's name for it."""
        more: dict[str, Any] = {"ChecksumAlgorithm": "SHA256"} if part_digests else {}
        with told("opening an upload", missing=_gone()):
            answer = self._clients.inside.create_multipart_upload(
                **self._named(key), ContentType=PLAIN, **more
            )
        return answer["UploadId"]

    def send_part(
        self, key: str, upload_id: str, number: int, body: bytes | bytearray, **conditions: Any
    ) -> SeenPart:
        """Send a part from here. `conditions` are parameters of UploadPart."""
        with told("sending a part"):
            answer = self._clients.moving.upload_part(
                **self._named(key),
                UploadId=upload_id,
                PartNumber=number,
                Body=body,  # type: ignore[arg-type]
                **conditions,
            )
        return SeenPart(number, len(body), answer["ETag"])

    def parts(self, key: str, upload_id: str) -> list[SeenPart]:
        """The parts that have arrived whole, by number; `NotThere` where the upload is not open."""
        pages = self._clients.inside.get_paginator("list_parts").paginate(
            **self._named(key), UploadId=upload_id, PaginationConfig=self._pages
        )
        with told("listing parts"):
            return newest(
                (
                    at["LastModified"],
                    SeenPart(at["PartNumber"], at["Size"], at["ETag"], at.get("ChecksumSHA256")),
                )
                for page in pages
                for at in page.get("Parts", ())
            )

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[SeenPart]) -> None:
        """Make one object of the parts. `Changed` where one of them is another meanwhile. What the
        object's ETag is, `head` tells: not every store says it here."""
        named: list[CompletedPartTypeDef] = []
        for part in parts:
            named.append({"PartNumber": part.number, "ETag": part.etag})
            if part.sha256 is not None:
                named[-1]["ChecksumSHA256"] = part.sha256
        with told("completing an upload"):
            self._clients.patient.complete_multipart_upload(
                **self._named(key), UploadId=upload_id, MultipartUpload={"Parts": named}
            )

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Forget a multipart upload and its parts; harmless where there is none."""
        with suppress(NotThere), told("ending an upload"):
            self._clients.inside.abort_multipart_upload(**self._named(key), UploadId=upload_id)

    def uploads(self, prefix: str) -> Iterator[list[SeenUpload]]:
        """All open multipart uploads whose key begins so, a page at a time."""
        pages = self._clients.inside.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.address.name,
            Prefix=self._prefix + prefix,
            PaginationConfig=self._pages,
        )
        with told("listing uploads"):
            for page in pages:
                yield [
                    SeenUpload(self._bare(at["Key"]), at["UploadId"], at["Initiated"])
                    for at in page.get("Uploads", ())
                ]

    # -- links

    def sign(
        self,
        operation: Operation,
        key: str,
        seconds: int,
        *,
        inside: bool = False,
        **params: object,
    ) -> str:
        """The address of a link: as clients reach it, or as this server does."""
        client = self._clients.inside if inside else self._clients.public
        with told("signing a link"):
            return client.generate_presigned_url(
                operation, Params={**self._named(key), **params}, ExpiresIn=seconds
            )

    def sign_as_of(self, moment: datetime, key: str, seconds: int) -> str:
        """The address of a link, as this server reaches it, that was signed at another time."""
        with told("signing a link"):
            url = self.sign("get_object", key, seconds, inside=True).partition("?")[0]
            credentials = self._clients.session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            request = AWSRequest("GET", url)
            _Auth(credentials, self.address.region, seconds, moment).add_auth(request)
            return str(request.url)

    def follow(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> int:
        """What the store answers to whoever follows a link: the status."""
        ca_file = self.address.ca_file
        with told("following a link"):
            session = URLLib3Session(
                verify=True if ca_file is None else str(ca_file),  # type: ignore[arg-type]
                timeout=ANSWER_SECONDS,
            )
            try:
                request = AWSRequest(method, url, dict(headers or {}), body)
                return int(session.send(request.prepare()).status_code)
            finally:
                session.close()

    def _named(self, key: str) -> Any:
        return {"Bucket": self.address.name, "Key": self._prefix + key}

    def _bare(self, key: str) -> str:
        return key.removeprefix(self._prefix)


def _gone() -> Unavailable:
    return away(rules.reason(rules.NO_BUCKET, 404))


class _Auth(S3SigV4QueryAuth):
    """Signs as of another time than now."""

    def __init__(
        self, credentials: Credentials, region: str, seconds: int, moment: datetime
    ) -> None:
        super().__init__(credentials, "s3", region, expires=seconds)
        self._moment = moment

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        request.context["timestamp"] = self._moment.strftime("%Y%m%dT%H%M%SZ")
        super()._modify_request_before_signing(request)  # type: ignore[misc]


def _make_clients(address: BucketAddress) -> _Clients:
    session = boto3.session.Session(
        aws_access_key_id=address.access_key,
        aws_secret_access_key=address.secret_key,
        region_name=address.region,
    )
    public = address.public_endpoint or address.endpoint
    return _Clients(
        inside=_client(session, address, address.endpoint, ANSWER_SECONDS, tries=ANSWER_TRIES),
        moving=_client(session, address, address.endpoint),
        sending=_client(session, address, address.endpoint, checksums=address.checksums),
        patient=_client(session, address, address.endpoint, read_seconds=COPY_SECONDS),
        public=_client(session, address, public),
        session=session,
    )


def _client(
    session: boto3.session.Session,
    address: BucketAddress,
    endpoint: str | None,
    read_seconds: int = READ_SECONDS,
    *,
    tries: int = TRIES,
    checksums: Checksums = "when_required",
) -> "S3Client":
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": address.addressing},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=CONNECTIONS,
        request_checksum_calculation=checksums,
        response_checksum_validation="when_required",  # what counts is hashed by this service
    )
    ca_file = None if address.ca_file is None else str(address.ca_file)
    return session.client("s3", endpoint_url=endpoint, config=config, verify=ca_file)
