"""Ranges, conditions and names, against plain models of what the RFCs say."""

import re
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blobs.rules import Selection, attachment, media_type, repr_digest, select

TAG = f'"{"a" * 64}"'
OTHER = f'"{"b" * 64}"'


def get(size: int, **headers: str) -> Selection:
    return select(
        "GET", {name.replace("_", "-"): value for name, value in headers.items()}, TAG, size
    )


def naive(first: int | None, last: int | None, size: int) -> set[int] | None:
    """The positions that a range names, among those there are; None where it names nonsense."""
    if first is None:
        return set(range(size)[-last:]) if last else set()
    if last is not None and last < first:
        return None
    return {at for at in range(size) if first <= at and (last is None or at <= last)}


positions = st.integers(0, 30)


@given(first=st.none() | positions, last=st.none() | positions, size=positions)
def test_a_single_range_selects_what_the_naive_model_selects(
    first: int | None, last: int | None, size: int
) -> None:
    if first is None and last is None:
        return
    wanted = "bytes={}-{}".format("" if first is None else first, "" if last is None else last)
    chosen, named = get(size, range=wanted), naive(first, last, size)
    if named is None or (first is None and last and size == 0):
        assert chosen == Selection(200, 0, size)
    elif not named:
        assert chosen.status == 416
    else:
        assert chosen.status == 206
        assert set(range(chosen.start, chosen.end)) == named


@given(wanted=st.text(max_size=40) | st.from_regex(r"bytes=[0-9,\- ]{0,60}", fullmatch=True))
def test_whatever_stands_in_range_selects_bytes_that_are_there(wanted: str) -> None:
    chosen = get(10, range=wanted)
    assert chosen.status in (200, 206, 416)
    assert 0 <= chosen.start <= chosen.end <= 10


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("bytes=0-0,5-6", Selection(200, 0, 10)),
        ("bytes=5-2", Selection(200, 0, 10)),
        ("bytes=-", Selection(200, 0, 10)),
        ("bytes=a-b", Selection(200, 0, 10)),
        ("bytes=-1-2", Selection(200, 0, 10)),
        ("bytes=٣-", Selection(200, 0, 10)),
        ("items=0-1", Selection(200, 0, 10)),
        ("Bytes = 1-2 ", Selection(206, 1, 3)),
        ("bytes=0-", Selection(206, 0, 10)),
        ("bytes=9-100", Selection(206, 9, 10)),
        (f"bytes=1-{'9' * 5000}", Selection(206, 1, 10)),
        (f"bytes={'9' * 5000}-", Selection(416)),
        (f"bytes=-{'9' * 5000}", Selection(206, 0, 10)),
        ("bytes=00000000000000000000000002-3", Selection(206, 2, 4)),
        ("bytes=10-", Selection(416)),
        ("bytes=-0", Selection(416)),
    ],
)
def test_ranges_one_by_one(wanted: str, expected: Selection) -> None:
    assert get(10, range=wanted) == expected


def test_an_empty_file_has_no_range() -> None:
    assert get(0, range="bytes=0-").status == 416
    assert get(0, range="bytes=-5") == Selection(200, 0, 0)
    assert get(0) == Selection(200, 0, 0)


def test_head_knows_no_ranges() -> None:
    assert select("HEAD", {"range": "bytes=0-1"}, TAG, 10) == Selection(200, 0, 10)


@pytest.mark.parametrize("header", [TAG, f"W/{TAG}", f"{OTHER}, {TAG}", "*"])
def test_if_none_match_says_that_the_caller_has_it(header: str) -> None:
    assert get(10, if_none_match=header).status == 304
    assert get(10, if_none_match=header, range="bytes=0-1").status == 304


def test_if_none_match_with_other_tags_changes_nothing() -> None:
    assert get(10, if_none_match=OTHER) == Selection(200, 0, 10)


def test_if_match_is_strong() -> None:
    assert get(10, if_match=TAG) == Selection(200, 0, 10)
    assert get(10, if_match="*") == Selection(200, 0, 10)
    assert get(10, if_match=OTHER).status == 412
    assert get(10, if_match=f"W/{TAG}").status == 412


@pytest.mark.parametrize("header", [OTHER, f"W/{TAG}", "Wed, 21 Oct 2026 07:28:00 GMT", ""])
def test_a_range_of_something_else_is_answered_with_everything(header: str) -> None:
    assert get(10, range="bytes=0-1", if_range=header) == Selection(200, 0, 10)
    assert get(10, range="bytes=99-", if_range=header) == Selection(200, 0, 10)


def test_a_range_of_this_very_file_is_answered() -> None:
    assert get(10, range="bytes=0-1", if_range=TAG) == Selection(206, 0, 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.pkl", 'attachment; filename="model.pkl"'),
        ("a b;c.bin", 'attachment; filename="a b;c.bin"'),
        ('a"b\\c.bin', "attachment; filename=\"a_b_c.bin\"; filename*=UTF-8''a%22b%5Cc.bin"),
        ("100%.bin", "attachment; filename=\"100_.bin\"; filename*=UTF-8''100%25.bin"),
        ("poids-é.bin", "attachment; filename=\"poids-_.bin\"; filename*=UTF-8''poids-%C3%A9.bin"),
        ("a\r\nb", "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"),
    ],
)
def test_a_file_is_saved_under_its_name(name: str, expected: str) -> None:
    assert attachment(name) == expected


@given(name=st.text(min_size=1, max_size=60))
def test_any_name_survives_as_an_attachment_and_stays_on_its_line(name: str) -> None:
    header = attachment(name)
    assert re.fullmatch(r"[ -~]+", header)
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    plain = header.partition('filename="')[2].partition('"')[0]
    _, starred, encoded = header.partition("filename*=UTF-8''")
    found = unquote(encoded) if starred else plain
    assert found == name.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("said", ["text/plain", "application/x-model+zip; v=1", 'a/b; c="d e"'])
def test_a_media_type_is_passed_on(said: str) -> None:
    assert media_type(said) == said


@pytest.mark.parametrize("said", ["", "text", "text/plain\r\nX: y", "a/b;", "text/plàin", "a b/c"])
def test_what_is_no_media_type_says_nothing(said: str) -> None:
    assert media_type(said) == "application/octet-stream"


def test_the_digest_of_the_whole_file_is_told_in_base64() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert repr_digest(empty) == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
