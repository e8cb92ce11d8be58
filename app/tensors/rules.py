"""Reading the header of a safetensors file: eight bytes that say how long it is, then JSON.

Whoever sent the file wrote it, so it is believed in nothing: it must be bounded, mean one thing
only, and agree with the file's own size. Nothing else of the file is ever looked at as anything but
bytes.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SUFFIX = ".safetensors"
PREFIX_BYTES = 8
MOST_HEADER_BYTES = 16 * 2**20
MOST_TENSORS = 100_000
MOST_DIMENSIONS = 64
MOST_NAME_BYTES = 1024
MOST_METADATA_BYTES = 64 * 1024
LARGEST = 2**63 - 1
# What JSON becomes in memory goes by these rather than by its length.
MOST_OF = {b"{": 150_000, b"[": 300_000, b",": 1_500_000, b'"': 2_000_000, b":": 1_000_000}
BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8"), 8),
    **dict.fromkeys(("F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E5M2FNUZ", "F8_E4M3FNUZ"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
    "F4": 4,
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
}
METADATA = "__metadata__"
FIELDS = {"dtype", "shape", "data_offsets"}


class Unreadable(Exception):
    """Why a header is not read, in words that quote nothing of it."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor. Its bytes stand from `start` up to `stop` in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself; the tensors by where their bytes stand. `left_out` entries of the
    metadata were too much to keep."""

    tensors: tuple[Tensor, ...]
    metadata: dict[str, str]
    left_out: int

    @property
    def parameters(self) -> int:
        """How many numbers all tensors hold."""
        return sum(tensor.parameters for tensor in self.tensors)


def is_named(path: str) -> bool:
    """Whether a file of this path says that it is one."""
    return path.lower().endswith(SUFFIX)


def header_length(prefix: bytes, size: int) -> int:
    """How long the header of a file of this size is."""
    if len(prefix) < PREFIX_BYTES:
        raise Unreadable("The file is too short to have a header.")
    length = int.from_bytes(prefix, "little")
    if length > size - PREFIX_BYTES:
        raise Unreadable("The header would be longer than the file.")
    if length > MOST_HEADER_BYTES:
        raise Unreadable("The header is too large to read: it has more than 16 MiB.")
    return length


def parse_header(raw: bytes, size: int) -> Header:
    """What a header says, in a file of this size; `Unreadable` where it is not to be believed."""
    found = _as_object(raw)
    metadata, left_out = _metadata(found.pop(METADATA, {}))
    if len(found) > MOST_TENSORS:
        raise Unreadable("The header names more than 100,000 tensors.")
    begin = PREFIX_BYTES + len(raw)
    tensors = [_tensor(name, said, begin) for name, said in found.items()]
    tensors.sort(key=lambda tensor: (tensor.start, tensor.stop, tensor.name))
    _check_places(tensors, begin, size)
    header = Header(tuple(tensors), metadata, left_out)
    if header.parameters > LARGEST:
        raise Unreadable("The shapes are too large to be true.")
    return header


def _as_object(raw: bytes) -> dict[str, Any]:
    if any(raw.count(mark) > most for mark, most in MOST_OF.items()):
        raise Unreadable("The header says more than that of 100,000 tensors.")
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # bad UTF-8 is a ValueError as well
        raise Unreadable("The header is no JSON, or nested too deeply.") from error
    if not isinstance(found, dict):
        raise Unreadable("The header is no JSON object.")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("The header names something twice.")
    return found


def _no_number(_: str) -> None:
    raise Unreadable("The header holds something that is no JSON: NaN or an infinity.")


def _metadata(said: Any) -> tuple[dict[str, str], int]:
    """As much of the metadata as is kept, by key, and how many entries are not."""
    if not isinstance(said, dict) or not all(isinstance(each, str) for each in said.values()):
        raise Unreadable("The metadata of the header does not map text to text.")
    kept: dict[str, str] = {}
    room = MOST_METADATA_BYTES
    for key, value in sorted(said.items()):
        if not (_is_storable(key) and _is_storable(value)):
            raise Unreadable("The metadata of the header holds characters that are none.")
        length = len(key.encode()) + len(value.encode())
        if length <= room:
            kept[key] = value
            room -= length
    return kept, len(said) - len(kept)


def _is_storable(text: str) -> bool:
    return not any(each == "\0" or "\ud800" <= each <= "\udfff" for each in text)


def _tensor(name: str, said: Any, begin: int) -> Tensor:
    if not name or not _is_storable(name) or len(name.encode()) > MOST_NAME_BYTES:
        raise Unreadable("The name of a tensor is empty, too long, or holds no characters.")
    if not isinstance(said, dict) or said.keys() != FIELDS:
        raise Unreadable("A tensor has not exactly a dtype, a shape and its data_offsets.")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        raise Unreadable("A tensor is of a dtype that is not known.")
    if not _are_sizes(shape) or len(shape) > MOST_DIMENSIONS:
        raise Unreadable("The shape of a tensor is no list of sizes, or has more than 64.")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise Unreadable("The data_offsets of a tensor are no two places.")
    start, stop = offsets
    if (stop - start) * 8 != _product(shape) * BITS[dtype]:
        raise Unreadable("A tensor does not have as many bytes as its shape takes.")
    return Tensor(name, dtype, tuple(shape), begin + start, begin + stop)


def _product(shape: Iterable[int]) -> int:
    """How many numbers a shape takes; -1 where it is more than any file can hold."""
    sizes = sorted(shape)  # a zero first: nothing is large that holds nothing
    found = 1
    for each in sizes:
        found *= each
        if found > LARGEST:
            return -1
    return found


def _are_sizes(said: Any) -> bool:
    return isinstance(said, list) and all(
        isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= LARGEST
        for each in said
    )


def _check_places(tensors: Iterable[Tensor], begin: int, size: int) -> None:
    """The tensors' bytes stand one after another, from the header to the end of the file."""
    at = begin
    for tensor in tensors:
        if tensor.start != at:
            raise Unreadable("The bytes of the tensors overlap, or there are gaps between them.")
        at = tensor.stop
    if at != size:
        raise Unreadable("The tensors do not end where the file does.")


def as_metadata(stored: Mapping[str, Any]) -> dict[str, str]:
    """The metadata as it is shown."""
    return {key: str(value) for key, value in sorted(stored.items())}
