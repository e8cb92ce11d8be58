"""What the S3 store answers while the S3 server is away, slow, or breaks off."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from app.blobs.problems import BlobMissing
from app.blobs.stores.bucket import Bucket, BucketAddress
from app.blobs.stores.interface import Download
from app.blobs.stores.s3 import CALLS
from app.blobs.stores.s3_limits import Limits
from app.blobs.stores.s3_traits import Traits
from app.core.problems import Unavailable
from tests.blobs.conftest import S3_PART_SIZE, S3Bench, past_this_service, sha256_of
from tests.blobs.test_s3_store import keys, open_uploads
from tests.blobs.test_store_contract import finished, sent, some_bytes
from tests.s3.faults import CutWhileAnswering, Held, Refused
from tests.s3.proxy import Proxy
from tests.s3.server import S3Server
from tests.waiting import SECONDS, eventually

LEAVING = """
import asyncio, sys
from datetime import timedelta
from app.blobs.stores import bucket
from app.blobs.stores.s3 import S3Store
from app.blobs.stores.s3 import CALLS
from app.blobs.stores.s3_limits import Limits

bucket.ANSWER_SECONDS = 3600

async def leave():
    address = bucket.BucketAddress(
        name=sys.argv[2], endpoint=sys.argv[1], access_key="key", secret_key="secret"
    )
    store = S3Store(bucket.Bucket(address), limits=Limits(call_seconds=1, close_seconds=0.1))
    asking = asyncio.ensure_future(store.size("0" * 64))
    await asyncio.wait([asking])
    await store.close()
    print("left it", asking.exception())

