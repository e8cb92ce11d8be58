"""What the signed routes answer."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest

from app.blobs.stores.interface import Upload
from tests.blobs.conftest import Bench, sha256_of
from tests.blobs.serving import MINUTES, local_store, serve

EMPTY = sha256_of(b"")


async def a_part(bench: Bench, body: bytes, **said: str) -> tuple[Upload, object]:
    upload = await bench.store.begin(uuid4(), len(body))
    [link] = await bench.store.link_parts(upload, [replace(upload.parts[0], **said)], MINUTES)  # type: ignore[arg-type]
    return upload, link


def slug(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    return str(document["type"].rpartition("/")[2])


async def test_a_part_is_answered_with_its_digest(local_bench: Bench) -> None:
    _, link = await a_part(local_bench, b"some bytes")
    response = await local_bench.follow(link, content=b"some bytes")
    assert response.status_code == 204
    assert response.headers["etag"] == f'"{sha256_of(b"some bytes")}"'
    assert response.content == b""


async def test_a_part_may_come_chunked(local_bench: Bench) -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in (b"so", b"me ", b"bytes"):
            yield piece

    upload, link = await a_part(local_bench, b"some bytes")
    response = await local_bench.follow(link, content=body())
    assert "content-length" not in response.request.headers
    assert response.status_code == 204
    assert len(await local_bench.store.parts_present(upload)) == 1


async def test_a_part_that_announces_another_length_is_refused_unread(local_bench: Bench) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was asked for")
        yield b""

    _, link = await a_part(local_bench, b"some bytes")
    sent = {"content": never(), "headers": {"Content-Length": "11"}}
    response = await local_bench.follow(link, **sent)
    assert response.status_code == 422
    assert slug(response) == "wrong-size"


async def test_a_part_of_another_size_is_a_422(local_bench: Bench) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"some"

    _, link = await a_part(local_bench, b"some bytes")
    response = await local_bench.follow(link, content=body())
    assert response.status_code == 422
    assert slug(response) == "wrong-size"
    assert "10 bytes were announced and 4 came" in response.json()["detail"]


async def test_a_part_with_another_digest_is_a_422_that_shows_both(local_bench: Bench) -> None:
    _, link = await a_part(local_bench, b"some bytes", sha256=sha256_of(b"some bytes"))
    response = await local_bench.follow(link, content=b"SOME BYTES")
    assert response.status_code == 422
    assert slug(response) == "wrong-digest"
    assert response.json()["expected"] == sha256_of(b"some bytes")
    assert response.json()["found"] == sha256_of(b"SOME BYTES")


async def test_a_part_of_an_upload_that_ended_is_a_409(local_bench: Bench) -> None:
    upload, link = await a_part(local_bench, b"some bytes")
    await local_bench.store.abort(upload.id)
    response = await local_bench.follow(link, content=b"some bytes")
    assert response.status_code == 409
    assert slug(response) == "upload-closed"


async def test_a_file_comes_with_all_that_a_client_needs_to_trust_it(local_bench: Bench) -> None:
    body = b"some weights"
    link = await local_bench.link(body, name="weights.bin", media_type="application/x-model")
    response = await local_bench.follow(link)
    assert response.status_code == 200
    assert response.content == body
    told = response.headers
    assert told["etag"] == f'"{sha256_of(body)}"'
    assert told["content-length"] == str(len(body))
    assert told["content-type"] == "application/x-model"
    assert told["content-disposition"] == 'attachment; filename="weights.bin"'
    assert told["accept-ranges"] == "bytes"
    assert told["x-content-type-options"] == "nosniff"
    assert told["repr-digest"].startswith("sha-256=:")
    assert "no-transform" in told["cache-control"]
    assert "sandbox" in told["content-security-policy"]


async def test_head_tells_the_same_as_get_without_the_bytes(local_bench: Bench) -> None:
    link = await local_bench.link(b"some weights")
    got, looked = await local_bench.follow(link), await local_bench.follow(link, method="HEAD")
    assert looked.status_code == 200
    assert looked.content == b""
    assert looked.headers == got.headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_empty_file_can_be_downloaded(local_bench: Bench, method: str) -> None:
    response = await local_bench.follow(await local_bench.link(b""), method=method)
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["content-length"] == "0"
    assert response.headers["etag"] == f'"{EMPTY}"'


@pytest.mark.parametrize(
    ("wanted", "found", "told"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=0-999", b"0123456789", "bytes 0-9/10"),
    ],
)
async def test_a_range_is_answered_with_its_bytes(
    local_bench: Bench, wanted: str, found: bytes, told: str
) -> None:
    link = await local_bench.link(b"0123456789")
    response = await local_bench.follow(link, headers={"Range": wanted})
    assert response.status_code == 206
    assert response.content == found
    assert response.headers["content-range"] == told
    assert response.headers["content-length"] == str(len(found))
    assert (
        response.headers["repr-digest"] == (await local_bench.follow(link)).headers["repr-digest"]
    )


async def test_several_ranges_are_answered_with_everything(local_bench: Bench) -> None:
    link = await local_bench.link(b"0123456789")
    response = await local_bench.follow(link, headers={"Range": "bytes=0-1,5-6"})
    assert (response.status_code, response.content) == (200, b"0123456789")


async def test_a_range_outside_the_file_is_a_416_that_says_how_long_it_is(
    local_bench: Bench,
) -> None:
    link = await local_bench.link(b"0123456789")
    response = await local_bench.follow(link, headers={"Range": "bytes=10-"})
    assert response.status_code == 416
    assert slug(response) == "range-not-satisfiable"
    assert response.headers["content-range"] == "bytes */10"


async def test_a_download_is_resumed_only_where_the_file_is_the_same(local_bench: Bench) -> None:
    body = b"0123456789"
    link = await local_bench.link(body)
    same = {"Range": "bytes=5-", "If-Range": f'"{sha256_of(body)}"'}
    other = {"Range": "bytes=5-", "If-Range": f'"{EMPTY}"'}
    assert (await local_bench.follow(link, headers=same)).content == b"56789"
    assert (await local_bench.follow(link, headers=other)).content == body


async def test_who_has_the_file_is_told_so(local_bench: Bench) -> None:
    link = await local_bench.link(b"0123456789")
    tag = f'"{sha256_of(b"0123456789")}"'
    response = await local_bench.follow(link, headers={"If-None-Match": tag})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == tag
    refused = await local_bench.follow(link, headers={"If-Match": f'"{EMPTY}"'})
    assert refused.status_code == 412
    assert slug(refused) == "stale-revision"


async def test_a_file_whose_bytes_are_lost_is_a_clear_problem(
    local_bench: Bench, tmp_path: Path
) -> None:
    link = await local_bench.link(b"0123456789")
    [found] = [path for path in (tmp_path / "store" / "blobs").rglob("*") if path.is_file()]
    found.chmod(0o600)
    found.write_bytes(b"01234")
    for method in ("GET", "HEAD"):
        assert (await local_bench.follow(link, method=method)).status_code == 404
    found.unlink()
    assert slug(await local_bench.follow(link)) == "blob-missing"


async def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back(
    local_bench: Bench, tmp_path: Path
) -> None:
    _, to_part = await a_part(local_bench, b"some bytes")
    to_blob = await local_bench.link(b"some bytes")
    (tmp_path / "store").rename(tmp_path / "away")
    for response in (
        await local_bench.follow(to_part, content=b"some bytes"),
        await local_bench.follow(to_blob),
    ):
        assert response.status_code == 503
        assert slug(response) == "unavailable"
        assert int(response.headers["retry-after"]) > 0


async def test_where_the_store_takes_bytes_itself_this_service_does_not(tmp_path: Path) -> None:
    links = local_store(tmp_path / "store")
    upload = Upload(uuid4(), 1, 1)
    [link] = await links.link_parts(upload, upload.parts, MINUTES)
    app = serve(SimpleNamespace(), tmp_path)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        response = await client.put(link.url, content=b"x")
    assert response.status_code == 404
    await links.close()


async def test_the_digest_that_is_told_is_that_of_the_bytes(local_bench: Bench) -> None:
    body = bytes(range(256)) * 10_000
    response = await local_bench.follow(await local_bench.link(body))
    assert hashlib.sha256(response.content).hexdigest() == response.headers["etag"].strip('"')
