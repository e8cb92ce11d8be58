"""Programs that root starts as somebody else."""

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core import privileges
from app.core.privileges import CannotRunAs, Runner, own_user, runner_for

ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not ROOT, reason="only root can start programs as somebody else")


def ask(runner: Runner, program: str) -> str:
    """What a Python program prints, run by the runner."""
    command = runner.command(sys.executable, "-I", "-c", program)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(ROOT, reason="root is not itself here")
def test_an_ordinary_user_runs_things_as_itself(tmp_path: Path) -> None:
    assert own_user(tmp_path) is None
    assert runner_for(None, tmp_path).command("a", "b") == ["a", "b"]


@only_root
def test_the_user_is_nobodys_and_stays_the_folders_owner(tmp_path: Path) -> None:
    user = own_user(tmp_path / "absent")
    assert user is not None
    assert user not in {entry.pw_uid for entry in pwd.getpwall()}
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    assert own_user(tmp_path / "theirs") == 12345


@only_root
def test_passage_is_lent_through_closed_folders_and_nothing_else(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "program").touch(mode=0o755)
    runner = runner_for(own_user(tmp_path / "absent"), closed / "program")
    # access(2) is how PostgreSQL looks at its own programs, and by itself it counts no capability.
    program = f"import os; print(os.access({str(closed / 'program')!r}, os.R_OK | os.X_OK))"
    assert ask(runner, program) == "True"
    program = f"import os; print(os.access({str(closed / 'program')!r}, os.W_OK))"
    assert ask(runner, program) == "False"
    found = ask(runner, "import os; print(os.getuid(), os.geteuid(), os.getgroups())")
    assert found == f"{runner.user} {runner.user} []"
    held = ask(runner, "print([l for l in open('/proc/self/status') if 'Cap' in l or 'New' in l])")
    assert f"CapEff:\\t{1 << (runner.capability or 0):016x}" in held
    assert f"CapPrm:\\t{1 << (runner.capability or 0):016x}" in held
    assert "NoNewPrivs:\\t1" in held
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@only_root
def test_nothing_is_lent_where_every_folder_is_open() -> None:
    runner = runner_for(12345, Path("/etc/passwd"))
    assert runner == Runner(12345)
    command = runner.command("/bin/cat", "/proc/self/status")
    held = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"CapEff:\t{0:016x}" in held


@only_root
def test_where_nothing_can_be_lent_the_folder_and_the_ways_out_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges, "_may_lend", lambda _: False)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(CannotRunAs, match=r"does not run as root.*ordinary user.*chmod o\+x"):
        runner_for(12345, closed / "program")
