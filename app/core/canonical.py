"""Canonical JSON (RFC 8785) and digests of it: the same value, the same bytes, everywhere.

Where the value is given as JSON text, as PostgreSQL and files give it, `recanonical` answers the
same bytes many times faster: it leaves objects, strings and their order to the C code of `json`,
which differs from RFC 8785 only in how numbers are written and where a key goes that has
characters beyond U+DFFF. A number is marked while it is read and written as it should be
afterwards.
"""

import hashlib
import json
import re
from typing import Any

import rfc8785

MAX_SAFE_INTEGER = 2**53 - 1
_MARK = "\0"  # begins the text that stands for a number; no string of a record holds a NUL
_LONG_NUMBER = re.compile(r"(?:^|[:,\[\s])-?\d{16}")
_MARKED = re.compile(r'"\\u0000([^"]*)"')
_SORTED_OTHERWISE = re.compile("[\ue000-\U0010ffff]")


def canonical(value: Any) -> bytes:
    """The one JSON text of a value.

    JSON has one kind of number, a double: an integer beyond 2^53 - 1 (as PostgreSQL writes 1e22)
    is read as the double that it is.
    """
    return rfc8785.dumps(_as_doubles(value))


def _as_doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_doubles(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_doubles(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_SAFE_INTEGER:
        return float(value)
    return value


def recanonical(text: str) -> bytes:
    """What `canonical` says of the value that a JSON text has. Raises ValueError where the text is
    no JSON, or holds what no record can: a NUL, a number that is no double."""
    return written(read(text))


def read(text: str) -> Any:
    """The value of a JSON text for `written`, and only for that: numbers may be marked texts."""
    try:
        if "\\u0000" in text or _LONG_NUMBER.search(text):
            return _marked(json.loads(text, parse_constant=_refuse))
        return _decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def written(value: Any) -> bytes:
    """The canonical JSON of a value, or a part of one, that `read` read."""
    try:
        text = _encode(value)
        if _SORTED_OTHERWISE.search(text):
            text = _encode_as_is(_sorted(value))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return (_MARKED.sub(r"\1", text) if "\\u0000" in text else text).encode()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _number(digits: str) -> str:
    return _MARK + _double(float(digits))


def _double(number: float) -> str:
    plain = repr(number)
    if number == 0 or "e" in plain or plain[-1].isalpha():  # 1e-07, inf
        return rfc8785.dumps(number).decode()
    return plain.removesuffix(".0")


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_without_nul(key): _marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, float):
        return _MARK + _double(value)
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        return _MARK + _double(_of_integer(value))
    return _without_nul(value) if isinstance(value, str) else value


def _of_integer(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a number is too large for a double") from error


def _without_nul(text: str) -> str:
    if _MARK in text:
        raise ValueError("a text holds a NUL")
    return text


def _sorted(value: Any) -> Any:
    """The value with its keys in the order of RFC 8785, by UTF-16 code units."""
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return {key: _sorted(item) for key, item in ordered}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


_decode = json.JSONDecoder(parse_float=_number, parse_constant=_refuse).decode
_encode = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), check_circular=False
).encode
_encode_as_is = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False
).encode


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of bytes, as 64 lower-case hex characters."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return sha256_hex(canonical(value))