asyncio.run(leave())
"""
SECRET = "a-secret-that-is-wrong"


@pytest.fixture
def proxy(s3_server: S3Server) -> AsyncIterator[Proxy]:
    with Proxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def address(proxy: Proxy, s3_address: BucketAddress) -> BucketAddress:
    return replace(s3_address, endpoint=proxy.endpoint, prefix=f"stores/{uuid4().hex}")


@pytest.fixture
async def behind(address: BucketAddress, s3_traits: Traits) -> AsyncIterator[S3Bench]:
    """A store behind the proxy."""
    async with past_this_service(Bucket(address, copy_at_once=S3_PART_SIZE), s3_traits) as bench:
        yield bench


async def test_a_store_that_is_away_is_unavailable_for_now(proxy: Proxy, behind: S3Bench) -> None:
    upload = await sent(behind, b"bytes")
    with proxy.down():
        for call in (
            behind.store.check(),
            behind.store.begin(uuid4(), 5),
            behind.store.complete(upload),
            behind.store.size("0" * 64),
            behind.incoming(),
        ):
            with pytest.raises(Unavailable) as refused:
                await call
            assert refused.value.retry_after
    assert (await finished(behind, upload)).sha256 == sha256_of(b"bytes")


async def test_a_server_starts_while_its_store_is_away_and_finds_it_later(
    proxy: Proxy, address: BucketAddress
) -> None:
    with proxy.down():
        async with past_this_service(Bucket(address)) as bench:
            with pytest.raises(Unavailable):
                await bench.store.begin(uuid4(), 5)
    async with past_this_service(Bucket(address)) as bench:
        with proxy.down(), pytest.raises(Unavailable):
            await bench.store.begin(uuid4(), 5)
        upload = await bench.store.begin(uuid4(), 5)
        await bench.store.abort(upload.id, upload.handle)


@pytest.mark.parametrize(
    "fault", [Refused(), Refused(500, "InternalError"), Refused(507, "InsufficientStorage")]
)
async def test_a_store_that_refuses_is_unavailable_for_now(
    proxy: Proxy, behind: S3Bench, fault: Refused
) -> None:
    with proxy.failing(fault), pytest.raises(Unavailable) as refused:
        await behind.store.receive(uuid4(), _chunks(b"bytes"))
    assert refused.value.retry_after
    await behind.keep(b"bytes")


async def test_a_store_that_refuses_once_is_asked_again(proxy: Proxy, behind: S3Bench) -> None:
    with proxy.failing(Refused(), times=1):
        assert await behind.store.size("0" * 64) is None


async def test_wrong_credentials_are_for_the_operator_and_not_told(
    s3_address: BucketAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    async with past_this_service(Bucket(replace(s3_address, secret_key=SECRET))) as bench:
        for call in (bench.store.check(), bench.store.begin(uuid4(), 5), bench.store.probe()):
            with pytest.raises(Unavailable, match="refused this server") as refused:
                await call
            assert SECRET not in str(refused.value.detail)
    said = capsys.readouterr()
    assert "blob_store_fault" in said.out + said.err
    assert SECRET not in said.out + said.err


async def test_a_look_that_breaks_off_is_unavailable_for_now(proxy: Proxy, behind: S3Bench) -> None:
    for fault in (CutWhileAnswering(10), Refused(404, "NoSuchKey")):
        with proxy.failing(fault, "GET", "proving/"):
            for look in (behind.store.check(), behind.store.probe()):
                with pytest.raises(Unavailable):
                    await look


async def test_a_silent_store_holds_up_nothing_that_needs_none(
    proxy: Proxy, behind: S3Bench
) -> None:
    download = Download("0" * 64, 5, "model.bin", "a/b")

    async def are_struck() -> bool:
        return len(proxy.struck) >= CALLS

    with proxy.failing(Held(), "HEAD"):
        asked = [asyncio.ensure_future(behind.store.size("0" * 64)) for _ in range(2 * CALLS)]
        await eventually(are_struck, what="as many calls as there are threads for")
        assert len(await behind.store.link_downloads([download], timedelta(minutes=1))) == 1
        assert not any(size.done() for size in asked)
    # those that were held for longer than a request waits are told so
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {type(None), Unavailable}


async def test_whoever_asks_a_silent_store_is_told_in_time(
    proxy: Proxy, address: BucketAddress, s3_traits: Traits
) -> None:
    limits = Limits(call_seconds=1)
    async with past_this_service(Bucket(address), s3_traits, limits) as bench:
        with proxy.failing(Held(), "HEAD"):
            asked = [bench.store.size("0" * 64) for _ in range(50)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}


def test_a_process_ends_while_its_store_is_silent(
    proxy: Proxy, address: BucketAddress, s3_traits: Traits
) -> None:
    with proxy.failing(Held(), "HEAD"):
        ended = subprocess.run(
            [sys.executable, "-c", LEAVING, address.endpoint, address.name],
            timeout=SECONDS,
            check=True,
            capture_output=True,
            text=True,
        )
        assert proxy.struck
        assert "left it" in ended.stdout


def test_what_a_link_was_signed_with_is_not_told(
    s3_address: BucketAddress, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        bucket = Bucket(replace(s3_address, endpoint=endpoint))
        link = bucket.sign("get_object", "blobs/x", 60, inside=True)
        with pytest.raises(Unavailable) as refused:
            bucket.follow("GET", link)
        bucket.close()
    assert "X-Amz-Signature" in link
    said = capsys.readouterr()
    assert "blob_store_fault" in said.out + said.err
    assert "X-Amz-" not in said.out + said.err + refused.value.detail


async def test_reading_goes_on_where_a_connection_broke(proxy: Proxy, behind: S3Bench) -> None:
    body = some_bytes(5_000_000)
    proven = await behind.keep(body)
    with proxy.failing(CutWhileAnswering(1_000_000), "GET", "blobs/"):
        assert await behind.content(proven.sha256) == body
        pieces = [piece async for piece in behind.store.read(proven.sha256, 1_500_001, 4_999_999)]
    assert b"".join(pieces) == body[1_500_001:4_999_999]


async def test_reading_ends_where_every_connection_breaks_at_once(
    proxy: Proxy, behind: S3Bench
) -> None:
    proven = await behind.keep(some_bytes(1_000_000))
    with proxy.failing(CutWhileAnswering(0), "GET", "blobs/"), pytest.raises(Unavailable):
        await behind.content(proven.sha256)


async def test_a_blob_that_goes_away_while_it_is_read_is_missing(
    proxy: Proxy, behind: S3Bench
) -> None:
    proven = await behind.keep(some_bytes(3_000_000))
    with proxy.failing(CutWhileAnswering(1_000_000), "GET", "blobs/"):
        reading = behind.store.read(proven.sha256)
        await anext(reading)
        await behind.store.delete(proven.sha256)
        with pytest.raises(BlobMissing):
            [piece async for piece in reading]


async def test_a_proof_goes_on_where_a_connection_broke(proxy: Proxy, behind: S3Bench) -> None:
    body = some_bytes(S3_PART_SIZE + 7)
    upload = await sent(behind, body)
    await behind.store.complete(upload)
    told: list[int] = []
    with proxy.failing(CutWhileAnswering(2_000_000), "GET"):
        proven = await behind.store.prove(upload, told.append)
    assert (proven.sha256, told[-1]) == (sha256_of(body), len(body))
    assert told == sorted(set(told))
    await behind.store.adopt(upload.id, proven)


async def test_a_copy_in_ranges_that_fails_leaves_nothing_and_can_be_made_again(
    proxy: Proxy, behind: S3Bench
) -> None:
    body = some_bytes(3 * S3_PART_SIZE)
    upload_id = uuid4()
    proven = await behind.store.receive(upload_id, _chunks(body))
    with proxy.failing(Refused(), "PUT", "partNumber=2"), pytest.raises(Unavailable):
        await behind.store.adopt(upload_id, proven)
    assert open_uploads(behind.bucket) == set()
    assert keys(behind.bucket, "blobs/") == set()
    await behind.store.adopt(upload_id, proven)
    assert await behind.content(proven.sha256) == body


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]
