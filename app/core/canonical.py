"""Canonical JSON (RFC 8785) and digests of it: the same value, the same bytes, everywhere."""

import hashlib
from typing import Any

import rfc8785

MAX_SAFE_INTEGER = 2**53 - 1


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


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of bytes, as 64 lower-case hex characters."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return sha256_hex(canonical(value))
