"""Naming conventions: trying one before it is set, and telling what does not follow it.

Nothing here changes anything. What a convention is, and what it refuses, lies in `models`; it is
held against what is written in `versions` and `stages`.
"""
