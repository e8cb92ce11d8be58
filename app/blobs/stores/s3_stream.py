"""One stream on its way into a bucket, in parts: while one is sent, the next one is filled.

A request can be cancelled at any await, its thread cannot: a lock lets the step under way finish
before everything is taken away again, and steps that come later do nothing.
"""

import base64
import hashlib
import threading
from concurrent.futures import Executor, Future, wait

from app.blobs.stores import s3_rules as rules
from app.blobs.stores.bucket import Bucket
from app.blobs.stores.disk import away
from app.blobs.stores.s3_seen import SeenPart


class StreamIn:
    """Takes blocks, keeps at most two parts in memory. It blocks and is called in threads.

    After a thousand parts they are eight times larger, if it is this stream's turn for that, and
    then none is filled while one is sent.
    """

    def __init__(
        self,
        bucket: Bucket,
        key: str,
        part_size: int,
        turn: threading.Semaphore,
        senders: Executor,
        *,
        with_md5: bool,
    ) -> None:
        """`part_size` is that of the first parts. `turn` lets one stream at a time have large ones.
        `senders` sends one part at a time; it must not be the one that calls this. `with_md5` has
        the store compare."""
        self._bucket, self._key = bucket, key
        self._part_size, self._senders, self._with_md5 = part_size, senders, with_md5
        self._large_turn, self._is_large = turn, False
        self._turn, self._open = threading.Lock(), True
        self._filling = bytearray()
        self._number = 1
        self._upload_id: str | None = None
        self._sending: Future[SeenPart] | None = None
        self._sent: list[SeenPart] = []

    def write(self, block: bytes) -> None:
        """Take the next bytes."""
        with self._turn:
            left = memoryview(block)
            while left and self._open:
                taken = left[: self._part_size - len(self._filling)]
                self._filling += taken
                left = left[len(taken) :]
                if len(self._filling) == self._part_size:
                    self._send()
                    self._grow()

    def finish(self) -> str:
        """Make one object of all that came; its ETag. Harmless, and nothing, once it was given
        up."""
        with self._turn:
            if not self._open:
                return ""
            self._shrink()
            if self._upload_id is None:
                return self._bucket.put(self._key, self._filling, **self._guard(self._filling))
            if self._filling:
                self._send()
            self._gather()
            self._bucket.complete_upload(self._key, self._upload_id, self._sent)
            seen = self._bucket.head(self._key)
            if seen is None or seen.size != sum(part.size for part in self._sent):
                raise away("it made another object than of the parts that were sent")
            return seen.etag

    def give_up(self) -> None:
        """Take everything away again, after the step under way."""
        with self._turn:
            self._open = False
            self._filling = bytearray()
            if self._sending is not None:
                wait([self._sending])
            self._shrink()
            if self._upload_id is not None:
                self._bucket.abort_upload(self._key, self._upload_id)
            self._bucket.delete(self._key)

    def _send(self) -> None:
        self._gather()
        if self._number > rules.MOST_PARTS:
            raise rules.too_long() if self._is_large else away("too many long files come at once")
        if self._upload_id is None:
            self._upload_id = self._bucket.begin_upload(self._key)
        part, self._filling = self._filling, bytearray()
        self._sending = self._senders.submit(self._send_part, self._upload_id, self._number, part)
        self._number += 1

    def _grow(self) -> None:
        """Have larger parts, once there were many small ones and no other stream has them."""
        if self._is_large:
            self._gather()
        elif rules.is_long(self._number) and self._large_turn.acquire(blocking=False):
            self._gather()
            self._is_large, self._part_size = True, rules.LARGER * self._part_size

    def _shrink(self) -> None:
        """Let another stream have large parts."""
        if self._is_large:
            self._is_large = False
            self._large_turn.release()

    def _send_part(self, upload_id: str, number: int, part: bytearray) -> SeenPart:
        return self._bucket.send_part(self._key, upload_id, number, part, **self._guard(part))

    def _gather(self) -> None:
        if self._sending is not None:
            self._sent.append(self._sending.result())
            self._sending = None

    def _guard(self, body: bytearray) -> dict[str, str]:
        return {"ContentMD5": in_md5(body)} if self._with_md5 else {}


def in_md5(body: bytes | bytearray) -> str:
    """The MD5 of what is sent from here, as S3's header carries it: against faults, not foes."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
