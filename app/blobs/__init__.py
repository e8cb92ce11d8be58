"""Blobs: bytes named by their SHA-256, stored once and proven.

Clients write to `incoming/<upload id>` only. An S3 store whose links can write there after the
upload was completed has its bytes taken away to `proving/<upload id>.<mark>` first. Proven bytes
are adopted inside the store under `blobs/ab/cd/<sha256>`. No link that can write ever names a blob,
or bytes that are being read back to prove them.
"""
