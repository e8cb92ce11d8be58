"""Canonical JSON (RFC 8785) and digests of it: the same value, the same bytes, everywhere."""

import hashlib
from typing import Any

import rfc8785


def canonical(value: Any) -> bytes:
    """The one JSON text of a value. Integers beyond 2^53 - 1 have none (ValueError)."""
    return rfc8785.dumps(value)


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of bytes, as 64 lower-case hex characters."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return sha256_hex(canonical(value))
