"""The embedded PostgreSQL, with real processes that are really killed."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from app.core import postmaster
from app.core.embedded import EmbeddedError, EmbeddedPostgres
from app.core.privileges import Runner
from tests.waiting import until

ROOT = os.geteuid() == 0
HOLD = """
import sys, pathlib
from app.core.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False)
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., EmbeddedPostgres]]:
    """Starts a server under the test's folder and stops it in the end."""
    with contextlib.ExitStack() as undo:

        def started(data_dir: Path = tmp_path / "data") -> EmbeddedPostgres:
            server = EmbeddedPostgres(data_dir, durable=False)
            server.start()
            undo.callback(server.stop)
            return server

        yield started


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the server in another process, which holds it until the end, or until it is killed."""
    with contextlib.ExitStack() as undo:

        def held(data_dir: Path = tmp_path / "data") -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLD, str(data_dir)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            undo.enter_context(process)  # closes its input, and waits
            assert process.stdout is not None
            assert process.stdout.readline().startswith("postgresql://")
            return process

        yield held


def pid_of(data_dir: Path) -> int:
    found = postmaster.running(data_dir / "postgres" / "data")
    assert found is not None
    return found.pid


def kept(url: str, value: str | None = None) -> list[str]:
    """What the table of this test holds, after `value` was added to it."""
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (value text)")
        if value is not None:
            connection.execute("insert into kept values (%s)", [value])
        return [row[0] for row in connection.execute("select value from kept order by 1")]


def test_it_starts_again_with_what_it_held(start: Callable[..., EmbeddedPostgres]) -> None:
    first = start()
    kept(first.url, "a")
    first.stop()
    assert kept(start().url) == ["a"]


def test_stopping_ends_the_server(start: Callable[..., EmbeddedPostgres], tmp_path: Path) -> None:
    server = start()
    pid = pid_of(tmp_path / "data")
    server.stop()
    server.stop()
    assert not postmaster.works_in(pid, tmp_path / "data" / "postgres" / "data")
    assert not (tmp_path / "data" / "postgres" / "data" / "postmaster.pid").exists()
    with pytest.raises(EmbeddedError, match="does not run"):
        _ = server.url


def test_a_server_whose_holder_was_killed_is_adopted(
    start: Callable[..., EmbeddedPostgres],
    hold: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    holder = hold()
    before = pid_of(tmp_path / "data")
    holder.kill()
    holder.wait()
    server = start()
    assert kept(server.url, "a") == ["a"]
    assert pid_of(tmp_path / "data") == before
    server.stop()
    assert not postmaster.works_in(before, tmp_path / "data" / "postgres" / "data")


def test_a_killed_server_recovers_what_was_committed(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path
) -> None:
    first = start()
    busy = psycopg.connect(first.url)
    kept(first.url, "a")
    os.kill(pid_of(tmp_path / "data"), signal.SIGKILL)
    first.stop()
    second = start()
    assert kept(second.url) == ["a"]
    with pytest.raises(psycopg.OperationalError):
        busy.execute("select 1")
    busy.close()


@pytest.mark.parametrize("name", ["short", "x" * 100])
def test_a_server_that_is_kept_running_comes_back_at_the_same_address(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path, name: str
) -> None:
    server = start(tmp_path / name)
    url = server.url
    kept(url, "a")
    with server.kept_running():
        before = pid_of(tmp_path / name)
        os.kill(before, signal.SIGKILL)

        def is_back() -> bool:
            found = postmaster.running(tmp_path / name / "postgres" / "data")
            return found is not None and found.pid != before and found.status == "ready"

        until(is_back, what="the server")
        assert kept(url) == ["a"]
    server.stop()


def test_server_and_holder_killed_at_once_is_recovered(
    start: Callable[..., EmbeddedPostgres],
    hold: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    holder = hold()
    os.kill(pid_of(tmp_path / "data"), signal.SIGKILL)
    holder.kill()
    holder.wait()
    assert kept(start().url, "a") == ["a"]


def test_a_pid_file_that_names_a_stranger_does_not_keep_it_from_starting(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path
) -> None:
    server = start()
    kept(server.url, "a")
    pid_file = tmp_path / "data" / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(int(lines[0]), signal.SIGKILL)
    server.stop()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        lines[0] = str(stranger.pid)
        pid_file.write_text("\n".join(lines) + "\n")
        assert kept(start().url) == ["a"]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_holder_is_refused_and_told_who_holds_it(
    hold: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    holder = hold()
    second = EmbeddedPostgres(tmp_path / "data")
    with pytest.raises(EmbeddedError, match=rf"process {holder.pid}\b.*STAGEWARD_DATA_DIR"):
        second.start()
    before = pid_of(tmp_path / "data")
    second.stop()
    assert pid_of(tmp_path / "data") == before
    assert second.running_url() is not None


def test_a_start_that_was_cut_short_is_done_again(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path
) -> None:
    half = tmp_path / "data" / "postgres" / "data.new" / "base"
    half.mkdir(parents=True)
    (half / "1").write_text("half")
    assert kept(start().url, "a") == ["a"]
    assert not half.parent.exists()


@pytest.mark.parametrize("name", ["x" * 100, "a, b", "with space and ü's", 'quo"te'])
def test_any_folder_will_do(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path, name: str
) -> None:
    server = start(tmp_path / name)
    assert kept(server.url, "a") == ["a"]
    found = postmaster.running(tmp_path / name / "postgres" / "data")
    assert found is not None
    assert found.socket_folder is not None
    server.stop()
    if not found.socket_folder.is_relative_to(tmp_path):
        assert not found.socket_folder.parent.exists()


def test_a_private_socket_folder_is_not_left_behind_by_a_kill(
    start: Callable[..., EmbeddedPostgres],
    hold: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    data_dir = tmp_path / ("x" * 100)
    holder = hold(data_dir)
    found = postmaster.running(data_dir / "postgres" / "data")
    assert found is not None
    assert found.socket_folder is not None
    holder.kill()
    os.kill(found.pid, signal.SIGKILL)
    holder.wait()
    assert found.socket_folder.exists()
    start(data_dir)
    assert not found.socket_folder.exists()


def test_only_our_user_can_come_near_it(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path
) -> None:
    server = start()
    with psycopg.connect(server.superuser_url) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
    home = tmp_path / "data" / "postgres"
    found = postmaster.running(home / "data")
    assert found is not None
    assert found.socket_folder is not None
    for folder in (home / "data", found.socket_folder, home / "log"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_we_serve_as_is_no_superuser(start: Callable[..., EmbeddedPostgres]) -> None:
    with psycopg.connect(start().url) as connection:
        found = connection.execute(
            "select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user"
        )
        assert found.fetchone() == (False, False, False)


def test_it_is_durable_unless_a_test_asks_otherwise(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data")
    try:
        with psycopg.connect(server.start()) as connection:
            for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
                row = connection.execute("select current_setting(%s)", [name]).fetchone()
                assert row == ("on",), name
            row = connection.execute("select current_setting('timezone')").fetchone()
            assert row == ("UTC",)
            row = connection.execute("select lower('Ä'), 'a' < 'B' collate \"C\"").fetchone()
            assert row == ("ä", False)
    finally:
        server.stop()


def test_another_release_of_postgresql_is_named(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path
) -> None:
    start().stop()
    (tmp_path / "data" / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match=r"PostgreSQL 17, and this is 18.*operations\.md"):
        start()


def test_a_folder_that_cannot_be_used_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedError, match=r"file cannot be used.*STAGEWARD_DATA_DIR"):
        EmbeddedPostgres(tmp_path / "file").start()


def test_a_server_that_cannot_start_says_why(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path
) -> None:
    start().stop()
    (tmp_path / "data" / "postgres" / "local.conf").write_text("shared_buffers = 'plenty'\n")
    with pytest.raises(EmbeddedError, match=r"did not start: .*(shared_buffers|configuration)"):
        start()
    (tmp_path / "data" / "postgres" / "local.conf").write_text("work_mem = '9MB'\n")
    with psycopg.connect(start().url) as connection:
        assert connection.execute("show work_mem").fetchone() == ("9MB",)


@pytest.mark.skipif(not ROOT, reason="only root has to run it as somebody else")
def test_root_opens_no_folder_for_it(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    start(closed / "inside" / "data")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    pid = pid_of(closed / "inside" / "data")
    assert Path(f"/proc/{pid}").stat().st_uid != 0


@pytest.mark.skipif(not ROOT, reason="only root can speak as another user")
@pytest.mark.parametrize("who", ["nobody", "the server's own user"])
def test_nobody_else_may_connect(
    start: Callable[..., EmbeddedPostgres], tmp_path: Path, who: str
) -> None:
    server = start()
    owner = (tmp_path / "data" / "postgres" / "data").stat().st_uid
    # Passage through every folder is lent, so that PostgreSQL itself has to refuse.
    runner = Runner(65534 if who == "nobody" else owner, capability=1)
    script = "import psycopg, sys; psycopg.connect(sys.argv[1])"
    done = subprocess.run(
        runner.command(sys.executable, "-c", script, server.superuser_url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "Peer authentication failed" in done.stderr
