"""Issuers: OIDC issuers whose signed tokens are looked at, and nothing believed before.

`discovery.py` alone leaves the process: it fetches an issuer's configuration and keys, bounded in
time and size, keeps them for a while, and looks again when a key is new. Algorithms are pinned.
"""
