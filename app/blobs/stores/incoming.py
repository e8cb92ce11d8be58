"""`incoming/<upload id>/` of the local store: bytes that are not proven yet.

    data           the bytes, at their final offsets; no longer there once nobody may write
    whole          the same file after completion: `data`, renamed
    adopted        the same file on its way to its blob key: a second name of `whole`
    <n>.part       part n is whole and on the disk; holds its offset, size and SHA-256
    <n>.writer     locked by the request that writes part n straight into `data`
    <n>.<x>.aside  part n once more, from a request that came while n was written or already there
    <n>.taken      part n was put in place from aside: who was writing it in place must stop

`data` is locked for each step that changes what it or a `.part` says, never for longer, so several
processes may serve the parts of one upload. A kill leaves locks free and parts whole or uncounted.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from app.blobs.problems import PartsMissing, UploadClosed, WrongDigest
from app.blobs.stores import stored
from app.blobs.stores.disk import Reader, alone, folder, names_in, opened, status
from app.blobs.stores.interface import Incoming, Part, Proven, StoredPart, Upload

INCOMING = "incoming"
DATA = "data"
WHOLE = "whole"
ADOPTED = "adopted"
RECORD = re.compile(r"(\d+) (\d+) ([0-9a-f]{64})\n")
LISTED = 100
TRIES = 20
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@contextmanager
def upload_folder(root: Path, upload_id: UUID) -> Iterator[int]:
    """The folder of an upload; `UploadClosed` where there is none."""
    with ExitStack() as held:
        try:
            at = held.enter_context(folder(root, INCOMING, str(upload_id)))
        except FileNotFoundError:
            raise closed() from None
        yield at


def create(root: Path, upload_id: UUID, size: int) -> None:
    """Make an upload's folder and its file, which takes no room before bytes come."""
    with folder(root, INCOMING, str(upload_id), make=True) as at:
        if status(WHOLE, at) is None:
            with opened(DATA, os.O_RDWR | os.O_CREAT, at=at) as data:
                os.ftruncate(data, size)
            os.fsync(at)


def parts_present(root: Path, upload_id: UUID) -> list[StoredPart]:
    """The parts that have arrived whole, by number."""
    with upload_folder(root, upload_id) as at:
        return [StoredPart(part.number, part.size, part.sha256) for part in records(at)]


def complete(root: Path, upload: Upload) -> None:
    """Take the file away from its writers, once every part is there."""
    with upload_folder(root, upload.id) as at:
        try:
            with open_data(at) as data, alone(data):
                require_open(at)
                _require_all(upload, records(at))
                take_away(at, data)
        except UploadClosed:
            if status(WHOLE, at) is None:  # else it was completed before, or a moment ago
                raise


def take_away(at: int, data: int) -> None:
    """Rename `data` to `whole`, on the disk: nobody writes to it from now on.

    Call it under the lock of `data`.
    """
    os.fsync(data)
    os.rename(DATA, WHOLE, src_dir_fd=at, dst_dir_fd=at)
    os.fsync(at)


def open_whole(root: Path, upload_id: UUID) -> Reader:
    """A completed upload's bytes, open for reading."""
    try:
        return Reader(root, INCOMING, str(upload_id), WHOLE)
    except FileNotFoundError:
        raise closed() from None


def adopt(root: Path, upload_id: UUID, proven: Proven) -> None:
    """Move proven bytes to their blob key. They keep their name here until the blob is on the disk,
    so that whoever is killed in between can complete, prove and adopt again."""
    try:
        with (
            upload_folder(root, upload_id) as at,
            opened(WHOLE, os.O_RDONLY, at=at) as whole,
            alone(whole),
        ):
            if seal(os.fstat(whole)) != proven.seal:
                raise WrongDigest("The bytes changed after they were proven. Send them again.")
            os.fchmod(whole, 0o440)
            os.fsync(whole)
            with suppress(FileNotFoundError):
                os.unlink(ADOPTED, dir_fd=at)
            os.link(WHOLE, ADOPTED, src_dir_fd=at, dst_dir_fd=at)
            stored.move_in(root, at, ADOPTED, proven.sha256)
    except (FileNotFoundError, UploadClosed):  # adopted by somebody who was faster, or never there
        if stored.size(root, proven.sha256) != proven.size:
            raise closed() from None
    remove(root, upload_id)


