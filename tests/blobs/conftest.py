"""A store of each kind, empty, and a way to follow its links."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from app.blobs.stores.interface import BlobStore, Download, Link, Part, Proven, Upload
from app.blobs.stores.local import LocalStore
from tests.blobs.serving import MINUTES, local_store, serve

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


async def in_chunks(body: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def sha256_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


STORES: dict[str, Callable[[Path], BlobStore]] = {"local": local_store}


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalStore]:
    store = local_store(tmp_path / "store")
    await store.prepare()
    yield store
    await store.close()


@pytest.fixture
async def local_bench(local: LocalStore, tmp_path: Path) -> AsyncIterator[Bench]:
    async with _bench(local, tmp_path) as bench:
        yield bench


@pytest.fixture(params=STORES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    store = STORES[request.param](tmp_path / "store")
    await store.prepare()
    async with _bench(store, tmp_path) as bench:
        yield bench
    await store.close()


@asynccontextmanager
async def _bench(store: BlobStore, tmp_path: Path) -> AsyncIterator[Bench]:
    transport = httpx.ASGITransport(serve(store, tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def follow(link: Link, **sent: object) -> httpx.Response:
            method = sent.pop("method", link.method)
            headers = {**link.headers, **sent.pop("headers", {})}  # type: ignore[dict-item]
            return await client.request(method, link.url, headers=headers, **sent)  # type: ignore[arg-type]

        yield Bench(store, follow)
