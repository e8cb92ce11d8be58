"""What the S3 store decides without asking."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blobs.problems import PartsMissing
from app.blobs.stores import s3_rules as rules
from app.blobs.stores.interface import Upload
from app.blobs.stores.s3_rules import GIB, MIB, InParts, OnePut, Seal
from app.core.problems import InvalidRequest

TIB = 1024 * GIB
ID = UUID("0190a5b0-0000-7000-8000-000000000001")
DIGEST = "ab" + "cd" + "0" * 60
sizes = st.integers(0, 5 * TIB)


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (0, 16 * MIB),
        (1, 16 * MIB),
        (16_000 * MIB, 16 * MIB),
        (16_001 * MIB, 17 * MIB),
        (50 * GIB, 52 * MIB),
        (TIB, 512 * MIB),
        (5 * TIB, 525 * MIB),
    ],
)
def test_parts_grow_with_the_file(size: int, part_size: int) -> None:
    assert rules.part_size_for(size, 16 * MIB, 512 * MIB) == part_size


@given(size=sizes)
def test_the_parts_of_a_file_are_within_what_s3_takes(size: int) -> None:
    part_size = rules.part_size_for(size, 16 * MIB, 512 * MIB)
    assert -(-size // part_size) <= rules.MOST_PARTS
    assert 5 * MIB <= part_size <= rules.LARGEST_PART


@given(size=sizes, at_once=st.integers(5 * MIB, 5 * GIB))
def test_ranges_cover_an_object_once(size: int, at_once: int) -> None:
    ranges = list(rules.copy_ranges(size, at_once))
    assert len(ranges) <= rules.MOST_PARTS
    assert sum(end - start for start, end in ranges) == size
    assert [start for start, _ in ranges[1:]] == [end for _, end in ranges[:-1]]
    assert all(0 < end - start <= max(at_once, GIB) for start, end in ranges)


def test_a_stream_begins_with_small_parts() -> None:
    assert [rules.is_long(number) for number in (1, 1000, 1001, 10_000)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_stream_that_cannot_fit_into_its_parts_is_refused_when_it_is_announced() -> None:
    most = 1000 * 8 * MIB + 9000 * 64 * MIB
    with pytest.raises(InvalidRequest):
        rules.require_streamable(most + 1, 8 * MIB)
    rules.require_streamable(most, 8 * MIB)
    rules.require_streamable(None, 8 * MIB)


def test_what_is_announced_never_makes_a_stream_need_more_memory() -> None:
    for size, room in ((0, 0), (5, 5), (16 * MIB, 16 * MIB), (600 * GIB, 16 * MIB)):
        assert rules.stream_room(size, 8 * MIB) == room
    assert rules.stream_room(None, 8 * MIB) == 16 * MIB


@pytest.mark.parametrize(
    ("way", "handle"),
    [
        (OnePut(DIGEST), f"put:{DIGEST}"),
        (InParts("2~a:b/c+d"), "parts:2~a:b/c+d"),
        (InParts("x", digests=True), "parts+sha256:x"),
    ],
)
def test_a_handle_is_read_as_it_was_written(way: OnePut | InParts, handle: str) -> None:
    assert str(way) == handle
    assert rules.read_handle(handle) == way


@pytest.mark.parametrize("handle", [None, "", "put", "put:", f"put:{DIGEST}0", "parts:", "x:y"])
def test_what_is_no_handle_is_none(handle: str | None) -> None:
    assert rules.read_handle(handle) is None


@pytest.mark.parametrize("seal", [Seal(f"incoming/{ID}", '"e-3"'), Seal(f"proving/{ID}.00ff", "*")])
def test_a_seal_is_read_as_it_was_written(seal: Seal) -> None:
    assert rules.read_seal(str(seal)) == seal


@pytest.mark.parametrize("seal", ["", "seal", f"incoming/{ID} ", f"blobs/{ID} x", "incoming/x x"])
def test_what_is_no_seal_is_none(seal: str) -> None:
    assert rules.read_seal(seal) is None


def test_a_key_tells_what_it_holds() -> None:
    assert rules.upload_of(rules.incoming_key(ID)) == ID
    assert rules.upload_of(f"{rules.proving_keys(ID)}00ff") == ID
    assert rules.digest_of(rules.blob_key(DIGEST)) == DIGEST
    assert rules.blob_key(DIGEST) == f"blobs/ab/cd/{DIGEST}"


@pytest.mark.parametrize(
    "key",
    ["", "incoming/", "incoming/x", f"incoming/{ID}/x", f"proving/{ID}", f"blobs/ab/cd/{ID}"],
)
def test_what_is_no_key_of_ours_is_left_alone(key: str) -> None:
    assert rules.upload_of(key) is None
    assert rules.digest_of(key) is None


def test_a_key_is_made_of_digests_only() -> None:
    for wrong in ("", "../" + "0" * 61, DIGEST.upper(), DIGEST + "0"):
        with pytest.raises(ValueError, match="not a digest"):
            rules.blob_key(wrong)


def test_parts_that_are_missing_are_named() -> None:
    upload = Upload(uuid4(), 25, 10)
    rules.require_all(upload, [(3, 5), (1, 10), (2, 10), (4, 10)])
    with pytest.raises(PartsMissing) as refused:
        rules.require_all(upload, [(1, 10), (3, 10)])
    assert refused.value.extra["missing"] == [2, 3]


@pytest.mark.parametrize(
    ("code", "status", "missing", "changed", "final"),
    [
        ("NoSuchKey", 404, True, False, True),
        ("NoSuchUpload", 404, True, False, True),
        ("404", 404, True, False, True),
        ("NoSuchBucket", 404, False, False, True),
        ("PreconditionFailed", 412, False, True, True),
        ("InvalidPart", 400, False, True, True),
        ("BadDigest", 400, False, True, True),
        ("AccessDenied", 403, False, False, True),
        ("NotImplemented", 501, False, False, True),
        ("RequestTimeout", 400, False, False, False),
        ("408", 408, False, False, False),
        ("TooManyRequests", 429, False, False, False),
        ("InternalError", 500, False, False, False),
        ("SlowDown", 503, False, False, False),
    ],
)
def test_an_answer_of_the_store_means_one_thing(
    code: str, status: int, missing: bool, changed: bool, final: bool
) -> None:
    assert rules.is_missing(code, status) is missing
    assert rules.is_changed(code, status) is changed
    assert rules.is_final(code, status) is final
    assert rules.reason(code, status)
