"""Make `.venv` hold exactly what a lock file pins: `python3 requirements/sync.py server|dev`.

Instant when it holds it already, safe to interrupt and to run twice at once. It needs only a
Python; `uv` comes into `.venv` from its own lock file, and pip does the work where it cannot.
"""

from __future__ import annotations  # an older Python must get as far as finding a newer one

import fcntl
import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_MINOR, NEWEST_MINOR = 11, 14
HERE = Path(__file__).resolve().parent
VENV = HERE.parent / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".synced"  # copies of the lock files that .venv holds
LOCK = HERE.parent / ".run" / "venv.lock"
TOOL = HERE / "uv.txt"


def main(want: str) -> None:
    """Bring `.venv` to `requirements/{want}.txt`, and to dev.txt where it held that before."""
    if held(want):
        return
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if held(want):
            return
        make_venv()
        names = ["server", "dev"] if want == "dev" or (STAMPS / "dev.txt").exists() else ["server"]
        print(f"Installing what requirements/{names[-1]}.txt pins into .venv …", flush=True)
        for stamp in STAMPS.glob("*.txt"):
            stamp.unlink()
        install(HERE / f"{names[-1]}.txt")
        for name in names:  # dev.txt pins all that server.txt pins, at the same versions
            shutil.copyfile(HERE / f"{name}.txt", STAMPS / f"{name}.txt")


def held(want: str) -> bool:
    """Whether `.venv` holds this lock file as it is now, on a Python that still runs."""
    stamp = STAMPS / f"{want}.txt"
    return (
        stamp.exists() and filecmp.cmp(HERE / f"{want}.txt", stamp, shallow=False) and runs(PYTHON)
    )


def make_venv() -> None:
    """A fresh environment, unless a whole one is there: `.synced` is made last."""
    if STAMPS.exists() and runs(PYTHON):
        return
    if VENV.exists():
        shutil.rmtree(VENV)
    print(f"Making .venv with {sys.executable} ({sys.version.split()[0]}) …", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
    if made.returncode != 0:
        raise SystemExit(
            "This Python cannot make an environment. On Debian and Ubuntu the package python3-venv "
            "is missing; install it, or name another Python: make PYTHON=/path/to/python3 …"
        )
    STAMPS.mkdir()


def install(lock_file: Path) -> None:
    """Install with uv; with pip where uv cannot be had or cannot reach the packages."""
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    tool = VENV / "bin" / "uv"
    sync = [str(tool), "pip", "sync", "--quiet", "--require-hashes", str(TOOL), str(lock_file)]
    if lock_file.stem == "dev":  # tests start many processes; a server starts once
        sync.append("--compile-bytecode")
    if run([*pip, "--require-hashes", "-r", str(TOOL)]) and run(
        sync, {"VIRTUAL_ENV": str(VENV), **uv_settings()}
    ):
        return
    print("uv could not do it; pip tries.", flush=True)
    if not run([*pip, "--require-hashes", "-r", str(lock_file)]):
        raise SystemExit(
            "The packages could not be installed. The lines above say why: often the network, or "
            "an index that pip must be told of (pip config)."
        )


def uv_settings() -> dict[str, str]:
    """What pip was told about where packages are, in uv's words: uv does not read it."""
    found = subprocess.run(
        [str(PYTHON), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    told = dict(line.split("=", 1) for line in found.stdout.splitlines() if "=" in line)
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    return {
        names[key.rsplit(".", 1)[-1]]: value.strip("'\"")
        for key, value in told.items()
        if key.rsplit(".", 1)[-1] in names and names[key.rsplit(".", 1)[-1]] not in os.environ
    }


def run(command: list[str], environment: dict[str, str] | None = None) -> bool:
    """Whether a command ended well; what it prints is shown."""
    try:
        done = subprocess.run(command, env={**os.environ, **(environment or {})}, check=False)
    except OSError as error:
        print(error, flush=True)
        return False
    return done.returncode == 0


def runs(python: Path) -> bool:
    """Whether this interpreter is there and works."""
    try:
        return subprocess.run([str(python), "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def find_python() -> None:
    """Go on with a Python that is new enough, if this one is not."""
    if sys.version_info >= (3, OLDEST_MINOR):
        return
    for minor in range(NEWEST_MINOR, OLDEST_MINOR - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other is not None:
            os.execv(other, [other, *sys.argv])
    raise SystemExit(
        f"Stageward needs Python 3.{OLDEST_MINOR} or newer, and this is {sys.version.split()[0]}. "
        "Install one, or name it: make PYTHON=/path/to/python3 …"
    )


if __name__ == "__main__":
    find_python()
    try:
        main(sys.argv[1])
    except PermissionError as error:
        raise SystemExit(
            f"{error}: .venv belongs to another user. Remove it as that user (make clean), or work "
            "in a clone of your own."
        ) from None
