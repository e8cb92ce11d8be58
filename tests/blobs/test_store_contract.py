"""What every blob store promises, whichever it is."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.blobs.problems import (
    BlobMissing,
    PartsMissing,
    UploadClosed,
    WrongDigest,
    WrongSize,
)
from app.blobs.stores.interface import Proven, Upload
from tests.blobs.conftest import Bench, in_chunks, sha256_of

ABSENT = "0" * 64


def some_bytes(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


async def begun(bench: Bench, body: bytes, **said: Any) -> Upload:
    return await bench.store.begin(uuid4(), len(body), **said)


async def sent(bench: Bench, body: bytes, **said: Any) -> Upload:
    upload = await begun(bench, body, **said)
    for part in upload.parts:
        response = await bench.send(upload, part, body[part.offset : part.offset + part.size])
        assert response.status_code < 300
    return upload


async def finished(bench: Bench, upload: Upload) -> Proven:
    await bench.store.complete(upload)
    proven = await bench.store.prove(upload)
    await bench.store.adopt(upload.id, proven)
    return proven


async def test_the_check_passes_and_leaves_nothing_behind(bench: Bench) -> None:
    await bench.store.check()
    assert await bench.incoming() == set()


async def test_preparing_twice_keeps_what_is_there(bench: Bench) -> None:
    proven = await bench.keep(b"kept")
    await bench.store.prepare()
    assert await bench.content(proven.sha256) == b"kept"


@pytest.mark.parametrize("parts", [0, 1, 3.5])
async def test_bytes_sent_in_parts_become_a_blob(bench: Bench, parts: float) -> None:
    body = some_bytes(int(bench.store.part_size_for(0) * parts))
    proven = await finished(bench, await sent(bench, body))
    assert (proven.sha256, proven.size) == (sha256_of(body), len(body))
    assert await bench.content(proven.sha256) == body
    assert await bench.blobs() == {proven.sha256: len(body)}
    assert await bench.incoming() == set()


async def test_the_parts_of_an_upload_cover_its_bytes_once(bench: Bench) -> None:
    upload = await bench.store.begin(uuid4(), 3 * bench.store.part_size_for(0) + 5)
    assert [part.number for part in upload.parts] == [1, 2, 3, 4]
    assert [part.offset for part in upload.parts] == [n * upload.part_size for n in range(4)]
    assert sum(part.size for part in upload.parts) == upload.size


async def test_the_number_of_parts_stays_within_bounds(bench: Bench) -> None:
    huge = 2 * 1024**4
    assert -(-huge // bench.store.part_size_for(huge)) <= 10_000


async def test_parts_that_arrived_are_listed_and_the_rest_can_be_sent_later(bench: Bench) -> None:
    body = some_bytes(2 * bench.store.part_size_for(0) + 7)
    upload = await begun(bench, body)
    third = upload.parts[2]
    await bench.send(upload, third, body[third.offset :])
    [found] = await bench.store.parts_present(upload)
    assert (found.number, found.size) == (3, 7)
    assert found.sha256 in (None, sha256_of(body[third.offset :]))
    with pytest.raises(PartsMissing) as refused:
        await bench.store.complete(upload)
    assert refused.value.extra["missing"] == [1, 2]
    for part in upload.parts[:2]:
        await bench.send(upload, part, body[part.offset : part.offset + part.size])
    assert (await finished(bench, upload)).sha256 == sha256_of(body)


async def test_a_part_sent_again_is_harmless(bench: Bench) -> None:
    body = some_bytes(100)
    upload = await sent(bench, body)
    assert (await bench.send(upload, upload.parts[0], body)).status_code < 300
    assert (await finished(bench, upload)).sha256 == sha256_of(body)


async def test_a_part_sent_again_with_other_bytes_replaces_the_first(bench: Bench) -> None:
    body, wrong = some_bytes(100), some_bytes(100, seed=1)
    upload = await sent(bench, wrong)
    assert (await bench.send(upload, upload.parts[0], body)).status_code < 300
    assert (await finished(bench, upload)).sha256 == sha256_of(body)


async def test_bytes_with_another_digest_than_their_link_says_are_refused_or_found_out(
    bench: Bench,
) -> None:
    body, wrong = some_bytes(100), some_bytes(100, seed=1)
    upload = await begun(bench, body, part_digests=True)
    part = replace(upload.parts[0], sha256=sha256_of(body))
    if (await bench.send(upload, part, wrong)).status_code >= 400:
        assert await bench.store.parts_present(upload) == []
    else:  # a store that does not look
        await bench.store.complete(upload)
        assert (await bench.store.prove(upload)).sha256 == sha256_of(wrong)
        return
    assert (await bench.send(upload, part, body)).status_code < 300
    assert (await finished(bench, upload)).sha256 == sha256_of(body)


async def test_a_file_with_another_digest_than_was_said_is_refused_or_found_out(
    bench: Bench,
) -> None:
    body, wrong = some_bytes(100), some_bytes(100, seed=1)
    upload = await begun(bench, body, sha256=sha256_of(body))
    if (await bench.send(upload, upload.parts[0], wrong)).status_code < 300:
        await bench.store.complete(upload)
        assert (await bench.store.prove(upload)).sha256 == sha256_of(wrong)
        return
    assert await bench.store.parts_present(upload) == []
    with pytest.raises(PartsMissing):
        await bench.store.complete(upload)
    assert (await bench.send(upload, upload.parts[0], body)).status_code < 300
    assert (await finished(bench, upload)).sha256 == sha256_of(body)


@pytest.mark.parametrize("came", [0, 99, 101, 5000])
async def test_a_part_of_another_size_than_its_link_says_does_not_count(
    bench: Bench, came: int
) -> None:
    upload = await begun(bench, some_bytes(100))
    refused = await bench.send(upload, upload.parts[0], some_bytes(came))
    assert 400 <= refused.status_code < 500
    assert await bench.store.parts_present(upload) == []


async def test_completing_twice_is_harmless(bench: Bench) -> None:
    upload = await sent(bench, b"twice")
    await bench.store.complete(upload)
    await bench.store.complete(upload)
    assert (await bench.store.prove(upload)).sha256 == sha256_of(b"twice")


async def test_no_part_can_be_sent_to_a_completed_upload(bench: Bench) -> None:
    upload = await sent(bench, b"right")
    await bench.store.complete(upload)
    proven = await bench.store.prove(upload)
    assert (await bench.send(upload, upload.parts[0], b"wrong")).status_code >= 400
    await bench.store.adopt(upload.id, proven)
    assert await bench.content(proven.sha256) == b"right"


async def test_adopting_again_after_a_crash_is_harmless(bench: Bench) -> None:
    upload = await sent(bench, b"again")
    proven = await finished(bench, upload)
    await bench.store.adopt(upload.id, proven)
    assert await bench.content(proven.sha256) == b"again"


async def test_the_same_bytes_may_be_proven_and_adopted_many_times_at_once(bench: Bench) -> None:
    uploads = [await sent(bench, some_bytes(100_000)) for _ in range(3)]

    async def finish(upload: Upload) -> None:
        await bench.store.complete(upload)
        proven = await bench.store.prove(upload)
        await together.wait()
        await bench.store.adopt(upload.id, proven)

    together = asyncio.Barrier(24)
    await asyncio.gather(*(finish(upload) for upload in uploads for _ in range(8)))
    assert await bench.blobs() == {sha256_of(some_bytes(100_000)): 100_000}
    assert await bench.incoming() == set()


async def test_what_was_never_there_cannot_be_adopted(bench: Bench) -> None:
    with pytest.raises(UploadClosed):
        await bench.store.adopt(uuid4(), Proven(1, ABSENT, "seal"))
    assert await bench.blobs() == {}


async def test_only_the_bytes_that_were_proven_can_be_adopted(bench: Bench) -> None:
    upload, other = await sent(bench, b"these"), await sent(bench, b"those")
    for one in (upload, other):
        await bench.store.complete(one)
    proven = await bench.store.prove(upload)
    with pytest.raises(WrongDigest):
        await bench.store.adopt(other.id, proven)
    assert await bench.blobs() == {}


async def test_proving_tells_its_progress_up_to_the_end(bench: Bench) -> None:
    upload = await sent(bench, some_bytes(1000))
    await bench.store.complete(upload)
    told: list[int] = []
    await bench.store.prove(upload, told.append)
    assert told == sorted(told)
    assert told[-1] == 1000


async def test_the_same_bytes_twice_are_one_blob(bench: Bench) -> None:
    first = await bench.keep(b"same")
    second = await finished(bench, await sent(bench, b"same"))
    assert first.sha256 == second.sha256
    assert await bench.blobs() == {first.sha256: 4}
    assert await bench.incoming() == set()


async def test_an_upload_that_was_given_up_leaves_nothing(bench: Bench) -> None:
    upload = await sent(bench, b"given up")
    await bench.store.abort(upload.id, upload.handle)
    await bench.store.abort(upload.id, upload.handle)
    assert await bench.incoming() == set()
    assert (await bench.send(upload, upload.parts[0], b"given up")).status_code >= 400
    assert await bench.incoming() == set()
    with pytest.raises(UploadClosed):
        await bench.store.complete(upload)


async def test_a_completed_upload_can_be_given_up(bench: Bench) -> None:
    upload = await sent(bench, b"given up late")
    await bench.store.complete(upload)
    await bench.store.abort(upload.id, upload.handle)
    assert await bench.incoming() == set()
    with pytest.raises(UploadClosed):
        await bench.store.prove(upload)


async def test_open_uploads_are_listed_with_their_last_sign_of_life(bench: Bench) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    open_one, whole_one = await begun(bench, b"open"), await sent(bench, b"whole")
    await bench.store.complete(whole_one)
    found = [entry async for entry in bench.store.incoming()]
    assert {entry.id for entry in found} == {open_one.id, whole_one.id}
    assert all(before < entry.modified_at for entry in found)
    for entry in found:
        await bench.store.abort(entry.id, entry.handle)
    assert await bench.incoming() == set()


@pytest.mark.parametrize("size", [0, 1, 3_500_000])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_stream_becomes_a_blob(bench: Bench, size: int, announced: bool) -> None:
    body, upload_id = some_bytes(size), uuid4()
    proven = await bench.store.receive(upload_id, in_chunks(body), size if announced else None)
    assert (proven.sha256, proven.size) == (sha256_of(body), size)
    assert await bench.blobs() == {}
    await bench.store.adopt(upload_id, proven)
    assert await bench.content(proven.sha256) == body
    assert await bench.incoming() == set()


@pytest.mark.parametrize("announced", [0, 99, 101, 2_000_000])
async def test_a_stream_of_another_size_than_announced_leaves_nothing(
    bench: Bench, announced: int
) -> None:
    with pytest.raises(WrongSize):
        await bench.store.receive(uuid4(), in_chunks(some_bytes(100)), announced)
    assert await bench.incoming() == set()


async def test_a_stream_that_breaks_off_leaves_nothing(bench: Bench) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield some_bytes(3_000_000)
        raise ConnectionResetError("cut")

    with pytest.raises(ConnectionResetError, match="cut"):
        await bench.store.receive(uuid4(), broken())
    assert await bench.incoming() == set()
    assert await bench.blobs() == {}


async def test_reading_gives_exactly_the_bytes_asked_for(bench: Bench) -> None:
    body = some_bytes(3_000_000)
    proven = await bench.keep(body)
    for start, end in [(0, 0), (0, 1), (1_048_575, 1_048_577), (2_999_999, 3_000_000), (5, 5)]:
        found = b"".join([piece async for piece in bench.store.read(proven.sha256, start, end)])
        assert found == body[start:end]


async def test_reading_may_stop_early(bench: Bench) -> None:
    proven = await bench.keep(some_bytes(5_000_000))
    async with aclosing(bench.store.read(proven.sha256)) as pieces:
        assert await anext(pieces)
    await bench.store.delete(proven.sha256)
    assert await bench.blobs() == {}


async def test_reading_beyond_the_end_of_a_blob_says_that_bytes_are_missing(bench: Bench) -> None:
    proven = await bench.keep(b"short")
    with pytest.raises(BlobMissing):
        [piece async for piece in bench.store.read(proven.sha256, 0, 6)]


async def test_a_blob_that_is_not_there_has_no_size_and_cannot_be_read(bench: Bench) -> None:
    assert await bench.store.size(ABSENT) is None
    with pytest.raises(BlobMissing):
        await anext(bench.store.read(ABSENT))


async def test_deleting_frees_a_blob_and_is_harmless_again(bench: Bench) -> None:
    proven = await bench.keep(b"freed")
    assert await bench.store.size(proven.sha256) == 5
    await bench.store.delete(proven.sha256)
    await bench.store.delete(proven.sha256)
    assert await bench.store.size(proven.sha256) is None
    assert await bench.blobs() == {}


async def test_a_download_link_gives_the_bytes_as_an_attachment(bench: Bench) -> None:
    link = await bench.link(b"some weights", name="wéights.bin")
    response = await bench.follow(link)
    assert response.status_code == 200
    assert response.content == b"some weights"
    disposition = response.headers["content-disposition"]
    assert disposition.startswith("attachment")
    assert "filename*=UTF-8''w%C3%A9ights.bin" in disposition


async def test_a_download_link_gives_a_range(bench: Bench) -> None:
    response = await bench.follow(await bench.link(b"0123456789"), headers={"Range": "bytes=2-4"})
    assert (response.status_code, response.content) == (206, b"234")
    assert response.headers["content-range"] == "bytes 2-4/10"


async def test_links_end_after_their_lifetime(bench: Bench) -> None:
    upload = await begun(bench, b"late")
    [link] = await bench.store.link_parts(upload, upload.parts, timedelta(minutes=10))
    assert timedelta(minutes=9) < link.expires_at - datetime.now(UTC) <= timedelta(minutes=10)


async def test_no_link_that_writes_names_a_blob(bench: Bench) -> None:
    upload = await begun(bench, b"x")
    [link] = await bench.store.link_parts(upload, upload.parts, timedelta(minutes=1))
    assert link.method == "PUT"
    assert "blobs/" not in link.url
    assert str(upload.id) in link.url
