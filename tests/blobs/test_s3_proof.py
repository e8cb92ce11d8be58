"""Bytes count as proven only where no link can change them, whatever the store enforces."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from app.blobs.problems import PartsMissing
from app.blobs.stores.bucket import Bucket, BucketAddress
from app.blobs.stores.s3_traits import Traits
from app.core.problems import Unavailable
from tests.blobs.conftest import S3_PART_SIZE, S3Bench, past_this_service, sha256_of
from tests.blobs.serving import MINUTES
from tests.blobs.test_store_contract import finished, sent, some_bytes
from tests.s3.faults import Slow
from tests.s3.proxy import Proxy
from tests.s3.server import S3Server
from tests.waiting import eventually


@pytest.fixture
def bound(s3_traits: Traits) -> None:
    if not s3_traits.refuses_wrong_digests:
        pytest.skip("this server was seen to take bytes with another digest")


@pytest.fixture
def bound_parts(s3_traits: Traits) -> None:
    if not s3_traits.refuses_wrong_part_digests:
        pytest.skip("this server was seen to take parts with another digest")


@pytest.fixture
async def watched(
    s3_server: S3Server, s3_address: BucketAddress, s3_traits: Traits
) -> AsyncIterator[tuple[Proxy, S3Bench]]:
    """A store, and a proxy that sees what it asks."""
    with Proxy(s3_server.endpoint) as proxy:
        address = replace(
            s3_address,
            endpoint=proxy.endpoint,
            public_endpoint=s3_server.endpoint,
            prefix=f"stores/{uuid4().hex}",
        )
        async with past_this_service(Bucket(address), s3_traits) as bench:
            yield proxy, bench


@pytest.mark.usefixtures("bound")
async def test_a_small_file_is_proven_by_its_link_and_never_read(
    watched: tuple[Proxy, S3Bench],
) -> None:
    (proxy, bench), body = watched, some_bytes(1000)
    upload = await bench.store.begin(uuid4(), len(body), sha256_of(body))
    assert bench.store.proves_soon(upload)
    assert (await bench.send(upload, upload.parts[0], body)).status_code == 200
    proxy.asked.clear()
    assert (await finished(bench, upload)).sha256 == sha256_of(body)
    assert {asked.method for asked in proxy.asked} == {"HEAD", "PUT", "DELETE"}
    assert await bench.content(sha256_of(body)) == body


@pytest.mark.usefixtures("bound")
async def test_a_link_that_is_bound_to_a_digest_takes_no_other_bytes(s3_bench: S3Bench) -> None:
    body, wrong = some_bytes(1000), some_bytes(1000, seed=1)
    upload = await s3_bench.store.begin(uuid4(), len(body), sha256_of(body))
    [link] = await s3_bench.store.link_parts(upload, upload.parts, MINUTES)
    assert (await s3_bench.follow(link, content=wrong)).status_code == 400
    for headers in ({}, {"x-amz-checksum-sha256": ""}):
        refused = await s3_bench.follow(replace(link, headers=headers), content=wrong)
        assert refused.status_code in (400, 403)
    with pytest.raises(PartsMissing):
        await s3_bench.store.complete(upload)
    assert (await s3_bench.follow(link, content=body)).status_code == 200
    [part] = await s3_bench.store.parts_present(upload)
    assert (part.number, part.size, part.sha256) == (1, 1000, sha256_of(body))


@pytest.mark.usefixtures("bound")
async def test_the_same_bytes_may_come_late_and_change_nothing(s3_bench: S3Bench) -> None:
    body = some_bytes(1000)
    upload = await s3_bench.store.begin(uuid4(), len(body), sha256_of(body))
    [link] = await s3_bench.store.link_parts(upload, upload.parts, MINUTES)
    await s3_bench.follow(link, content=body)
    await s3_bench.store.complete(upload)
    proven = await s3_bench.store.prove(upload)
    assert (await s3_bench.follow(link, content=body)).status_code == 200
    await s3_bench.store.adopt(upload.id, proven)
    assert (await s3_bench.follow(link, content=body)).status_code == 200
    assert await s3_bench.incoming() == {upload.id}  # a leftover, which the sweep ends
    await s3_bench.store.abort(upload.id, upload.handle)
    assert await s3_bench.incoming() == set()
    assert await s3_bench.content(proven.sha256) == body


@pytest.mark.usefixtures("bound_parts")
async def test_a_part_that_is_bound_to_its_digest_takes_no_other_bytes(
    s3_bench: S3Bench,
) -> None:
    body = some_bytes(S3_PART_SIZE + 10)
    upload = await s3_bench.store.begin(uuid4(), len(body), sha256_of(body), part_digests=True)
    pieces = [body[:S3_PART_SIZE], body[S3_PART_SIZE:]]
    for part, piece in zip(upload.parts, pieces, strict=True):
        named = replace(part, sha256=sha256_of(piece))
        wrong = await s3_bench.send(upload, named, some_bytes(part.size, seed=1))
        assert wrong.status_code == 400
        assert (await s3_bench.send(upload, named, piece)).status_code == 200
    assert (await finished(s3_bench, upload)).sha256 == sha256_of(body)


async def test_digests_of_parts_are_taken_where_links_can_be_bound_to_them(
    s3_bench: S3Bench, s3_traits: Traits
) -> None:
    store, size = s3_bench.store, 2 * S3_PART_SIZE
    plain = await store.begin(uuid4(), size)
    with_digests = await store.begin(uuid4(), size, part_digests=True)
    assert store.takes_part_digests(with_digests)
    assert store.takes_part_digests(await store.begin(uuid4(), 5, "0" * 64)) or (
        not s3_traits.refuses_wrong_digests
    )
    assert store.takes_part_digests(plain) is not s3_traits.refuses_wrong_part_digests


async def test_a_part_that_comes_late_never_changes_what_was_proven(s3_bench: S3Bench) -> None:
    body = some_bytes(S3_PART_SIZE + 100)
    upload = await sent(s3_bench, body)
    links = await s3_bench.store.link_parts(upload, upload.parts, MINUTES)
    await s3_bench.store.complete(upload)
    proven = await s3_bench.store.prove(upload)
    late = [
        await s3_bench.follow(link, content=some_bytes(part.size, seed=1))
        for link, part in zip(links, upload.parts, strict=True)
    ]
    assert [answer.status_code for answer in late] == [404, 404]
    await s3_bench.store.adopt(upload.id, proven)
    assert proven.sha256 == sha256_of(body)
    assert await s3_bench.content(proven.sha256) == body


async def test_a_part_that_comes_between_completing_and_proving_is_no_way_in(
    s3_bench: S3Bench,
) -> None:
    body = some_bytes(S3_PART_SIZE + 100)
    upload = await sent(s3_bench, body)
    [_, last] = await s3_bench.store.link_parts(upload, upload.parts, MINUTES)
    await s3_bench.store.complete(upload)
    await s3_bench.follow(last, content=some_bytes(100, seed=1))
    try:
        proven = await s3_bench.store.prove(upload)
    except Unavailable:
        return  # the store gives back nothing whole any more: nothing is called proven
    await s3_bench.store.adopt(upload.id, proven)
    found = await s3_bench.content(proven.sha256)
    assert hashlib.sha256(found).hexdigest() == proven.sha256


async def test_a_proof_that_was_killed_after_taking_bytes_away_is_made_anew(
    s3_bench: S3Bench,
) -> None:
    upload = await sent(s3_bench, b"taken away")
    await s3_bench.store.complete(upload)
    first = await s3_bench.store.prove(upload)
    await s3_bench.store.complete(upload)
    again = await s3_bench.store.prove(upload)
    assert again == first
    await s3_bench.store.adopt(upload.id, again)
    assert await s3_bench.content(again.sha256) == b"taken away"
    assert await s3_bench.incoming() == set()


async def test_a_proof_that_is_given_up_stops_reading_and_can_be_made_anew(
    watched: tuple[Proxy, S3Bench],
) -> None:
    (proxy, bench), body = watched, some_bytes(2 * S3_PART_SIZE)
    upload = await sent(bench, body)
    await bench.store.complete(upload)
    told: list[int] = []

    async def begun() -> bool:
        return bool(told)

    with proxy.failing(Slow(4 * 2**20), "GET"):
        proving = asyncio.ensure_future(bench.store.prove(upload, told.append))
        await eventually(begun, what="the first bytes of a proof")
        proving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await proving
    assert (await finished(bench, upload)).sha256 == sha256_of(body)
    await bench.store.close()  # after which no thread of it is left
    assert told[-1] < len(body)


async def test_files_without_bytes_are_proven_without_a_word(s3_bench: S3Bench) -> None:
    upload = await s3_bench.store.begin(uuid4(), 0)
    [link] = await s3_bench.store.link_parts(upload, upload.parts, timedelta(minutes=1))
    assert (await s3_bench.follow(link, content=b"x")).status_code == 403
    assert (await s3_bench.follow(link, content=b"")).status_code == 200
    proven = await finished(s3_bench, upload)
    assert (proven.size, proven.sha256) == (0, sha256_of(b""))
    assert await s3_bench.content(proven.sha256) == b""
