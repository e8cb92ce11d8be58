"""Tokens: the credentials of identities.

A secret is shown once; only an HMAC of it is stored. A token never issues one that may do more
than itself, and remembers all who had a hand in it. A revoked one works nowhere after a second.
A rotated one gives way to one that may do the same, and no token lengthens its own life. Where
one ends soon, the answers to it say so, and the record says so once.
"""
