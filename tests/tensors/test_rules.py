"""What a header may say: nothing that the file does not bear out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tensors.rules import (
    MOST_HEADER_BYTES,
    PREFIX_BYTES,
    Header,
    Unreadable,
    header_length,
    parse_header,
)
from tests.tensors.writing import packed, two_tensors, written


def parsed(data: bytes) -> Header:
    length = header_length(data[:PREFIX_BYTES], len(data))
    return parse_header(data[PREFIX_BYTES : PREFIX_BYTES + length], len(data))


def tensor(start: int, stop: int, **said: Any) -> dict[str, Any]:
    whole = {"dtype": "U8", "shape": [stop - start], "data_offsets": [start, stop]}
    return {**whole, **said}


def test_a_header_says_what_the_tensors_are() -> None:
    header = parsed(two_tensors())
    assert [(t.name, t.dtype, t.shape, t.stop - t.start) for t in header.tensors] == [
        ("a", "F32", (2,), 8),
        ("b", "F32", (1,), 4),
    ]
    assert (header.parameters, header.metadata) == (3, {"format": "pt"})
    assert parsed(packed({})).tensors == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too short"),
        (b"1234567", "too short"),
        (b"\xff" * 8, "longer than the file"),
        (packed(b"[]"), "no JSON object"),
        (packed(b"{"), "no JSON"),
        (packed(b"\xff\xfe"), "no JSON"),
        (packed(b'{"a":' * 5000), "no JSON"),
        (packed(b"[" * 200_000), "no JSON"),
        (packed(b"[" * 400_000), "more than that"),
        (packed(b'{"a":NaN}'), "NaN"),
        (packed(b'{"a":' + b"9" * 5000 + b"}"), "no JSON"),
        (packed(b'{"a":1,"a":2}'), "twice"),
        (packed({"__metadata__": {"a": 1}}), "metadata"),
        (packed({"__metadata__": {"a": "\0"}}), "metadata"),
        (packed(b'{"__metadata__":{"a":"\\ud800"}}'), "metadata"),
        (packed({"": tensor(0, 1)}, b"1"), "name"),
        (packed({"x" * 2000: tensor(0, 1)}, b"1"), "name"),
        (packed({"a\0": tensor(0, 1)}, b"1"), "name"),
        (packed({"a": 1}), "exactly"),
        (packed({"a": tensor(0, 1, more=1)}, b"1"), "exactly"),
        (packed({"a": tensor(0, 1, dtype="Q7")}, b"1"), "dtype"),
        (packed({"a": tensor(0, 1, dtype=["U8"])}, b"1"), "dtype"),
        (packed({"a": tensor(0, 1, shape=[-1])}, b"1"), "shape"),
        (packed({"a": tensor(0, 1, shape=[True])}, b"1"), "shape"),
        (packed({"a": tensor(0, 1, shape=[1] * 65)}, b"1"), "shape"),
        (packed({"a": tensor(0, 1, shape=[2])}, b"1"), "as many bytes"),
        (packed({"a": tensor(0, 1, shape=[2**62, 2**62])}, b"1"), "as many bytes"),
        (packed({"a": tensor(0, 1, data_offsets=[-1, 0])}, b"1"), "data_offsets"),
        (packed({"a": tensor(0, 1, data_offsets=[1, 0])}, b"1"), "as many bytes"),
        (packed({"a": tensor(0, 1, data_offsets=[0, 1, 2])}, b"1"), "data_offsets"),
        (packed({"a": tensor(0, 1), "b": tensor(0, 1)}, b"1"), "overlap"),
        (packed({"a": tensor(0, 1), "b": tensor(2, 3)}, b"123"), "gaps"),
        (packed({"a": tensor(0, 1)}, b"12"), "do not end"),
        (packed({"a": tensor(0, 2)}, b"1"), "do not end"),
    ],
)
def test_a_hostile_header_is_not_believed(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parsed(data)


def test_a_header_that_is_too_large_is_not_read() -> None:
    with pytest.raises(Unreadable, match="too large"):
        header_length((MOST_HEADER_BYTES + 1).to_bytes(8, "little"), 2**40)


def test_too_many_tensors_are_refused_before_they_are_in_memory() -> None:
    one = json.dumps(tensor(0, 0))
    many = ",".join(f'"{n}":{one}' for n in range(100_001))
    with pytest.raises(Unreadable, match="100,000"):
        parsed(packed(f"{{{many}}}".encode()))


def test_no_more_metadata_is_kept_than_64_kib() -> None:
    header = parsed(packed({"__metadata__": {"a": "x" * 70_000, "b": "y"}}))
    assert (header.metadata, header.left_out) == ({"b": "y"}, 1)


@given(
    st.dictionaries(
        st.text(
            st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20
        ).filter(lambda n: n != "__metadata__"),
        st.lists(st.floats(width=32), max_size=4),
        max_size=5,
    )
)
def test_every_true_header_is_read(tensors: dict[str, list[float]]) -> None:
    data = written(tensors)
    header = parsed(data)
    assert {each.name: each.shape for each in header.tensors} == {
        name: (len(values),) for name, values in tensors.items()
    }
    assert all(
        data[t.start : t.stop] == data[t.start :][: t.parameters * 4] for t in header.tensors
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
saids = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["U8", "F32", "F4", "X"]),
        "shape": st.lists(st.integers(-1, 4), max_size=3),
        "data_offsets": st.lists(st.integers(-1, 9), min_size=1, max_size=3),
    }
)


@given(
    st.one_of(
        st.binary(max_size=60),
        json_values.map(packed),
        st.dictionaries(st.sampled_from(["a", "b", "__metadata__"]), saids | json_values).map(
            lambda header: packed(header, b"12345678")
        ),
    )
)
def test_whatever_comes_is_read_or_refused_in_words(data: bytes) -> None:
    try:
        header = parsed(data)
    except Unreadable:
        return
    at = len(data) - sum(each.stop - each.start for each in header.tensors)
    for each in header.tensors:
        assert (each.start, each.stop >= each.start) == (at, True)
        at = each.stop
    assert at == len(data)
