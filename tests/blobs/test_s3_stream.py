"""A stream through this service into S3: in parts, with little memory, leaving nothing behind."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from app.blobs.problems import WrongSize
from app.blobs.stores import s3_rules as rules
from app.blobs.stores.bucket import Bucket, BucketAddress
from app.blobs.stores.s3_limits import Limits
from app.blobs.stores.s3_traits import Traits
from app.core.problems import InvalidRequest, Unavailable
from tests.blobs.conftest import S3_PART_SIZE, S3Bench, in_chunks, past_this_service, sha256_of
from tests.blobs.test_s3_store import keys, open_uploads
from tests.blobs.test_store_contract import some_bytes
from tests.s3.faults import Altered, Held, Refused
from tests.s3.proxy import Proxy
from tests.s3.server import S3Server
from tests.waiting import eventually

CHUNK = some_bytes(256 * 1024)


@pytest.fixture
async def behind(
    s3_server: S3Server, s3_address: BucketAddress, s3_traits: Traits
) -> AsyncIterator[tuple[Proxy, S3Bench]]:
    """A store behind a proxy."""
    with Proxy(s3_server.endpoint) as proxy:
        address = replace(s3_address, endpoint=proxy.endpoint, prefix=f"stores/{uuid4().hex}")
        async with past_this_service(Bucket(address), s3_traits) as bench:
            yield proxy, bench


def is_empty(bucket: Bucket) -> bool:
    return keys(bucket) == set() and open_uploads(bucket) == set()


async def chunks_of(size: int, counted: list[int] | None = None) -> AsyncIterator[bytes]:
    for _ in range(size // len(CHUNK)):
        if counted is not None:
            counted.append(len(CHUNK))
        yield CHUNK


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("more", [0, 1])
async def test_a_stream_of_many_parts_becomes_one_blob(
    s3_bench: S3Bench, announced: bool, more: int
) -> None:
    body, upload_id = some_bytes(3 * S3_PART_SIZE + more), uuid4()
    size = len(body) if announced else None
    proven = await s3_bench.store.receive(upload_id, in_chunks(body, 100_000), size)
    assert (proven.sha256, proven.size) == (sha256_of(body), len(body))
    await s3_bench.store.adopt(upload_id, proven)
    assert await s3_bench.content(proven.sha256) == body
    assert await s3_bench.incoming() == set()


async def test_memory_does_not_grow_with_a_stream(s3_bench: S3Bench) -> None:
    size = 8 * S3_PART_SIZE
    await s3_bench.store.check()  # boto3 reads what it knows of S3 only once
    gc.collect()
    tracemalloc.start()
    try:
        proven = await s3_bench.store.receive(uuid4(), chunks_of(size), size)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert proven.size == size
    assert most < 3 * S3_PART_SIZE


async def test_no_more_of_a_stream_is_taken_than_can_be_sent(
    behind: tuple[Proxy, S3Bench],
) -> None:
    proxy, bench = behind
    counted: list[int] = []
    with proxy.failing(Held(), "PUT", "partNumber=1"):
        receiving = asyncio.ensure_future(
            bench.store.receive(uuid4(), chunks_of(8 * S3_PART_SIZE, counted))
        )

        async def is_full() -> bool:
            return sum(counted) >= 2 * S3_PART_SIZE

        await eventually(is_full, what="two parts of a stream")
        await bench.store.check()
        assert sum(counted) < 3 * S3_PART_SIZE
    assert (await receiving).size == 8 * S3_PART_SIZE


async def test_a_stream_whose_caller_goes_away_leaves_nothing(
    behind: tuple[Proxy, S3Bench],
) -> None:
    proxy, bench = behind

    async def is_struck() -> bool:
        return bool(proxy.struck)

    with proxy.failing(Held(), "PUT", "partNumber=2"):
        receiving = asyncio.ensure_future(bench.store.receive(uuid4(), chunks_of(4 * S3_PART_SIZE)))
        await eventually(is_struck, what="the second part")
        receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving

    async def is_cleared() -> bool:
        return await asyncio.to_thread(is_empty, bench.bucket)

    await eventually(is_cleared, what="a stream to be taken away")


async def test_a_stream_of_many_parts_of_another_size_than_announced_leaves_nothing(
    s3_bench: S3Bench,
) -> None:
    size = 3 * S3_PART_SIZE
    for announced in (2 * S3_PART_SIZE, size + 1):
        with pytest.raises(WrongSize):
            await s3_bench.store.receive(uuid4(), chunks_of(size), announced)
        assert is_empty(s3_bench.bucket)


@pytest.mark.parametrize("parts", [0, 2])
async def test_a_stream_that_the_store_refuses_leaves_nothing(
    behind: tuple[Proxy, S3Bench], parts: int
) -> None:
    proxy, bench = behind
    size = parts * S3_PART_SIZE + len(CHUNK)
    target = "partNumber=2" if parts else "incoming/"
    with proxy.failing(Refused(), "PUT", target), pytest.raises(Unavailable):
        await bench.store.receive(uuid4(), chunks_of(size))
    assert is_empty(bench.bucket)


@pytest.mark.parametrize("parts", [0, 2])
async def test_bytes_that_were_altered_on_their_way_to_the_store_are_not_kept(
    behind: tuple[Proxy, S3Bench], parts: int
) -> None:
    proxy, bench = behind
    size = parts * S3_PART_SIZE + len(CHUNK)
    target = "partNumber=2" if parts else "incoming/"
    with proxy.failing(Altered(1000), "PUT", target), pytest.raises(Unavailable):
        await bench.store.receive(uuid4(), chunks_of(size))
    assert is_empty(bench.bucket)


async def test_what_was_sent_is_read_back_where_the_store_does_not_compare(
    s3_address: BucketAddress, s3_traits: Traits
) -> None:
    address = replace(s3_address, prefix=f"stores/{uuid4().hex}")
    careless = replace(s3_traits, refuses_wrong_md5=False)
    async with past_this_service(Bucket(address), careless) as bench:
        for size in (0, 1000, 2 * S3_PART_SIZE + 5):
            body = some_bytes(size)
            assert await bench.content((await bench.keep(body)).sha256) == body


async def test_a_stream_that_is_too_long_to_be_held_in_parts_is_not_begun(
    s3_bench: S3Bench,
) -> None:
    with pytest.raises(InvalidRequest, match="upload in parts"):
        await s3_bench.store.receive(uuid4(), chunks_of(0), 1024**4)


async def test_streams_wait_for_room_and_go_on_once_there_is_some(
    s3_server: S3Server, s3_address: BucketAddress, s3_traits: Traits
) -> None:
    with Proxy(s3_server.endpoint) as proxy:
        address = replace(s3_address, endpoint=proxy.endpoint, prefix=f"stores/{uuid4().hex}")
        limits = Limits(stream_room=2 * S3_PART_SIZE, room_seconds=0.1)
        async with past_this_service(Bucket(address), s3_traits, limits) as bench:

            async def is_struck() -> bool:
                return bool(proxy.struck)

            with proxy.failing(Held(), "PUT", "partNumber=1"):
                first = asyncio.ensure_future(
                    bench.store.receive(uuid4(), chunks_of(3 * S3_PART_SIZE), 3 * S3_PART_SIZE)
                )
                await eventually(is_struck, what="the first part")
                counted: list[int] = []
                with pytest.raises(Unavailable, match="memory") as refused:
                    await bench.store.receive(uuid4(), chunks_of(len(CHUNK), counted), len(CHUNK))
                assert refused.value.retry_after
                assert counted == []
            assert (await first).size == 3 * S3_PART_SIZE
            assert (await bench.keep(CHUNK)).size == len(CHUNK)


async def test_only_what_has_come_makes_parts_larger(
    behind: tuple[Proxy, S3Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, bench = behind
    monkeypatch.setattr(rules, "SMALL_PARTS", 2)
    size = (2 + rules.LARGER) * S3_PART_SIZE
    proven = await bench.store.receive(uuid4(), chunks_of(size), size)
    sent = [asked for asked in proxy.asked if "partNumber=" in asked.target]
    assert (proven.size, len(sent)) == (size, 3)
    await bench.store.receive(uuid4(), chunks_of(size), size)
    assert len([asked for asked in proxy.asked if "partNumber=" in asked.target]) == 6


async def test_a_stream_whose_upload_went_away_can_be_sent_again(
    behind: tuple[Proxy, S3Bench],
) -> None:
    proxy, bench = behind
    gone = Refused(404, "NoSuchUpload")
    with proxy.failing(gone, "PUT", "partNumber=2"), pytest.raises(Unavailable) as refused:
        await bench.store.receive(uuid4(), chunks_of(3 * S3_PART_SIZE))
    assert refused.value.retry_after


async def test_checksums_of_boto3s_own_do_no_harm(
    s3_address: BucketAddress, s3_traits: Traits
) -> None:
    address = replace(s3_address, prefix=f"stores/{uuid4().hex}", checksums="when_supported")
    careless = replace(s3_traits, refuses_wrong_md5=False)
    async with past_this_service(Bucket(address), careless) as bench:
        for size in (0, 1000, 2 * S3_PART_SIZE + 5):
            body = some_bytes(size)
            assert await bench.content((await bench.keep(body)).sha256) == body
