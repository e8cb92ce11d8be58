"""A store of each kind, empty, and a way to follow its links."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from app.blobs.stores.bucket import Bucket, BucketAddress
from app.blobs.stores.interface import BlobStore, Download, Link, Part, Proven, Upload
from app.blobs.stores.local import LocalStore
from app.blobs.stores.s3 import LIMITS, S3Store
from app.blobs.stores.s3_limits import Limits
from app.blobs.stores.s3_probe import probe
from app.blobs.stores.s3_traits import Traits
from tests.blobs.serving import MINUTES, local_store, serve
from tests.s3.server import S3Server

S3_PART_SIZE = 5 * 1024 * 1024  # the least that S3 takes for a part that is not the last
Follow = Callable[..., Awaitable[httpx.Response]]


@dataclass
class Bench:
    """A store under test, and what a client does with the links that it hands out."""

    store: BlobStore
    follow: Follow

    async def send(self, upload: Upload, part: Part, body: bytes) -> httpx.Response:
        [link] = await self.store.link_parts(upload, [part], MINUTES)
        return await self.follow(link, content=body)

    async def keep(self, body: bytes) -> Proven:
        """A blob with these bytes, streamed in and adopted."""
        upload_id = uuid4()
        proven = await self.store.receive(upload_id, in_chunks(body))
        await self.store.adopt(upload_id, proven)
        return proven

    async def link(self, body: bytes, name: str = "model.bin", media_type: str = "a/b") -> Link:
        """A link to a stored blob."""
        proven = await self.keep(body)
        download = Download(proven.sha256, proven.size, name, media_type)
        [link] = await self.store.link_downloads([download], MINUTES)
        return link

    async def incoming(self) -> set[UUID]:
        return {found.id async for found in self.store.incoming()}

    async def blobs(self) -> dict[str, int]:
        return {found.sha256: found.size async for found in self.store.blobs()}

    async def content(self, sha256: str) -> bytes:
        return b"".join([piece async for piece in self.store.read(sha256)])


@dataclass
class S3Bench(Bench):
    """The same in a bucket of S3, which can be looked into."""

    store: S3Store
    bucket: Bucket


async def in_chunks(body: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def sha256_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalStore]:
    store = local_store(tmp_path / "store")
    await store.prepare()
    yield store
    await store.close()


@pytest.fixture
async def local_bench(local: LocalStore, tmp_path: Path) -> AsyncIterator[Bench]:
    async with through_this_service(local, tmp_path) as bench:
        yield bench


@pytest.fixture(scope="session")
def s3_address(s3_server: S3Server) -> BucketAddress:
    """A bucket for this process; each store has a prefix of its own in it."""
    return BucketAddress(
        name=s3_server.new_bucket(),
        endpoint=s3_server.endpoint,
        region=s3_server.region,
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
    )


@pytest.fixture(scope="session")
def s3_traits(s3_address: BucketAddress) -> Iterator[Traits]:
    """What the S3 server does, found out once."""
    bucket = Bucket(s3_address)
    yield probe(bucket)
    bucket.close()


@pytest.fixture
async def s3_bench(s3_address: BucketAddress, s3_traits: Traits) -> AsyncIterator[S3Bench]:
    bucket = Bucket(replace(s3_address, prefix=f"stores/{uuid4().hex}"))
    async with past_this_service(bucket, s3_traits) as bench:
        yield bench


@pytest.fixture(params=["local", "s3"])
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.getfixturevalue(f"{request.param}_bench")
    return found


@asynccontextmanager
async def through_this_service(store: BlobStore, data_dir: Path) -> AsyncIterator[Bench]:
    """A bench whose links are answered by the room's own routes."""
    transport = httpx.ASGITransport(serve(store, data_dir))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Bench(store, _follower(client))


@asynccontextmanager
async def past_this_service(
    bucket: Bucket, traits: Traits | None = None, limits: Limits = LIMITS
) -> AsyncIterator[S3Bench]:
    """A bench whose links lead to the S3 server, over HTTP."""
    store = S3Store(
        bucket,
        part_size=S3_PART_SIZE,
        stream_part_size=S3_PART_SIZE,
        traits=traits,
        limits=limits,
    )
    await store.prepare()
    async with httpx.AsyncClient(timeout=60) as client:
        yield S3Bench(store, _follower(client), bucket)
    await store.close()


def _follower(client: httpx.AsyncClient) -> Follow:
    async def follow(link: Link, **sent: object) -> httpx.Response:
        method = sent.pop("method", link.method)
        headers = {**link.headers, **sent.pop("headers", {})}  # type: ignore[dict-item]
        return await client.request(method, link.url, headers=headers, **sent)  # type: ignore[arg-type]

    return follow
