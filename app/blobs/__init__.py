"""Blobs: bytes named by their SHA-256, stored once and proven.

Clients write to `incoming/<upload id>` only; proven bytes are adopted inside the store under
`blobs/ab/cd/<sha256>`. No link that can write ever names a blob.
"""
