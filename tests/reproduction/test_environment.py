"""The environment of a recipe, made by real git, venv and pip, without any package index."""

import os
import platform
import subprocess
import zipfile
from pathlib import Path

from app.reproduction.script import write
from tests.reproduction.sandbox import recipe
from tests.versions.test_completeness import WHOLE

TRAIN = """import json, os, tiny_thing
with open(os.environ["STAGEWARD_METRICS"], "w") as file:
    json.dump({"auc": tiny_thing.AUC}, file)
"""


def a_wheel(folder: Path) -> None:
    about = "tiny_thing-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_thing-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_thing.py", "AUC = 0.934\n")
        metadata = "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n"
        wheel.writestr(f"{about}/METADATA", metadata)
        said = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{about}/WHEEL", said)
        names = ("tiny_thing.py", f"{about}/METADATA", f"{about}/WHEEL", f"{about}/RECORD")
        wheel.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in names))


def git(folder: Path, *command: str) -> str:
    named = ("-c", "user.name=alice", "-c", "user.email=alice@example.com")
    done = subprocess.run(
        ["git", *named, *command], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_the_recorded_packages_are_installed_and_the_training_runs_with_them(
    tmp_path: Path,
) -> None:
    a_wheel(tmp_path)
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet")
    (repository / "train.py").write_text(TRAIN)
    git(repository, "add", "train.py")
    git(repository, "commit", "--quiet", "--message=Train")
    code = {
        **WHOLE["code"],
        "repository": repository.as_uri(),
        "commit": git(repository, "rev-parse", "HEAD"),
    }
    environment = {"python": platform.python_version(), "packages": {"tiny-thing": "1.0"}}
    (tmp_path / "reproduce.sh").write_text(write(recipe(code=code, environment=environment)))
    done = subprocess.run(
        ["sh", str(tmp_path / "reproduce.sh"), "--run"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "GIT_ALLOW_PROTOCOL": "file",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The metrics are those of the version." in done.stdout