def seal(found: os.stat_result) -> str:
    """The mark of the bytes of a file: writing to it, or putting another in its place, shows."""
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def listed(root: Path) -> list[Incoming]:
    """Every upload's folder."""
    with folder(root, INCOMING) as at:
        return [
            Incoming(UUID(name), None, _last_sign_of_life(name, at))
            for name in names_in(at)
            if ID.fullmatch(name)
        ]


def remove(root: Path, upload_id: UUID) -> None:
    """Remove an upload's folder; `data` first, which turns its writers away."""
    with suppress(FileNotFoundError), folder(root, INCOMING, str(upload_id)) as at:
        with suppress(FileNotFoundError), opened(DATA, os.O_RDWR, at=at) as data, alone(data):
            os.unlink(DATA, dir_fd=at)
        with folder(root, INCOMING) as incoming:
            for _ in range(TRIES):
                for name in names_in(at):
                    with suppress(FileNotFoundError):
                        os.unlink(name, dir_fd=at)
                try:
                    os.rmdir(str(upload_id), dir_fd=incoming)
                except OSError as error:  # a writer that was just turned away left a file
                    if error.errno != errno.ENOTEMPTY:
                        raise
                else:
                    break


def _last_sign_of_life(name: str, at: int) -> datetime:
    signs: list[os.stat_result | None] = []
    with suppress(FileNotFoundError), opened(name, os.O_DIRECTORY, at=at) as inside:
        signs = [status(one, inside) for one in (".", DATA, WHOLE)]
    latest = max((sign.st_mtime for sign in signs if sign is not None), default=0.0)
    return datetime.fromtimestamp(latest, UTC)


@contextmanager
def open_data(at: int) -> Iterator[int]:
    """The file that takes the bytes; `UploadClosed` once it is gone."""
    with ExitStack() as held:
        try:
            data = held.enter_context(opened(DATA, os.O_RDWR, at=at))
        except FileNotFoundError:
            raise closed() from None
        yield data


def record_name(number: int) -> str:
    """The file that says that a part counts."""
    return f"{number}.part"


def record(at: int, number: int) -> Part | None:
    """What was counted as this part; None where it has not arrived whole."""
    try:
        with opened(record_name(number), os.O_RDONLY, at=at) as file:
            found = RECORD.fullmatch(os.read(file, 200).decode("ascii", "replace"))
    except FileNotFoundError:
        return None
    return found and Part(number, int(found[1]), int(found[2]), found[3])


def records(at: int) -> list[Part]:
    """Every part that counts, by number."""
    numbers = sorted(
        int(name.removesuffix(".part")) for name in names_in(at) if name.endswith(".part")
    )
    return [part for number in numbers if (part := record(at, number)) is not None]


def require_open(at: int) -> None:
    """`UploadClosed` once nobody may write any more. Call it under the lock of `data`."""
    if status(DATA, at) is None:
        raise closed()


def _require_all(upload: Upload, found: list[Part]) -> None:
    there = {(part.number, part.offset, part.size) for part in found}
    missing = [
        part.number for part in upload.parts if (part.number, part.offset, part.size) not in there
    ]
    if missing:
        shown = ", ".join(map(str, missing[:LISTED])) + (" …" if len(missing) > LISTED else "")
        raise PartsMissing(
            f"Of {len(upload.parts)} parts, {len(missing)} have not arrived whole: {shown}. Ask "
            "for the upload again to get links to them, send them, then complete it.",
            extra={"missing": missing[:LISTED]},
        )


def closed() -> UploadClosed:
    """The upload is not there, or takes no bytes any more."""
    return UploadClosed(
        "This upload takes no bytes any more: it was completed, given up, or has expired. Where "
        "the file is still wanted, ask for a new upload."
    )
