# ruff: noqa: ASYNC240 (the files under test are looked at in place)
"""What only a directory can get wrong: links, modes, a full disk, a disk that is gone."""

import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.blobs.problems import BlobMissing, PartsMissing
from app.blobs.stores.interface import Proven, TakesParts, Upload
from app.blobs.stores.local import LocalStore
from app.core.problems import Unavailable
from tests.blobs.conftest import in_chunks, sha256_of
from tests.blobs.serving import local_store

ABSENT = "0" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


async def kept(store: LocalStore, body: bytes) -> Proven:
    upload_id = uuid4()
    proven = await store.receive(upload_id, in_chunks(body))
    await store.adopt(upload_id, proven)
    return proven


def key(root: Path, sha256: str) -> Path:
    return root / "blobs" / sha256[:2] / sha256[2:4] / sha256


async def test_a_directory_takes_parts(local: LocalStore) -> None:
    assert isinstance(local, TakesParts)


async def test_a_blob_is_the_raw_file_under_its_digest(local: LocalStore, root: Path) -> None:
    proven = await kept(local, b"readable without us")
    assert key(root, proven.sha256).read_bytes() == b"readable without us"


async def test_nobody_else_may_read_and_nobody_may_write_a_blob(
    local: LocalStore, root: Path
) -> None:
    proven = await kept(local, b"ours")
    upload = await local.begin(uuid4(), 10)
    await local.write_part(upload.id, upload.parts[0], in_chunks(b"0123456789"))
    assert stat.S_IMODE(key(root, proven.sha256).stat().st_mode) == 0o440
    for path in [root, *root.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == 0o700 if path.is_dir() else mode & 0o137 == 0, path


async def test_an_upload_takes_no_room_before_its_bytes_come(local: LocalStore, root: Path) -> None:
    upload = await local.begin(uuid4(), 1_000_000_000)
    data = (root / "incoming" / str(upload.id) / "data").stat()
    assert data.st_size == 1_000_000_000
    assert data.st_blocks == 0


async def test_beginning_again_keeps_the_parts_that_came(local: LocalStore) -> None:
    upload = await local.begin(uuid4(), 5)
    await local.write_part(upload.id, upload.parts[0], in_chunks(b"bytes"))
    await local.begin(upload.id, 5)
    assert len(await local.parts_present(upload)) == 1
    await local.complete(upload)
    await local.begin(upload.id, 5)
    assert (await local.prove(upload)).sha256 == sha256_of(b"bytes")


async def test_two_processes_may_share_the_directory(local: LocalStore, root: Path) -> None:
    other = local_store(root)
    body = os.urandom(150_000)
    upload = await local.begin(uuid4(), len(body))
    for store, part in zip([local, other, local], upload.parts, strict=True):
        piece = body[part.offset : part.offset + part.size]
        await store.write_part(upload.id, part, in_chunks(piece))
    await other.complete(upload)
    await local.adopt(upload.id, await other.prove(upload))
    assert await other.size(sha256_of(body)) == len(body)
    await other.close()


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 65, "a" * 63 + "\n", "/" * 64]
)
async def test_names_that_are_no_digests_are_refused(local: LocalStore, name: str) -> None:
    for attempt in (local.size(name), local.delete(name), anext(local.read(name))):
        with pytest.raises(ValueError, match="not a digest"):
            await attempt


async def test_a_link_in_place_of_a_folder_or_a_file_is_not_followed(
    local: LocalStore, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "data").write_bytes(b"?" * 5)
    (outside / "whole").write_bytes(b"?" * 5)
    upload = Upload(uuid4(), 5, 5)
    (root / "incoming" / str(upload.id)).symlink_to(outside)
    for attempt in (
        local.begin(upload.id, 5),
        local.write_part(upload.id, upload.parts[0], in_chunks(b"bytes")),
        local.complete(upload),
        local.prove(upload),
        local.adopt(upload.id, Proven(5, sha256_of(b"?" * 5), "")),
        local.abort(upload.id),
    ):
        with pytest.raises(Unavailable):
            await attempt
    assert {path.name for path in outside.iterdir()} == {"data", "whole"}
    assert (outside / "data").read_bytes() == b"?" * 5


