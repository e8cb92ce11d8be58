"""Reading an object of a bucket, on and on over cut connections."""

import threading

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from app.blobs.stores.bucket import Bucket, Opened
from app.blobs.stores.disk import away
from app.blobs.stores.s3_faults import told

OPENINGS = 4
FIRST_PAUSE = 0.2


class Reading:
    """An object's bytes from `start` up to `end` (exclusive), or what there is of that.

    A cut connection is taken up where it broke off, as long as the object is the same. It may be
    closed while a thread still reads: whoever reads then closes the connection itself.
    """

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        start: int = 0,
        end: int | None = None,
        etag: str | None = None,
    ) -> None:
        """`NotThere` where there is no such object, `Changed` where it is another."""
        self._bucket, self._key = bucket, key
        self._turn, self._closed = threading.Lock(), threading.Event()
        opened = bucket.open(key, start, end, etag)
        self.size, self.etag = opened.size, opened.etag
        self._at, self._end = start, self.size if end is None else min(end, self.size)
        self._opened: Opened | None = opened

    def read(self, size: int) -> bytes:
        """Up to `size` bytes more; none at the end, or once it is closed. `Changed` or `NotThere`
        where the object went away under it."""
        with self._turn:
            block = b"" if self._closed.is_set() else self._read_on(size)
        if self._closed.is_set():
            self.close()
        return block

    def _read_on(self, size: int) -> bytes:
        for tried in range(OPENINGS):
            if self._at >= self._end:
                return b""
            if tried and self._closed.wait(FIRST_PAUSE * 4 ** (tried - 1)):
                return b""
            self._bucket.require_going_on()
            if block := self._try(min(size, self._end - self._at)):
                self._at += len(block)
                return block
        raise away("it broke off while it sent an object")

    def _try(self, size: int) -> bytes:
        """Some bytes; none where the connection broke off."""
        try:
            if self._opened is None:
                self._opened = self._bucket.open(self._key, self._at, self._end, self.etag)
            block = self._opened.body.read(size)
        except (BotoCoreError, HTTPError, OSError):
            block = b""
        if not block:
            self._drop()
        return block

    def _drop(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            with told("closing a connection"):
                opened.body.close()

    def close(self) -> None:
        """Close it; harmless twice."""
        self._closed.set()
        if self._turn.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._turn.release()
