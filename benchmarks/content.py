"""The bytes of a large file, made as they are needed: nothing of it lies in memory or on disk."""

import hashlib
import random
from collections.abc import Iterator

BLOCK = 2**20


class Content:
    """So many bytes that look random and are the same for the same seed. Every block of a MiB has
    bytes of its own, so that no layer below can store two of them once."""

    def __init__(self, seed: int, size: int) -> None:
        """`size` is in bytes."""
        self.seed = seed
        self.size = size
        self._base = random.Random(seed).randbytes(BLOCK)

    def blocks(self, offset: int = 0, size: int | None = None) -> Iterator[memoryview]:
        """The bytes from `offset` on. Each view is good until the next one is asked for."""
        end = self.size if size is None else offset + size
        block = bytearray(self._base)
        view = memoryview(block)
        while offset < end:
            number, start = divmod(offset, BLOCK)
            block[:8] = number.to_bytes(8)
            piece = view[start : min(BLOCK, start + end - offset)]
            yield piece
            offset += len(piece)

    def sha256(self) -> str:
        """Its digest."""
        found = hashlib.sha256()
        for block in self.blocks():
            found.update(block)
        return found.hexdigest()
