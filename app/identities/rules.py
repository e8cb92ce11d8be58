"""How a token's secret looks, and what is stored of it."""

import hashlib
import hmac
import secrets
import zlib

PREFIX = "swd_"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def new_secret() -> str:
    """A fresh secret: `swd_`, 256 random bits, and a checksum by which scanners of leaked secrets
    (and we, before asking PostgreSQL) tell a real one from a typing error."""
    body = _base62(int.from_bytes(secrets.token_bytes(32)), 43)
    return PREFIX + body + _checksum(body)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)


def well_formed(secret: str) -> bool:
    """Whether a text may be a secret of ours: its checksum is right, or it is not of our making
    at all (an admin token that an operator chose)."""
    if not 32 <= len(secret) <= 512 or not secret.isascii():
        return False
    if not secret.startswith(PREFIX) or len(secret) != len(PREFIX) + 49:
        return True
    body = secret[len(PREFIX) : -6]
    return hmac.compare_digest(secret[-6:], _checksum(body))


def digest_of_secret(secret: str, signing_key: bytes) -> str:
    """What is stored of a secret: HMAC-SHA256 under a key that is not in the database."""
    key = hmac.digest(signing_key, b"stageward token digest", hashlib.sha256)
    return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()


def hint_of(secret: str) -> str:
    """The first characters of a secret, by which its owner recognises it in a list."""
    return secret[:8]
