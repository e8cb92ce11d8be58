"""The disk of the local store is full: everybody is told so, what is ready stays, and once there is
room all goes on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.sending import LARGE, MEDIUM, MIB, SMALL, TOKEN, Sends
from tests.servers import Start

pytestmark = pytest.mark.local_store


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The store's folder, on a disk of 64 MiB."""
    folder = tmp_path / "data" / "store"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        told, mounted = done.stderr.partition("\n")[0], done.returncode == 0
    except OSError as error:
        told, mounted = str(error), False
    if not mounted:
        pytest.skip(f"a full disk was NOT tried: this needs the right to mount a tmpfs ({told})")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_of_and_nothing_is_lost(
    small_disk: Path, start: Start, sends: Sends
) -> None:
    url = start(store="local", admin_token=TOKEN).url
    there, sender, large = sends(SMALL), sends(MEDIUM), sends(LARGE)
    for each in (there, sender, large):
        each.use(url)
        each.register()
    there.finish()

    assert large.put().status_code == 503
    assert large.ask().status_code == 503
    [upload] = sender.ask().json()["uploads"]
    with full(small_disk, left=MIB):
        for part in upload["parts"]:
            assert sender.send(part).status_code == 503
        assert sender.put().status_code == 503
        answer = sender.complete(upload)
        assert (answer.status_code, answer.json()["missing"]) == (409, [1])
        there.check_ready()
    sender.send_missing(sender.ask().json()["uploads"][0])
    with full(small_disk, left=0):
        assert sender.complete(upload).status_code in (200, 503)
        there.check_ready()
    sender.finish()
    large.check_not_ready()


@contextmanager
def full(disk: Path, *, left: int) -> Iterator[None]:
    """Meanwhile the disk has only so many bytes left."""
    found = os.statvfs(disk)
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - left)
    try:
        yield
    finally:
        filler.unlink()
