"""Files under one root, where no symbolic link is followed and a fault is a clear problem.

Everything here blocks and is called in threads.
"""

import errno
import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from app.core.problems import Unavailable

BLOCK = 1 << 20
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RETRY_SECONDS = 10
SAFE = os.O_NOFOLLOW | os.O_CLOEXEC
flush = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter
log = structlog.get_logger()
P = ParamSpec("P")
T = TypeVar("T")


def guarded(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Take a step; what the operating system refuses becomes `Unavailable`, and is logged."""
    try:
        return step(*args, **kwargs)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        log.error("blob_store_fault", step=getattr(step, "__name__", repr(step)), reason=reason)
        if error.errno in NO_ROOM:
            raise no_room() from error
        raise away(reason) from error


def away(reason: str) -> Unavailable:
    """The store cannot be used now."""
    return Unavailable(
        f"The blob store cannot be used at this moment ({reason}). Nothing was half-done; send the "
        "request again. If it stays so, tell your operator.",
        retry_after=RETRY_SECONDS,
    )


def no_room() -> Unavailable:
    """The disk is full."""
    return Unavailable(
        "The blob store has no room left for these bytes. None of them were kept; send them again "
        "once your operator has made room.",
        retry_after=6 * RETRY_SECONDS,
    )


@contextmanager
def opened(name: str | Path, flags: int, *, at: int | None = None) -> Iterator[int]:
    """A file's descriptor; a symbolic link of that name is refused."""
    descriptor = os.open(name, flags | SAFE, 0o600, dir_fd=at)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def folder(root: Path, *names: str, make: bool = False) -> Iterator[int]:
    """The descriptor of a folder under `root`, reached one name at a time.

    `root` and the first folder under it are there since the store was prepared: where one is not,
    the store is away (a volume that is not mounted, say) and nothing may be concluded from it.
    What is missing below them is a `FileNotFoundError` or, with `make`, is made.
    """
    with ExitStack() as held:
        current = held.enter_context(_fixed_folder(root, None))
        for depth, name in enumerate(names):
            if depth == 0:
                current = held.enter_context(_fixed_folder(name, current))
                continue
            if make:
                make_folder(name, current)
            current = held.enter_context(opened(name, os.O_DIRECTORY, at=current))
        yield current


@contextmanager
def _fixed_folder(name: str | Path, at: int | None) -> Iterator[int]:
    # The operator may well have made `root` a link; what lies below it is ours alone.
    flags = os.O_DIRECTORY | (os.O_CLOEXEC if at is None else SAFE)
    try:
        descriptor = os.open(name, flags, dir_fd=at)
    except FileNotFoundError:
        raise away("its directory is not there") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def make_folder(name: str, at: int) -> None:
    """Make a folder that only we may enter, and put it on the disk; harmless if it is there."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=at)
        os.fsync(at)


def status(name: str, at: int) -> os.stat_result | None:
    """What lies under a name, a link not being followed; None where nothing does."""
    try:
        return os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None


def names_in(at: int) -> list[str]:
    """The names in a folder, in no order."""
    return os.listdir(at)


def is_file(found: os.stat_result) -> bool:
    """Whether that is a plain file."""
    return stat.S_ISREG(found.st_mode)


def write_at(descriptor: int, block: bytes, offset: int) -> None:
    """Write all of a block, however often the system stops short."""
    left = memoryview(block)
    while left:
        done = os.pwrite(descriptor, left, offset)
        left, offset = left[done:], offset + done


@contextmanager
def alone(descriptor: int) -> Iterator[None]:
    """Hold a file's lock against every thread and process; a death frees it."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def try_alone(descriptor: int) -> bool:
    """Take a file's lock until the descriptor is closed, or say that somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Reader:
    """An open file that may be closed while a thread still reads from it.

    A request can be cancelled at any await, its thread cannot. Without the lock, closing would free
    the descriptor's number for another file under the thread's hands.
    """

    def __init__(self, root: Path, *names: str) -> None:
        """`FileNotFoundError` where there is no such file."""
        with folder(root, *names[:-1]) as at:
            self._descriptor = os.open(names[-1], os.O_RDONLY | SAFE, dir_fd=at)
        self._turn = threading.Lock()
        self.status = os.fstat(self._descriptor)

    def read(self, start: int, size: int) -> bytes:
        """Up to `size` bytes from `start` on; none at the end, or once it is closed."""
        with self._turn:
            return b"" if self._descriptor < 0 else os.pread(self._descriptor, size, start)

    def read_into(self, buffer: memoryview, start: int) -> int:
        """Fill a buffer from `start` on; how many bytes that were."""
        with self._turn:
            return 0 if self._descriptor < 0 else os.preadv(self._descriptor, [buffer], start)

    def close(self) -> None:
        """Close it, after the read under way."""
        with self._turn:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
