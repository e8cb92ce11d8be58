"""Perform the steps of the Dockerfile without containers, then run what came of it.

`make check-image`. Each stage is a folder; a FROM is an environment of the Python that runs this.
What is copied and run is what the Dockerfile says, from the files that .dockerignore leaves. The
one step that needs a machine of its own, making the user, is left out and said so. The result is
made read-only, started by its ENTRYPOINT with nothing but its own ENV, as an ordinary user, with
the embedded database; its HEALTHCHECK must say that it is well, and SIGTERM must end it with 0.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.core.privileges import Runner, named_user, runner_for  # noqa: E402
from deploy import dockerfile  # noqa: E402
from deploy.dockerfile import Stage, Step, filled  # noqa: E402

READY_SECONDS = 120.0
STOP_SECONDS = 60.0
FOR_ROOT = ("groupadd", "useradd")


@dataclass(slots=True)
class Built:
    """A stage as a folder: `root` is its `/`."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = Path("/")

    def at(self, path: str) -> Path:
        """Where a path inside is, outside."""
        return self.root / (self.folder / path).relative_to("/")

    def outside(self, value: str) -> str:
        """A value of ENV with the absolute paths in it as they are outside."""
        parts = [str(self.at(part)) if part.startswith("/") else part for part in value.split(":")]
        return ":".join(parts)


def main() -> int:
    """Build, look, run; the exit code says whether all was well."""
    stages = dockerfile.read(ROOT / "Dockerfile")
    with tempfile.TemporaryDirectory(prefix="stageward-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            return _check(folder, stages)
        finally:
            _writable(folder)


def _check(folder: Path, stages: Sequence[Stage]) -> int:
    files = sorted(dockerfile.context(ROOT))
    size = sum((ROOT / file).stat().st_size for file in files)
    say(f"the builder is given {len(files)} files, {size / 2**20:.1f} MiB")
    built: dict[str, Built] = {}
    for number, stage in enumerate(stages):
        one = Built(folder / f"stage-{number}")
        _base(one)
        for step in stage.steps:
            _perform(step, one, files, built)
        built[stage.name or "the image"] = one
    image = built["the image"]
    left = [
        path for path in image.at("venv/bin").iterdir() if re.match(r"pip|easy_install", path.name)
    ]
    if left:
        raise SystemExit(f"WRONG  an installer is left in the image: {left}")
    say("no installer is left beside the server")
    return _run(stages[-1], image)


def _base(one: Built) -> None:
    """What stands for the image of a FROM: an environment with pip."""
    base = one.root / "usr" / "local"
    subprocess.run([sys.executable, "-m", "venv", base], check=True)  # noqa: S603
    one.environment["PATH"] = f"{base / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"


def _perform(step: Step, one: Built, files: Sequence[Path], built: Mapping[str, Built]) -> None:
    match step.name:
        case "WORKDIR":
            one.folder = Path(step.rest)
            one.at(".").mkdir(parents=True, exist_ok=True)
        case "ENV":
            for name, value in step.pairs.items():
                new = filled(value, {**one.environment, "PATH": "\0"})
                kept = one.environment.get("PATH", "")
                one.environment[name] = one.outside(new).replace("\0", kept)
        case "COPY":
            _copy(step, one, files, built)
        case "RUN":
            _run_step(step, one)
        case _:
            pass


def _copy(step: Step, one: Built, files: Sequence[Path], built: Mapping[str, Built]) -> None:
    *sources, to = step.words
    if source := step.flags.get("from"):
        shutil.copytree(built[source].at(sources[0]), one.at(to), symlinks=True)
        say(f"copied {sources[0]} from the stage {source}")
        return
    for name in sources:
        of_it = [file for file in files if file == Path(name) or Path(name) in file.parents]
        if not of_it:
            raise SystemExit(f"WRONG  COPY {name}: .dockerignore leaves nothing of it")
        for file in of_it:
            # A folder's content goes into the target; a file goes into it where it ends in a slash.
            inner = file.relative_to(name) if (ROOT / name).is_dir() else Path(file.name)
            target = one.at(to) / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, target)
        say(f"copied {name}: {len(of_it)} files")


def _run_step(step: Step, one: Built) -> None:
    if step.words[0] in FOR_ROOT:
        say(f"left out, for it needs a machine of its own: RUN {step.rest[:60]}…")
        one.at("/data").mkdir()
        return
    environment = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_"))}
    subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", step.rest],
        cwd=one.at("."),
        env={**environment, **one.environment},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    say(f"ran: {step.rest[:90]}…")


def _run(stage: Stage, image: Built) -> int:
    port = _free_port()
    environment = {
        **image.environment,
        "STAGEWARD_HOST": "127.0.0.1",  # the image's own is for a container
        "STAGEWARD_PORT": str(port),
    }
    data = image.at("/data")
    for path in image.at(".").rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    runner = _ordinary(data, image.at("venv/bin/python"), Path(sys.base_prefix))
    entry = stage.last("ENTRYPOINT").words
    server = _start(runner, [*entry, *stage.last("CMD").words], image, environment)
    try:
        _wait_until_well(server, runner, dockerfile.healthcheck(stage), image, environment)
        say(f"started as user {runner.user or os.getuid()}, nothing of it writable but /data")
        if _start(runner, [*entry, "doctor"], image, environment).wait(STOP_SECONDS) != 0:
            raise SystemExit("WRONG  the doctor finds something wrong")
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(STOP_SECONDS)
    say("SIGTERM ended it") if code == 0 else print(f"WRONG  it ended with {code}")
    return code


def _ordinary(data: Path, *reached: Path) -> Runner:
    """Ourselves, or an ordinary user where we are root, who owns the data."""
    runner = runner_for(named_user() if os.geteuid() == 0 else None, data, *reached)
    runner.own(data)
    data.chmod(0o700)
    return runner


def _start(
    runner: Runner, command: Sequence[str], image: Built, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    program = shutil.which(command[0], path=environment["PATH"]) or command[0]
    return subprocess.Popen(  # noqa: S603
        runner.command(program, *command[1:]), cwd=image.at("."), env=dict(environment)
    )


def _wait_until_well(
    server: subprocess.Popen[bytes],
    runner: Runner,
    check: Sequence[str],
    image: Built,
    environment: Mapping[str, str],
) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"WRONG  it ended with {server.returncode} before it was well")
        quiet = {**environment, "PYTHONWARNINGS": "ignore"}
        if (
            subprocess.run(  # noqa: S603
                runner.command(shutil.which(check[0], path=environment["PATH"]) or "", *check[1:]),
                cwd=image.at("."),
                env=quiet,
                stderr=subprocess.DEVNULL,
                check=False,
            ).returncode
            == 0
        ):
            say("its HEALTHCHECK says that it is well")
            return
        time.sleep(0.5)
    raise SystemExit("WRONG  its HEALTHCHECK never said that it was well")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _writable(folder: Path) -> None:
    """So that it can be removed."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def say(text: str) -> None:
    """Say what was done."""
    print(f"ok     {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
