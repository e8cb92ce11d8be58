"""Make an environment hold exactly what a lock file pins: `python3 requirements/sync.py NAME`.

`server` and `dev` are held by `.venv`; `swift` and `canaille`, the S3 server and the OIDC provider
of the tests, and `mlflow`, beside which benchmarks measure, have environments of their own, as they
share nothing with this service. Instant when all is there already, safe to interrupt and to run
twice at once. It needs only a Python; `uv` comes
into `.venv` from its own lock file, and pip does the work where it cannot.
"""

from __future__ import annotations  # an older Python must get as far as finding a newer one

import fcntl
import filecmp
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OLDEST_MINOR, NEWEST_MINOR = 11, 14
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LOCK = ROOT / ".run" / "venv.lock"
TOOL = HERE / "uv.txt"


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and copies of the lock files that it holds."""

    folder: Path

    @property
    def name(self) -> str:
        """As it is called below the project."""
        return str(self.folder.relative_to(ROOT))

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def stamp(self, name: str) -> Path:
        """Where the copy of `requirements/{name}.txt` is, once it holds that."""
        return self.folder / ".synced" / f"{name}.txt"

    def holds(self, name: str) -> bool:
        """Whether it holds this lock file as it is now, on a Python that still runs."""
        stamp, lock_file = self.stamp(name), HERE / f"{name}.txt"
        return (
            stamp.exists()
            and filecmp.cmp(lock_file, stamp, shallow=False)
            and runs([str(self.python), "-c", ""])
        )


VENV = Environment(ROOT / ".venv")
APART = {name: Environment(ROOT / ".run" / name) for name in ("swift", "canaille", "mlflow")}


def main(want: str) -> None:
    """Bring the environment of `requirements/{want}.txt` to it, and `.venv` to dev.txt where it
    held that before."""
    environment = APART.get(want, VENV)
    if environment.holds(want):
        return
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not environment.holds(want):
            fill(environment, want)


def fill(environment: Environment, want: str) -> None:
    """Install a lock file; dev.txt pins all that server.txt pins, at the same versions."""
    make_venv(environment)
    had_dev = environment.stamp("dev").exists()
    names = ["server", "dev"] if want == "dev" or had_dev else [want]
    print(
        f"Installing what requirements/{names[-1]}.txt pins into {environment.name} …", flush=True
    )
    for stamp in environment.stamp(want).parent.glob("*.txt"):
        stamp.unlink()
    install(environment, HERE / f"{names[-1]}.txt")
    for name in names:
        shutil.copyfile(HERE / f"{name}.txt", environment.stamp(name))


def make_venv(environment: Environment) -> None:
    """A fresh environment, unless a whole one is there: the folder of its stamps is made last."""
    folder, stamps = environment.folder, environment.stamp("any").parent
    if stamps.exists() and runs([str(environment.python), "-c", ""]):
        return
    if folder.exists():
        shutil.rmtree(folder)
    version = sys.version.split()[0]
    print(f"Making {environment.name} with {sys.executable} ({version}) …", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False)
    if made.returncode != 0:
        raise SystemExit(
            "This Python cannot make an environment. On Debian and Ubuntu the package python3-venv "
            "is missing; install it, or name another Python: make PYTHON=/path/to/python3 …"
        )
    stamps.mkdir()


def install(environment: Environment, lock_file: Path) -> None:
    """Install with uv; with pip where uv cannot be had or cannot reach the packages."""
    python = str(environment.python)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    tool = str(VENV.folder / "bin" / "uv")
    lock_files = [str(lock_file)]
    if environment == VENV:  # uv itself stays in it
        lock_files.append(str(TOOL))
        there = run([*pip, "--require-hashes", "-r", str(TOOL)])
    else:
        there = runs([tool, "--version"])
    sync = [tool, "pip", "sync", "--quiet", "--require-hashes", *lock_files]
    if lock_file.stem != "server":  # tests start many processes; a server starts once
        sync.append("--compile-bytecode")
    if there and run(sync, {"VIRTUAL_ENV": str(environment.folder), **uv_settings(python)}):
        return
    print("uv could not do it; pip tries.", flush=True)
    if not run([*pip, "--require-hashes", "-r", str(lock_file)]):
        raise SystemExit(
            "The packages could not be installed. The lines above say why: often the network, or "
            "an index that pip must be told of (pip config)."
        )


def uv_settings(python: str) -> dict[str, str]:
    """What pip was told about where packages are, in uv's words: uv does not read it."""
    found = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
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


def runs(command: list[str]) -> bool:
    """Whether this program is there and works; what it prints is not shown."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
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
            f"{error}: the environment belongs to another user. Remove it as that user "
            "(make clean), or work in a clone of your own."
        ) from None