@pytest.mark.parametrize("name", ["blobs", "incoming"])
async def test_a_link_in_place_of_half_the_store_is_not_followed(
    local: LocalStore, root: Path, tmp_path: Path, name: str
) -> None:
    (root / name).rename(tmp_path / name)
    (root / name).symlink_to(tmp_path / name)
    upload_id = uuid4()
    with pytest.raises(Unavailable):
        await local.adopt(upload_id, await local.receive(upload_id, in_chunks(b"bytes")))
    assert list((tmp_path / name).iterdir()) == []


async def test_a_link_in_place_of_a_blob_is_not_followed(
    local: LocalStore, root: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    sha256 = sha256_of(b"whatever")
    key(root, sha256).parent.mkdir(parents=True)
    key(root, sha256).symlink_to(secret)
    with pytest.raises(Unavailable):
        await anext(local.read(sha256))
    assert await local.size(sha256) is None
    proven = await kept(local, b"whatever")  # put in place of the link, not through it
    assert proven.sha256 == sha256
    assert not key(root, sha256).is_symlink()
    assert secret.read_bytes() == b"secret"


async def test_what_else_lies_in_the_directory_is_no_blob_and_no_upload(
    local: LocalStore, root: Path
) -> None:
    (root / "blobs" / "lost+found").mkdir()
    (root / "blobs" / "ab" / "cd").mkdir(parents=True)
    (root / "blobs" / "ab" / "cd" / "notes.txt").write_text("hello")
    (root / "incoming" / "notes.txt").write_text("hello")
    assert [found async for found in local.blobs()] == []
    assert [found async for found in local.incoming()] == []


@pytest.mark.parametrize("torn", [b"", b"0 5 abc", b"\0" * 80, b"0 5 " + b"0" * 64])
async def test_a_torn_record_does_not_count_a_part(
    local: LocalStore, root: Path, torn: bytes
) -> None:
    upload = await local.begin(uuid4(), 5)
    (root / "incoming" / str(upload.id) / "1.part").write_bytes(torn)
    assert await local.parts_present(upload) == []
    with pytest.raises(PartsMissing):
        await local.complete(upload)


async def test_parts_cut_another_way_do_not_count_as_these(local: LocalStore) -> None:
    body = os.urandom(100_000)
    upload = await local.begin(uuid4(), len(body))
    for part in upload.parts:
        piece = body[part.offset : part.offset + part.size]
        await local.write_part(upload.id, part, in_chunks(piece))
    with pytest.raises(PartsMissing):
        await local.complete(Upload(upload.id, upload.size, 50_000))


async def test_a_truncated_blob_is_missed_while_it_is_read(local: LocalStore, root: Path) -> None:
    proven = await kept(local, os.urandom(3_000_000))
    key(root, proven.sha256).chmod(0o600)
    os.truncate(key(root, proven.sha256), 2_000_000)
    with pytest.raises(BlobMissing):
        [piece async for piece in local.read(proven.sha256, 0, proven.size)]


async def test_an_altered_blob_is_made_good_by_the_same_bytes(
    local: LocalStore, root: Path
) -> None:
    proven = await kept(local, b"good")
    key(root, proven.sha256).chmod(0o600)
    key(root, proven.sha256).write_bytes(b"evil")
    await kept(local, b"good")
    assert key(root, proven.sha256).read_bytes() == b"good"


async def everything(store: LocalStore, upload: Upload, proven: Proven) -> None:
    """Every operation must say `Unavailable`, and none of them something else."""
    for attempt in (
        store.check(),
        store.begin(uuid4(), 5),
        store.write_part(upload.id, upload.parts[0], in_chunks(b"bytes")),
        store.parts_present(upload),
        store.complete(upload),
        store.prove(upload),
        store.receive(uuid4(), in_chunks(b"bytes")),
        store.adopt(upload.id, proven),
        store.abort(upload.id),
        store.size(ABSENT),
        store.delete(ABSENT),
        anext(store.read(ABSENT)),
        anext(store.blobs()),
        anext(store.incoming()),
    ):
        with pytest.raises(Unavailable) as refused:
            await attempt
        assert refused.value.retry_after
        assert "/" not in refused.value.detail  # no path of this machine


async def test_a_store_that_is_away_says_so_and_comes_back(local: LocalStore, root: Path) -> None:
    proven = await kept(local, b"still here")
    upload = await local.begin(uuid4(), 5)
    root.rename(root.with_name("away"))
    await everything(local, upload, proven)
    root.with_name("away").rename(root)
    await local.check()
    assert await local.size(proven.sha256) == 10
    await local.write_part(upload.id, upload.parts[0], in_chunks(b"bytes"))


async def test_an_empty_mount_point_is_not_an_empty_store(local: LocalStore, root: Path) -> None:
    proven = await kept(local, b"on the volume")
    upload = await local.begin(uuid4(), 5)
    root.rename(root.with_name("volume"))
    root.mkdir()
    await everything(local, upload, proven)
    assert list(root.iterdir()) == []


async def test_more_than_there_is_room_for_is_refused_at_once(local: LocalStore) -> None:
    for attempt in (
        local.begin(uuid4(), 2**60),
        local.receive(uuid4(), in_chunks(b"x"), 2**60),
    ):
        with pytest.raises(Unavailable, match="no room"):
            await attempt
    assert [found async for found in local.incoming()] == []


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that is full once a file has this many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_no_room_in_the_middle_of_a_stream_leaves_nothing(local: LocalStore) -> None:
    body = os.urandom(3_000_000)
    with files_of_at_most(2_000_000), pytest.raises(Unavailable, match="no room"):
        await local.receive(uuid4(), in_chunks(body))
    assert [found async for found in local.incoming()] == []
    assert [found async for found in local.blobs()] == []


async def test_no_room_in_the_middle_of_a_part_leaves_the_others(tmp_path: Path) -> None:
    store = local_store(tmp_path / "store", 2_000_000)
    await store.prepare()
    body = os.urandom(4_000_000)
    upload = await store.begin(uuid4(), len(body))
    first, second = upload.parts
    await store.write_part(upload.id, first, in_chunks(body[: first.size]))
    with files_of_at_most(3_000_000), pytest.raises(Unavailable, match="no room"):
        await store.write_part(upload.id, second, in_chunks(body[second.offset :]))
    assert [part.number for part in await store.parts_present(upload)] == [1]
    await store.write_part(upload.id, second, in_chunks(body[second.offset :]))
    await store.complete(upload)
    assert (await store.prove(upload)).sha256 == sha256_of(body)
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    mount = shutil.which("mount")
    tried = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if not tried or tried.returncode:
        pytest.skip("a full disk was NOT tried: this needs the right to mount a tmpfs")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


async def test_a_full_disk_says_so_and_keeps_what_is_whole(small_disk: Path) -> None:
    store = local_store(small_disk / "store", 1_000_000)
    await store.prepare()
    proven = await kept(store, os.urandom(1_500_000))
    upload = await store.begin(uuid4(), 2_000_000)
    await store.write_part(upload.id, upload.parts[0], in_chunks(b"a" * 1_000_000))
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"f" * 4_000_000)
    for attempt in (
        store.check(),
        store.begin(uuid4(), 1_000_000),
        store.write_part(upload.id, upload.parts[1], in_chunks(b"b" * 1_000_000)),
        store.receive(uuid4(), in_chunks(b"c" * 1_000_000)),
    ):
        with pytest.raises(Unavailable, match="no room"):
            await attempt
    assert b"".join([piece async for piece in store.read(proven.sha256)])
    assert [part.number for part in await store.parts_present(upload)] == [1]
    filler.unlink()
    await store.write_part(upload.id, upload.parts[1], in_chunks(b"b" * 1_000_000))
    await store.complete(upload)
    await store.adopt(upload.id, await store.prove(upload))
    left: set[UUID] = {found.id async for found in store.incoming()}
    for upload_id in left:
        await store.abort(upload_id)
    assert {found.size async for found in store.blobs()} == {1_500_000, 2_000_000}
    await store.close()
