"""What the S3 store promises beyond what every store does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from app.blobs.problems import UploadClosed, WrongDigest
from app.blobs.storage import open_store
from app.blobs.stores.bucket import Bucket, BucketAddress
from app.blobs.stores.interface import Download, Incoming, Proven, Upload
from app.blobs.stores.s3 import S3Store
from app.blobs.stores.s3_limits import Limits
from app.blobs.stores.s3_traits import Traits
from app.core.problems import InvalidRequest, Unavailable
from app.core.settings import Settings
from tests.blobs.conftest import (
    S3_PART_SIZE,
    Bench,
    S3Bench,
    in_chunks,
    past_this_service,
    sha256_of,
)
from tests.blobs.test_store_contract import finished, sent, some_bytes
from tests.s3.server import S3Server
from tests.waiting import eventually

SEEN = {
    "swift": {"closes an upload that was completed"},
    "ceph": {
        "refuses a wrong x-amz-checksum-sha256 on a PUT",
        "refuses a wrong x-amz-checksum-sha256 on a part",
        "copies only what has not changed",
    },
}


def keys(bucket: Bucket, prefix: str = "") -> set[str]:
    return {seen.key for page in bucket.objects(prefix) for seen in page}


def open_uploads(bucket: Bucket, prefix: str = "") -> set[str]:
    return {seen.id for page in bucket.uploads(prefix) for seen in page}


async def listed(bench: Bench) -> list[Incoming]:
    return [found async for found in bench.store.incoming()]


async def test_the_probe_tells_what_this_server_is_known_to_lack(
    s3_bench: S3Bench, s3_server: S3Server
) -> None:
    rows = await s3_bench.store.probe()
    lacking = {row.name for row in rows if not row.held}
    assert lacking == SEEN.get(s3_server.kind, lacking)
    assert all(row.held for row in rows if row.needed)
    assert keys(s3_bench.bucket) == set()
    assert open_uploads(s3_bench.bucket) == set()


async def test_a_store_that_lacks_what_is_needed_takes_no_uploads(
    s3_address: BucketAddress, s3_traits: Traits
) -> None:
    careless = replace(s3_traits, refuses_expired_links=False)
    async with past_this_service(Bucket(s3_address), careless) as bench:
        proven = Proven(5, "0" * 64, f"incoming/{uuid4()} *")
        for refused in (
            bench.store.begin(uuid4(), 5),
            bench.store.receive(uuid4(), in_chunks(b"bytes")),
            bench.store.prove(Upload(uuid4(), 5, 5, "parts:1")),
            bench.store.adopt(uuid4(), proven),
            bench.store.check(),
        ):
            with pytest.raises(Unavailable, match=r"refuses an expired link.*app doctor") as told:
                await refused
            assert told.value.retry_after is None


async def test_a_store_that_lacks_what_is_needed_is_read_all_the_same(
    s3_bench: S3Bench, s3_traits: Traits
) -> None:
    proven = await s3_bench.keep(b"stored before")
    careless = replace(s3_traits, refuses_expired_links=False)
    async with past_this_service(Bucket(s3_bench.bucket.address), careless) as bench:
        assert await bench.content(proven.sha256) == b"stored before"
        download = Download(proven.sha256, proven.size, "model.bin", "a/b")
        [link] = await bench.store.link_downloads([download], timedelta(minutes=1))
        assert (await bench.follow(link)).content == b"stored before"


async def test_a_store_that_was_upgraded_is_seen_to_be_in_time(
    s3_address: BucketAddress, s3_traits: Traits
) -> None:
    careless = replace(s3_traits, refuses_expired_links=False)
    limits = Limits(traits_last=timedelta(0))
    async with past_this_service(Bucket(s3_address), careless, limits) as bench:

        async def is_taken() -> bool:
            try:
                upload = await bench.store.begin(uuid4(), 5)
            except Unavailable:
                return False
            await bench.store.abort(upload.id, upload.handle)
            return True

        assert not await is_taken()
        await eventually(is_taken, what="a look at the store")


async def test_the_settings_choose_the_store(s3_server: S3Server, bucket: str) -> None:
    settings = Settings(**s3_server.settings(bucket), s3_prefix="team/models")  # type: ignore[arg-type]
    store = open_store(settings)
    assert isinstance(store, S3Store)
    assert store.is_direct
    async with past_this_service(Bucket(store._bucket.address)) as bench:
        await bench.keep(b"kept")
    await store.close()
    [found] = s3_server.client.list_objects_v2(Bucket=bucket)["Contents"]
    assert found["Key"].startswith("team/models/blobs/")


async def test_stores_of_two_prefixes_know_nothing_of_each_other(
    s3_bench: S3Bench, s3_address: BucketAddress, s3_traits: Traits
) -> None:
    proven = await s3_bench.keep(b"mine")
    other = Bucket(replace(s3_address, prefix=f"stores/{uuid4().hex}"))
    async with past_this_service(other, s3_traits) as bench:
        assert await bench.blobs() == {}
        assert await bench.store.size(proven.sha256) is None
        await bench.store.delete(proven.sha256)
    assert await s3_bench.content(proven.sha256) == b"mine"


async def test_a_bucket_that_is_not_there_is_made(
    s3_address: BucketAddress, s3_server: S3Server, bucket: str
) -> None:
    s3_server.client.delete_bucket(Bucket=bucket)
    async with past_this_service(Bucket(replace(s3_address, name=bucket))) as bench:
        await bench.store.check()
        assert await bench.content((await bench.keep(b"first")).sha256) == b"first"


async def test_a_bucket_that_went_away_says_nothing_of_its_blobs(
    s3_address: BucketAddress, s3_traits: Traits, s3_server: S3Server, bucket: str
) -> None:
    async with past_this_service(Bucket(replace(s3_address, name=bucket)), s3_traits) as bench:
        s3_server.client.delete_bucket(Bucket=bucket)
        with pytest.raises(Unavailable, match="bucket is not there"):
            await bench.store.size("0" * 64)
        with pytest.raises(Unavailable, match="bucket is not there"):
            await bench.blobs()
        for look in (bench.store.check(), bench.store.probe()):
            with pytest.raises(Unavailable, match="bucket is not there"):
                await look
        buckets = s3_server.client.list_buckets()["Buckets"]
        assert bucket not in [found["Name"] for found in buckets]
        s3_server.client.create_bucket(Bucket=bucket)  # it is removed with the others


async def test_parts_that_arrived_are_known_to_a_server_that_starts_later(
    s3_bench: S3Bench, s3_traits: Traits
) -> None:
    body = some_bytes(2 * S3_PART_SIZE + 9)
    upload = await s3_bench.store.begin(uuid4(), len(body), sha256_of(body))
    third = upload.parts[2]
    assert (await s3_bench.send(upload, third, body[third.offset :])).status_code == 200
    kept = Upload(upload.id, upload.size, upload.part_size, upload.handle, upload.sha256)
    async with past_this_service(Bucket(s3_bench.bucket.address), s3_traits) as later:
        assert [part.number for part in await later.store.parts_present(kept)] == [3]
        for part in kept.parts[:2]:
            await later.send(kept, part, body[part.offset : part.offset + part.size])
        assert (await finished(later, kept)).sha256 == sha256_of(body)


async def test_an_upload_that_was_completed_has_no_parts_to_send(s3_bench: S3Bench) -> None:
    upload = await sent(s3_bench, some_bytes(2 * S3_PART_SIZE))
    await s3_bench.store.complete(upload)
    with pytest.raises(UploadClosed):
        await s3_bench.store.parts_present(upload)


async def test_an_upload_of_another_store_is_closed(s3_bench: S3Bench) -> None:
    for handle in (None, "", "put:short", "parts:", "folder:1"):
        upload = Upload(uuid4(), 5, 5, handle)
        with pytest.raises(UploadClosed):
            await s3_bench.store.complete(upload)
        with pytest.raises(UploadClosed):
            await s3_bench.store.link_parts(upload, upload.parts, timedelta(minutes=1))


async def test_what_nobody_knows_of_is_listed_and_can_be_ended(s3_bench: S3Bench) -> None:
    whole, copy, begun = uuid4(), uuid4(), uuid4()
    bucket = s3_bench.bucket
    bucket.put(f"incoming/{whole}", b"whole")
    bucket.put(f"proving/{copy}.0123456789abcdef", b"taken away")
    for _ in range(2):
        bucket.begin_upload(f"incoming/{begun}")
    for key in ("incoming/notes.txt", f"incoming/{whole}/x", f"proving/{copy}", "blobs/x"):
        bucket.put(key, b"not ours")
    found = await listed(s3_bench)
    assert sorted(entry.id for entry in found) == sorted([whole, copy, begun, begun])
    for entry in found:
        await s3_bench.store.abort(entry.id, entry.handle)
    assert await listed(s3_bench) == []
    assert len(keys(bucket)) == 4


async def test_ending_without_a_handle_ends_all_of_that_upload_and_no_more(
    s3_bench: S3Bench,
) -> None:
    first, second = UUID(int=1), UUID(int=2)
    for name in (first, first, second, f"{first}x"):
        s3_bench.bucket.begin_upload(f"incoming/{name}")
    await s3_bench.store.abort(first)
    assert [entry.id for entry in await listed(s3_bench)] == [second]
    assert len(open_uploads(s3_bench.bucket)) == 2


async def test_copies_that_were_left_half_way_are_cleared_once_they_are_old(
    s3_bench: S3Bench,
) -> None:
    bucket, upload = s3_bench.bucket, await s3_bench.store.begin(uuid4(), 5)
    for key in (f"blobs/00/00/{'0' * 64}", f"proving/{uuid4()}.00"):
        bucket.begin_upload(key)
    assert await s3_bench.store.clear_copies(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert await s3_bench.store.clear_copies(datetime.now(UTC) + timedelta(hours=1)) == 2
    assert [entry.handle for entry in await listed(s3_bench)] == [upload.handle]


async def test_what_fills_many_pages_is_listed_whole(
    s3_address: BucketAddress, s3_traits: Traits
) -> None:
    address = replace(s3_address, prefix=f"stores/{uuid4().hex}")
    async with past_this_service(Bucket(address, page_size=3), s3_traits) as bench:
        made = [uuid4() for _ in range(7)]
        for upload_id in made:
            bench.bucket.put(f"incoming/{upload_id}", b"")
            bench.bucket.begin_upload(f"incoming/{upload_id}")
        assert sorted(entry.id for entry in await listed(bench)) == sorted(made * 2)
        upload_id = bench.bucket.begin_upload("incoming/parts")
        for number in range(1, 8):
            bench.bucket.send_part("incoming/parts", upload_id, number, b"part")
        parts = bench.bucket.parts("incoming/parts", upload_id)
        assert [part.number for part in parts] == list(range(1, 8))


async def test_a_large_file_is_copied_in_ranges(
    s3_address: BucketAddress, s3_traits: Traits
) -> None:
    body = some_bytes(2 * S3_PART_SIZE + 77)
    address = replace(s3_address, prefix=f"stores/{uuid4().hex}")
    async with past_this_service(Bucket(address, copy_at_once=S3_PART_SIZE), s3_traits) as bench:
        proven = await finished(bench, await sent(bench, body))
        assert await bench.content(proven.sha256) == body
        assert open_uploads(bench.bucket) == set()
        assert await bench.incoming() == set()


async def test_bytes_that_changed_after_they_were_proven_are_not_adopted(
    s3_bench: S3Bench,
) -> None:
    upload = await sent(s3_bench, b"proven")
    await s3_bench.store.complete(upload)
    proven = await s3_bench.store.prove(upload)
    s3_bench.bucket.put(proven.seal.split()[0], b"others")
    with pytest.raises(WrongDigest):
        await s3_bench.store.adopt(upload.id, proven)
    assert await s3_bench.blobs() == {}


async def test_storing_the_same_bytes_again_mends_a_blob_that_was_altered(
    s3_bench: S3Bench,
) -> None:
    proven = await s3_bench.keep(b"right")
    [key] = keys(s3_bench.bucket, "blobs/")
    s3_bench.bucket.put(key, b"wrong")
    await s3_bench.keep(b"right")
    assert await s3_bench.content(proven.sha256) == b"right"


async def test_no_file_is_larger_than_s3_takes(s3_bench: S3Bench) -> None:
    most = 5 * 1024**4
    part_size = s3_bench.store.part_size_for(most)
    assert -(-most // part_size) <= 10_000
    assert part_size <= 5 * 1024**3
    with pytest.raises(InvalidRequest, match="5 TiB"):
        s3_bench.store.part_size_for(most + 1)
