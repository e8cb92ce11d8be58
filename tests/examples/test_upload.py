"""The example that sends large files goes on where it stopped."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import httpx
import pytest

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def upload() -> ModuleType:
    import upload

    return upload


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three parts."""
    file = tmp_path_factory.mktemp("files") / "weights" / "checkpoint.bin"
    file.parent.mkdir()
    file.write_bytes(random.Random(1).randbytes(MIB) * 130)
    return file


@contextmanager
def a_draft(server: tuple[str, str], name: str) -> Iterator[httpx.Client]:
    url, token = server
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{url}/api/v1", headers=headers) as api:
        assert api.post("/models", json={"name": name}).status_code == 201
        assert api.post(f"/models/{name}/versions", json={}).status_code == 201
        yield api


def test_a_large_file_is_sent_in_parts_and_the_version_made_ready(
    server: tuple[str, str],
    upload: ModuleType,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--url", server[0], "--token", server[1]]
    with a_draft(server, "large") as api:
        below = ["--below", str(checkpoint.parent.parent)]
        assert upload.main(["large", "1", str(checkpoint), *below, "--finalize", *flags]) == 0
        assert "large version 1 is ready" in capsys.readouterr().out
        [file] = api.get("/models/large/versions/1/files").json()["items"]
    assert file["path"] == "weights/checkpoint.bin"
    assert file["sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()


def test_a_second_run_sends_only_what_the_first_did_not(
    server: tuple[str, str],
    upload: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "w.bin"
    file.write_bytes(random.Random(2).randbytes(MIB) * 130)
    flags = ["resumed", "1", str(file), "--url", server[0], "--token", server[1]]
    sent: list[int] = []
    send_part = upload.send_part

    def broken(source: Path, part: dict[str, int]) -> bool:
        if part["number"] == 2:
            raise KeyboardInterrupt
        return counted(source, part)

    def counted(source: Path, part: dict[str, int]) -> bool:
        sent.append(part["number"])
        return bool(send_part(source, part))

    with a_draft(server, "resumed"):
        monkeypatch.setattr(upload, "send_part", broken)
        with pytest.raises(KeyboardInterrupt):
            upload.main(flags)
        first = sent.copy()
        sent.clear()
        monkeypatch.setattr(upload, "send_part", counted)
        assert upload.main([*flags, "--finalize"]) == 0
    assert 2 in sent
    assert sorted({*first, *sent}) == [1, 2, 3]
    assert not set(first) & set(sent)
