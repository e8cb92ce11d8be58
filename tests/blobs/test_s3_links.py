"""A signed link of the S3 store is good for one thing, for minutes."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from app.blobs.stores.bucket import Bucket, BucketAddress
from app.blobs.stores.interface import Download, Link
from app.blobs.stores.s3_traits import Traits
from tests.blobs.conftest import S3Bench, past_this_service, sha256_of
from tests.blobs.serving import MINUTES
from tests.blobs.test_s3_store import keys
from tests.blobs.test_store_contract import finished
from tests.waiting import eventually

NAMES = [
    ("weights.bin", 'attachment; filename="weights.bin"'),
    ("wéights 100%.bin", "filename*=UTF-8''w%C3%A9ights%20100%25.bin"),
    ("模型.safetensors", "filename*=UTF-8''%E6%A8%A1%E5%9E%8B.safetensors"),
    ('a"b\\c;d.bin', "filename*=UTF-8''a%22b%5Cc%3Bd.bin"),
]


@pytest.mark.parametrize(("name", "said"), NAMES)
async def test_a_download_has_the_name_of_its_file(s3_bench: S3Bench, name: str, said: str) -> None:
    response = await s3_bench.follow(await s3_bench.link(b"bytes", name=name))
    assert (response.status_code, response.content) == (200, b"bytes")
    disposition = response.headers["content-disposition"]
    assert disposition.startswith("attachment")
    assert said in disposition


@pytest.mark.parametrize(
    ("media_type", "said"),
    [
        ("application/json", "application/json"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("text/html\r\nX-Evil: yes", "application/octet-stream"),
    ],
)
async def test_a_download_has_the_media_type_of_its_file(
    s3_bench: S3Bench, media_type: str, said: str
) -> None:
    response = await s3_bench.follow(await s3_bench.link(b"{}", media_type=media_type))
    assert response.headers["content-type"].replace("; ", ";").lower() == said.replace("; ", ";")
    assert response.headers["cache-control"] == "private, no-transform"
    assert "x-evil" not in response.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
async def test_a_link_to_read_cannot_change_anything(s3_bench: S3Bench, method: str) -> None:
    link = await s3_bench.link(b"bytes")
    refused = await s3_bench.follow(link, method=method, content=b"other")
    assert refused.status_code in (400, 403, 405, 501)
    assert (await s3_bench.follow(link)).content == b"bytes"


async def test_a_link_to_read_names_one_blob_in_one_way(s3_bench: S3Bench) -> None:
    one, other = await s3_bench.keep(b"one"), await s3_bench.keep(b"other")
    [link] = await s3_bench.store.link_downloads(
        [Download(one.sha256, 3, "one.bin", "a/b")], MINUTES
    )
    for altered in (
        link.url.replace(one.sha256, other.sha256).replace(
            f"{one.sha256[:2]}/{one.sha256[2:4]}", f"{other.sha256[:2]}/{other.sha256[2:4]}"
        ),
        link.url.replace("one.bin", "two.bin"),
        link.url.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        link.url.partition("?")[0],
    ):
        assert altered != link.url
        assert (await s3_bench.follow(replace(link, url=altered))).status_code in (400, 401, 403)


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
async def test_a_link_to_send_cannot_do_anything_else(s3_bench: S3Bench, method: str) -> None:
    upload = await s3_bench.store.begin(uuid4(), 5)
    [link] = await s3_bench.store.link_parts(upload, upload.parts, MINUTES)
    assert 400 <= (await s3_bench.follow(link, method=method)).status_code < 500
    assert (await s3_bench.follow(link, content=b"bytes")).status_code == 200


async def test_a_link_to_send_names_one_part_of_one_upload(s3_bench: S3Bench) -> None:
    upload, other = [await s3_bench.store.begin(uuid4(), 5) for _ in range(2)]
    [link] = await s3_bench.store.link_parts(upload, upload.parts, MINUTES)
    for altered in (
        link.url.replace(str(upload.id), str(other.id)),
        link.url.replace("partNumber=1", "partNumber=2"),
        link.url.replace(f"incoming/{upload.id}", f"blobs/00/00/{'0' * 64}"),
    ):
        assert altered != link.url
        refused = await s3_bench.follow(replace(link, url=altered), content=b"bytes")
        assert refused.status_code == 403
    assert await s3_bench.store.parts_present(upload) == []


@pytest.mark.parametrize("with_digest", [True, False])
async def test_a_link_to_send_does_not_copy_what_the_store_holds(
    s3_bench: S3Bench, with_digest: bool
) -> None:
    secret = await s3_bench.keep(b"secret bytes")
    [key] = keys(s3_bench.bucket, "blobs/")
    address = s3_bench.bucket.address
    source = {"x-amz-copy-source": f"/{address.name}/{address.prefix}/{key}"}
    said = secret.sha256 if with_digest else None
    upload = await s3_bench.store.begin(uuid4(), secret.size, said)
    [link] = await s3_bench.store.link_parts(upload, upload.parts, MINUTES)
    copying = replace(link, headers={**link.headers, **source})
    for content in (b"", b"chosen bytes"):
        assert (await s3_bench.follow(copying, content=content)).status_code >= 400
    assert await s3_bench.store.parts_present(upload) == []


async def test_nothing_but_the_bytes_of_an_upload_is_kept(s3_bench: S3Bench) -> None:
    body = b"bytes"
    said = {
        "content-type": "text/html",
        "content-encoding": "gzip",
        "content-disposition": "inline",
        "expires": "Thu, 01 Dec 2044 16:00:00 GMT",
        "x-delete-after": "3600",
    }
    upload = await s3_bench.store.begin(uuid4(), len(body), sha256_of(body))
    [link] = await s3_bench.store.link_parts(upload, upload.parts, MINUTES)
    await s3_bench.follow(replace(link, headers={**link.headers, **said}), content=body)
    proven = await finished(s3_bench, upload)
    [download] = await s3_bench.store.link_downloads(
        [Download(proven.sha256, proven.size, "model.bin", "a/b")], MINUTES
    )
    answer = await s3_bench.follow(download)
    assert (answer.content, answer.headers["content-type"]) == (body, "a/b")
    kept = {*answer.headers} & {*said, "x-amz-expiration", "x-delete-at"}
    assert kept == {"content-type", "content-disposition"}


async def test_links_end(s3_bench: S3Bench) -> None:
    proven = await s3_bench.keep(b"bytes")
    upload = await s3_bench.store.begin(uuid4(), 5)
    moment = timedelta(seconds=1)
    [read] = await s3_bench.store.link_downloads([Download(proven.sha256, 5, "x")], moment)
    [send] = await s3_bench.store.link_parts(upload, upload.parts, moment)

    async def is_refused(link: Link) -> bool:
        content = b"bytes" if link.method == "PUT" else b""
        return (await s3_bench.follow(link, content=content)).status_code == 403

    for link in (read, send):
        await eventually(lambda link=link: is_refused(link), what="the end of a link")


async def test_links_lead_to_the_address_that_clients_know(
    s3_address: BucketAddress, s3_traits: Traits
) -> None:
    known = replace(s3_address, public_endpoint="https://files.example.org:8443")
    async with past_this_service(Bucket(known), s3_traits) as bench:
        upload = await bench.store.begin(uuid4(), 5)
        links = [
            *await bench.store.link_parts(upload, upload.parts, MINUTES),
            *await bench.store.link_downloads([Download("0" * 64, 5, "x")], MINUTES),
        ]
        begin = f"https://files.example.org:8443/{s3_address.name}/"
        assert all(link.url.startswith(begin) for link in links)
        await bench.store.abort(upload.id, upload.handle)
        await bench.store.check()  # past that address


async def test_an_address_may_have_the_bucket_in_its_name(
    s3_address: BucketAddress, s3_traits: Traits
) -> None:
    virtual = replace(s3_address, public_endpoint="https://files.example.org", addressing="virtual")
    async with past_this_service(Bucket(virtual), s3_traits) as bench:
        [link] = await bench.store.link_downloads([Download("0" * 64, 5, "x")], MINUTES)
        assert link.url.startswith(f"https://{s3_address.name}.files.example.org/blobs/00/00/")
