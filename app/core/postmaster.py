"""What runs in a PostgreSQL data folder right now, and how to end it.

A process belongs to the folder if it works in it (PostgreSQL's own all do) and not because a file
holds its number: numbers are used again.
"""

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.02
ORPHAN_SECONDS = 5.0


@dataclass(frozen=True)
class Postmaster:
    """The server that a data folder's `postmaster.pid` names."""

    pid: int
    socket_folder: Path | None
    status: str


def named(pgdata: Path) -> Postmaster | None:
    """What `postmaster.pid` says, running or not; None where it says nothing whole."""
    try:
        lines = (pgdata / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    lines += [""] * 8
    return Postmaster(pid, Path(lines[4]) if lines[4] else None, lines[7].strip())


def running(pgdata: Path) -> Postmaster | None:
    """The server that runs in the folder, ready or not."""
    found = named(pgdata)
    return found if found is not None and works_in(found.pid, pgdata) else None


def works_in(pid: int, pgdata: Path) -> bool:
    """Whether this process lives and is a PostgreSQL process of this data folder."""
    if sys.platform != "linux":
        return _exists(pid)
    process = Path(f"/proc/{pid}")
    try:
        if (process / "comm").read_text().strip() != "postgres":
            return False
        try:
            return (process / "cwd").readlink() == pgdata
        except PermissionError:  # root without the right to trace: the server itself still says
            return str(pgdata) in (process / "cmdline").read_text().split("\0")
    except OSError:
        return False  # it has ended, or is somebody else's


def wait_until_gone(pid: int, pgdata: Path, seconds: float) -> bool:
    """Wait for a process of this folder to end; whether it did."""
    deadline = time.monotonic() + seconds
    while works_in(pid, pgdata):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def stop(pid: int, pgdata: Path, seconds: float) -> None:
    """End a server: first politely, which closes its files, then at once, which has it recover
    at its next start."""
    for number, patience in (
        (signal.SIGINT, seconds),
        (signal.SIGQUIT, ORPHAN_SECONDS),
        (signal.SIGKILL, ORPHAN_SECONDS),
    ):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until_gone(pid, pgdata, patience):
            return


def clear_leftovers(pgdata: Path) -> None:
    """After a server was killed: end the processes it left, which hold its shared memory, and
    drop its pid file if the number in it is another's by now, which PostgreSQL would take for its
    own. Otherwise the file stays: PostgreSQL's own checks read it. Call it with the folder locked.
    """
    if sys.platform != "linux":
        return
    orphans = [pid for pid in _processes() if works_in(pid, pgdata)]
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        orphans = [pid for pid in orphans if not wait_until_gone(pid, pgdata, ORPHAN_SECONDS)]
    left = named(pgdata)
    if not orphans and left is not None and _exists(left.pid):
        (pgdata / "postmaster.pid").unlink()


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
