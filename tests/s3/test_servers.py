"""The S3 servers of the tests come up, and end with whoever started them."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from multiprocessing import AuthenticationError
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.s3 import ceph, swift
from tests.s3.desk import Desk, ask
from tests.s3.server import S3Server
from tests.s3.service import Service
from tests.waiting import until


def test_it_keeps_what_is_put_and_refuses_a_wrong_signature(
    s3_server: S3Server, bucket: str
) -> None:
    s3_server.client.put_object(Bucket=bucket, Key="a", Body=b"bytes")
    assert s3_server.client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"bytes"
    stranger = S3Server(s3_server.endpoint, s3_server.access_key, "another secret")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.client.put_object(Bucket=bucket, Key="a", Body=b"others")
    stranger.close()


def test_each_bucket_is_new(s3_server: S3Server, bucket: str) -> None:
    another = s3_server.new_bucket()
    assert another != bucket
    assert "Contents" not in s3_server.client.list_objects_v2(Bucket=another)


def test_a_lasting_server_is_left_as_it_was(s3_server: S3Server) -> None:
    lasting = S3Server(s3_server.endpoint, s3_server.access_key, s3_server.secret_key, lasting=True)
    bucket = lasting.new_bucket()
    lasting.client.put_object(Bucket=bucket, Key="a", Body=b"bytes")
    lasting.client.create_multipart_upload(Bucket=bucket, Key="b")
    lasting.close()
    assert bucket not in {found["Name"] for found in s3_server.client.list_buckets()["Buckets"]}


def test_the_environment_names_one_that_runs_already(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.delenv(f"STAGEWARD_TEST_S3_{name}", raising=False)
    assert S3Server.named() is None
    for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"STAGEWARD_TEST_S3_{name}", name.lower())
    assert S3Server.named() == S3Server("endpoint", "access_key", "secret_key", lasting=True)


# Whoever starts a Swift, says where it is and sleeps until it is ended.
STARTER = """
import time
from tests.s3 import ceph, swift
server, service = swift.start()
print(server.endpoint, service.folder, flush=True)
time.sleep(600)
"""


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Even where that was killed, and could do nothing about it."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True, cwd=swift.ROOT
    )
    assert starter.stdout is not None
    with starter.stdout as said:
        endpoint, folder = said.readline().split()
    processes = psutil.Process(starter.pid).children(recursive=True)
    assert len(processes) == 5
    assert listens(endpoint)
    starter.kill()
    starter.wait()
    until(lambda: not any(is_alive(process) for process in processes), what="Swift to end")
    assert not listens(endpoint)
    assert not Path(folder).exists()


def test_its_processes_end_with_their_parent() -> None:
    server, service = swift.start()
    [parent] = [p for p in psutil.Process().children() if str(service.folder) in p.cmdline()]
    processes = parent.children()
    os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not any(is_alive(process) for process in processes), what="Swift to end")
    assert not listens(server.endpoint)
    service.stop()
    assert not service.folder.exists()


def is_alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def listens(endpoint: str) -> bool:
    host, port = endpoint.removeprefix("http://").split(":")
    with socket.socket() as line:
        return line.connect_ex((host, int(port))) == 0


def program(tmp_path: Path, text: str) -> list[str | Path]:
    path = tmp_path / f"{secrets.token_hex(4)}.py"
    path.write_text(text)
    return [sys.executable, path]


def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(RuntimeError, match=r"did not start:\n(.*\n)*ValueError: no room"):
        Service(program(tmp_path, "raise ValueError('no room')"), folder)
    assert not folder.exists()


def test_processes_that_ask_at_the_desk_share_one_server(tmp_path: Path) -> None:
    started = []

    def start() -> tuple[S3Server, Service]:
        started.append(1)
        text = "import sys; print('http://here', flush=True); sys.stdin.read()"
        service = Service(program(tmp_path, text), tmp_path / "folder")
        return S3Server(service.address, "key", "secret"), service

    desk = Desk(start)
    assert started == []
    assert ask(desk.place) == ask(desk.place) == desk.server()
    assert started == [1]
    desk.close()


def test_at_the_desk_one_hears_why_there_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift, "PYTHON", Path("nowhere"))
    desk = Desk(swift.start)
    said = ask(desk.place)
    assert isinstance(said, str)
    assert "make test" in said
    desk.close()


def test_a_stranger_at_the_desk_hears_nothing() -> None:
    desk = Desk(swift.start)
    port, _ = desk.place
    with pytest.raises(AuthenticationError):
        ask((port, "another key"))
    desk.close()


@pytest.mark.parametrize(("user", "apt"), [(1000, "/usr/bin/apt-get"), (0, None)])
def test_ceph_is_installed_by_root_on_debian_only(
    monkeypatch: pytest.MonkeyPatch, user: int, apt: str | None
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda name: apt if name == "apt-get" else None)
    with pytest.raises(SystemExit, match="as root on Debian"):
        ceph.install()
    with pytest.raises(RuntimeError, match="make test-ceph"):
        ceph.start()


def test_a_folder_without_attributes_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(os, "setxattr", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(RuntimeError, match="TMPDIR"):
        swift.folder_for_objects()
    assert list(tmp_path.iterdir()) == []
