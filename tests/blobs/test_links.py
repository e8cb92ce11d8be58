"""A link is good for exactly what it was made for."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blobs.links import Links
from app.blobs.problems import LinkExpired, LinkRefused
from app.blobs.stores.interface import Download, Link, Part
from tests.blobs.conftest import Bench
from tests.blobs.serving import MINUTES

LINKS = Links(b"one key", "https://registry.example")
UPLOAD = UUID("0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80")
PART = Part(3, 128, 64, "a" * 64)
DOWNLOAD = Download("b" * 64, 1000, "weights (final).bin", "application/x-model")


def part_of(link: Link, links: Links = LINKS) -> tuple[UUID, Part]:
    path, query = taken_apart(link)
    *_, upload_id, _, number = path.split("/")
    return links.part(upload_id, number, query)


def blob_of(link: Link, links: Links = LINKS) -> Download:
    path, query = taken_apart(link)
    return links.blob(path.rsplit("/", 1)[1], query)


def taken_apart(link: Link) -> tuple[str, dict[str, str]]:
    url = urlsplit(link.url)
    return url.path, dict(parse_qsl(url.query, keep_blank_values=True))


sizes = st.integers(0, 2**60)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
parts = st.builds(Part, st.integers(1, 10_000), sizes, sizes, st.none() | digests)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
downloads = st.builds(Download, digests, sizes, texts, texts)


@given(upload_id=st.uuids(), part=parts)
def test_a_part_link_comes_back_as_it_was_made(upload_id: UUID, part: Part) -> None:
    assert part_of(LINKS.to_part(upload_id, part, MINUTES)) == (upload_id, part)


@given(download=downloads)
def test_a_download_link_comes_back_as_it_was_made(download: Download) -> None:
    assert blob_of(LINKS.to_blob(download, MINUTES)) == download


def test_links_are_absolute_where_the_address_is_known() -> None:
    assert LINKS.to_part(UPLOAD, PART, MINUTES).url.startswith(
        f"https://registry.example/api/v1/transfer/uploads/{UPLOAD}/parts/3?"
    )
    assert Links(b"key").to_blob(DOWNLOAD, MINUTES).url.startswith("/api/v1/transfer/blobs/bbb")


@pytest.mark.parametrize("field", ["offset", "size", "sha256", "expires", "signature"])
@pytest.mark.parametrize("value", ["", "0", "1", "9999999999", "c" * 64, "é", "\0", "-1"])
def test_no_field_of_a_part_link_can_be_changed(field: str, value: str) -> None:
    link = LINKS.to_part(UPLOAD, PART, MINUTES)
    _, query = taken_apart(link)
    with pytest.raises(LinkRefused):
        LINKS.part(str(UPLOAD), "3", {**query, field: value})
    with pytest.raises(LinkRefused):
        LINKS.part(str(UPLOAD), "3", {name: query[name] for name in query if name != field})


def test_a_part_link_is_for_one_part_of_one_upload() -> None:
    _, query = taken_apart(LINKS.to_part(UPLOAD, PART, MINUTES))
    for upload_id, number in [
        (str(uuid4()), "3"),
        (str(UPLOAD), "4"),
        (str(UPLOAD), "03"),
        (str(UPLOAD).upper(), "3"),
        ("../../blobs", "3"),
    ]:
        with pytest.raises(LinkRefused):
            LINKS.part(upload_id, number, query)


@pytest.mark.parametrize("field", ["size", "name", "type", "expires"])
def test_no_field_of_a_download_link_can_be_changed(field: str) -> None:
    _, query = taken_apart(LINKS.to_blob(DOWNLOAD, MINUTES))
    for value in ("", "1", query[field] + "0"):
        with pytest.raises(LinkRefused):
            LINKS.blob(DOWNLOAD.sha256, {**query, field: value})
    with pytest.raises(LinkRefused):
        LINKS.blob("c" * 64, query)


def test_a_link_that_reads_does_not_write_and_the_other_way_round() -> None:
    _, of_part = taken_apart(LINKS.to_part(UPLOAD, PART, MINUTES))
    _, of_blob = taken_apart(LINKS.to_blob(DOWNLOAD, MINUTES))
    with pytest.raises(LinkRefused):
        LINKS.part(str(UPLOAD), "3", of_blob)
    with pytest.raises(LinkRefused):
        LINKS.blob(DOWNLOAD.sha256, of_part)


def test_a_link_signed_with_another_key_is_refused() -> None:
    with pytest.raises(LinkRefused):
        part_of(Links(b"another key").to_part(UPLOAD, PART, MINUTES))


def test_a_link_ends_and_says_so() -> None:
    with pytest.raises(LinkExpired):
        part_of(LINKS.to_part(UPLOAD, PART, timedelta(0)))
    with pytest.raises(LinkExpired):
        blob_of(LINKS.to_blob(DOWNLOAD, timedelta(minutes=-1)))


async def test_an_altered_link_is_a_403_over_http(local_bench: Bench) -> None:
    link = await local_bench.link(b"bytes", name="a.bin")
    query = {**{k: v[0] for k, v in parse_qs(urlsplit(link.url).query).items()}, "name": "b.bin"}
    altered = f"{link.url.partition('?')[0]}?{urlencode(query, quote_via=quote)}"
    response = await local_bench.follow(Link("GET", altered, {}, link.expires_at))
    assert response.status_code == 403
    assert response.json()["type"].endswith("/problems/link-refused")
    assert response.json()["detail"]


async def test_a_link_without_a_signature_is_a_403_over_http(local_bench: Bench) -> None:
    for method, path in [
        ("GET", f"/api/v1/transfer/blobs/{'b' * 64}"),
        ("HEAD", f"/api/v1/transfer/blobs/{'b' * 64}"),
        ("PUT", f"/api/v1/transfer/uploads/{UPLOAD}/parts/1"),
        ("PUT", "/api/v1/transfer/uploads/..%2f..%2fblobs/parts/1"),
        ("GET", "/api/v1/transfer/blobs/..%2f..%2fsecret_key"),
    ]:
        link = Link(method, f"http://test{path}?expires=9999999999&size=1", {}, _later())
        response = await local_bench.follow(link, content=b"x" if method == "PUT" else None)
        assert response.status_code in (403, 404), (method, path)


async def test_an_expired_link_is_a_403_that_says_how_to_go_on(local_bench: Bench) -> None:
    proven = await local_bench.keep(b"bytes")
    download = Download(proven.sha256, 5, "a.bin")
    [link] = await local_bench.store.link_downloads([download], timedelta(minutes=-1))
    response = await local_bench.follow(link)
    assert response.status_code == 403
    assert response.json()["type"].endswith("/problems/link-expired")
    assert "new one" in response.json()["detail"]


def _later() -> datetime:
    return LINKS.to_part(UPLOAD, PART, MINUTES).expires_at
