"""One request's try at bringing bytes to the local store, in threads that may outlive it.

A request can be cancelled at any await, its thread cannot: so each attempt has a lock that lets the
step under way finish before the files are closed, and steps that come later do nothing.
"""

import os
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import UUID

from app.blobs.problems import PartClash
from app.blobs.stores.disk import BLOCK, alone, flush, opened, status, try_alone, write_at
from app.blobs.stores.incoming import (
    open_data,
    record,
    record_name,
    require_open,
    take_away,
    upload_folder,
)
from app.blobs.stores.interface import Part


class _Attempt(ABC):
    """The folder and the file of one upload, held open."""

    def __init__(self, root: Path, upload_id: UUID) -> None:
        """`UploadClosed` where the upload takes no bytes."""
        self._turn = threading.Lock()
        self._open = True
        self._written = 0
        with ExitStack() as held:
            self._at = held.enter_context(upload_folder(root, upload_id))
            self._data = held.enter_context(open_data(self._at))
            self._held = held.pop_all()

    def write(self, block: bytes) -> None:
        """Write the next bytes."""
        with self._turn:
            if self._open:
                self._write(block)
                self._written += len(block)

    @abstractmethod
    def _write(self, block: bytes) -> None:
        """Write a block; the caller has the turn."""

    def close(self) -> None:
        """Let go of the files, after the step under way. Harmless twice."""
        with self._turn:
            self._open = False
            self._held.close()


class PartAttempt(_Attempt):
    """One try at sending one part.

    The first request writes straight into `data`. One that comes while another is at it, or once
    the part is there, writes aside, and what it brought is put in place only when it is whole.
    """

    def __init__(self, root: Path, upload_id: UUID, part: Part) -> None:
        """`UploadClosed` where the upload takes no bytes."""
        super().__init__(root, upload_id)
        self._part = part
        self._taken = f"{part.number}.taken"
        self._aside: int | None = None
        try:
            self._claim()
        except BaseException:
            self.close()
            raise

    def _claim(self) -> None:
        number = self._part.number
        name = f"{number}.writer"
        writer = self._held.enter_context(opened(name, os.O_RDWR | os.O_CREAT, at=self._at))
        with alone(self._data):  # or one that ends aside could fall between the look and the claim
            if not try_alone(writer) or record(self._at, number) is not None:
                self._aside = self._held.enter_context(_aside_file(self._at, number))
            else:
                with suppress(FileNotFoundError):
                    os.unlink(self._taken, dir_fd=self._at)

    def _write(self, block: bytes) -> None:
        if self._aside is not None:
            write_at(self._aside, block, self._written)
        else:
            self._write_in_place(block)

    def settle(self, sha256: str) -> None:
        """Count the part: all its bytes have been written, and this is their digest."""
        with self._turn:
            if not self._open:
                return
            flush(self._data)
            with alone(self._data):
                require_open(self._at)
                counted = record(self._at, self._part.number)
                if counted is not None and counted.sha256 == sha256:
                    return
                if self._aside is not None:
                    self._put_in_place(self._aside)
                elif status(self._taken, self._at) is not None:
                    raise _clash(self._part)
                self._count(sha256)

    def _write_in_place(self, block: bytes) -> None:
        with alone(self._data):
            require_open(self._at)
            if status(self._taken, self._at) is None:
                write_at(self._data, block, self._part.offset + self._written)

    def _put_in_place(self, aside: int) -> None:
        with opened(self._taken, os.O_WRONLY | os.O_CREAT, at=self._at):
            pass  # from now on, who writes in place only compares
        with suppress(FileNotFoundError):
            os.unlink(record_name(self._part.number), dir_fd=self._at)
            os.fsync(self._at)  # no record of other bytes may come back after a power cut
        for start in range(0, self._part.size, BLOCK):
            block = os.pread(aside, min(BLOCK, self._part.size - start), start)
            write_at(self._data, block, self._part.offset + start)
        flush(self._data)

    def _count(self, sha256: str) -> None:
        name = record_name(self._part.number)
        with opened(f"{name}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, at=self._at) as file:
            write_at(file, f"{self._part.offset} {self._part.size} {sha256}\n".encode(), 0)
            os.fsync(file)
        os.rename(f"{name}.new", name, src_dir_fd=self._at, dst_dir_fd=self._at)
        os.fsync(self._at)


class StreamAttempt(_Attempt):
    """One try at sending a whole file in one stream; nobody else writes to its upload."""

    def _write(self, block: bytes) -> None:
        write_at(self._data, block, self._written)

    def flusher(self) -> Callable[[], None]:
        """A step that puts what is written so far on the disk; it may run beside `write`."""
        descriptor = os.dup(self._data)

        def flush_and_close() -> None:
            try:
                flush(descriptor)
            finally:
                os.close(descriptor)

        return flush_and_close

    def settle(self) -> None:
        """Put everything on the disk and take the file away from writers."""
        with self._turn, alone(self._data):
            require_open(self._at)
            take_away(self._at, self._data)


@contextmanager
def _aside_file(at: int, number: int) -> Iterator[int]:
    name = f"{number}.{secrets.token_hex(8)}.aside"
    with opened(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, at=at) as aside:
        try:
            yield aside
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=at)


def _clash(part: Part) -> PartClash:
    return PartClash(
        f"Another request sent part {part.number} at the same time with different bytes, and that "
        "one counts. Make sure which bytes are right, then send the part again."
    )
