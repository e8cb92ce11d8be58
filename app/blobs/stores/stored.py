"""`blobs/` of the local store: proven bytes, each under the name of its digest.

Everything here blocks and is called in threads.
"""

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from app.blobs.problems import blob_missing
from app.blobs.stores.disk import Reader, folder, is_file, names_in, status
from app.blobs.stores.interface import StoredBlob

BLOBS = "blobs"
DIGEST = re.compile(r"[0-9a-f]{64}")
PAIR = re.compile(r"[0-9a-f]{2}")


def open_blob(root: Path, sha256: str) -> Reader:
    """A blob, open for reading; `BlobMissing` where the store does not hold it."""
    try:
        return Reader(root, *_folders(sha256), sha256)
    except FileNotFoundError:
        raise blob_missing(sha256) from None


def size(root: Path, sha256: str) -> int | None:
    """The size of a blob in bytes; None where the store does not hold it."""
    try:
        with folder(root, *_folders(sha256)) as at:
            found = status(sha256, at)
    except FileNotFoundError:
        return None
    return found.st_size if found is not None and is_file(found) else None


def move_in(root: Path, at: int, name: str, sha256: str) -> None:
    """Give the file `name` of the folder `at` its blob key, whole and on the disk.

    Where the blob is there already, these bytes take its place: they were just proven, the others
    some time ago, and who reads the others now goes on reading them.
    """
    with folder(root, *_folders(sha256), make=True) as to:
        os.rename(name, sha256, src_dir_fd=at, dst_dir_fd=to)
        os.fsync(to)


def delete(root: Path, sha256: str) -> None:
    """Free a blob's bytes; harmless where there are none."""
    with suppress(FileNotFoundError), folder(root, *_folders(sha256)) as at:
        os.unlink(sha256, dir_fd=at)
        os.fsync(at)


def firsts(root: Path) -> list[str]:
    """The folders right under `blobs/`."""
    with folder(root, BLOBS) as at:
        return sorted(name for name in names_in(at) if PAIR.fullmatch(name))


def listed(root: Path, first: str) -> list[StoredBlob]:
    """Every blob under `blobs/<first>/`."""
    found = []
    with folder(root, BLOBS, first) as at:
        seconds = sorted(name for name in names_in(at) if PAIR.fullmatch(name))
    for second in seconds:
        with folder(root, BLOBS, first, second) as at:
            for name in sorted(names_in(at)):
                seen = status(name, at)
                if DIGEST.fullmatch(name) and seen is not None and is_file(seen):
                    modified_at = datetime.fromtimestamp(seen.st_mtime, UTC)
                    found.append(StoredBlob(name, seen.st_size, modified_at))
    return found


def _folders(sha256: str) -> tuple[str, str, str]:
    if not DIGEST.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a digest: 64 lower-case hex characters.")
    return BLOBS, sha256[:2], sha256[2:4]
