"""A place to run scripts in, where git and Python are stubs that write down how they are called."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.reproduction.rules import put_together
from app.reproduction.schemas import RecipeFile, RecipeOutput
from tests.versions.test_completeness import WHOLE

NEEDED = ("sh", "mkdir", "ls", "sed", "cat", "touch")
GIT = """#!/bin/sh
printf '%s\\0' git "$@" >>"$LOG"
for last in "$@"; do :; done
case "$*" in
  *rev-parse*) cat "$CHECKOUT/commit" ;;
  *clone*) mkdir "$last" && cat "$CHECKOUT/train.py" >"$last/train.py" ;;
esac
"""
PYTHON = """#!/bin/sh
printf '%s\\0' python "$@" >>"$LOG"
case "$*" in
  *"-m venv"*)
    for last in "$@"; do :; done
    mkdir -p "$last/bin"
    cat "$0" >"$last/bin/python"
    chmod +x "$last/bin/python"
    ;;
  *"-m pip"*) ;;
  *version_info*) printf '3.11\\n' ;;
  *) exec "$REAL_PYTHON" "$@" ;;
esac
"""
TRAIN = """import json, os, sys
with open(os.environ["SEEN"], "w") as file:
    seen = {key: value for key, value in os.environ.items() if key.startswith("STAGEWARD_")}
    json.dump({"argv": sys.argv[1:], "environment": seen}, file)
if "METRICS" in os.environ:
    with open(os.environ["STAGEWARD_METRICS"], "w") as file:
        file.write(os.environ["METRICS"])
"""


def recipe(**changed: Any) -> RecipeOutput:
    """A whole recipe, but for what is changed."""
    version = {
        **dict.fromkeys(RecipeOutput.model_fields),
        "model": "churn",
        "number": 3,
        "preprocessing": [],
        "parents": [],
        "metrics": {"auc": 0.934},
        **WHOLE,
        **changed,
    }
    for derived in ("completeness", "reproducible", "missing", "steps", "command", "expected"):
        del version[derived]
    files = [RecipeFile(**each) for each in version.pop("files") or ()]
    return put_together(version, files)


@dataclass(slots=True)
class Sandbox:
    """A directory with an empty one to work in, and a PATH of stubs."""

    root: Path

    @classmethod
    def made(cls, root: Path) -> "Sandbox":
        tools = root / "tools"
        tools.mkdir(parents=True)
        for name in (*NEEDED, "chmod"):
            (tools / name).symlink_to(str(shutil.which(name)))
        for name, text in (("git", GIT), ("python3", PYTHON), ("canary", '#!/bin/sh\n>"$CANARY"')):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        (root / "work").mkdir()
        (root / "checkout").mkdir()
        (root / "checkout" / "train.py").write_text(TRAIN)
        (root / "checkout" / "commit").write_text(f"{WHOLE['code']['commit']}\n")
        return cls(root)

    def run(
        self, script: str, *arguments: str, shell: str = "sh", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        path = self.root / "reproduce.sh"
        path.write_text(script)
        return subprocess.run(
            [shell, str(path), *arguments],
            cwd=self.root / "work",
            env={
                "PATH": str(self.root / "tools"),
                "LOG": str(self.root / "log"),
                "CANARY": str(self.root / "CANARY"),
                "CHECKOUT": str(self.root / "checkout"),
                "SEEN": str(self.root / "seen"),
                "REAL_PYTHON": sys.executable,
                "STAGEWARD_DIR": "there",
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """Every word of every call of a stub, in order."""
        log = self.root / "log"
        return log.read_text().split("\0") if log.exists() else []

    @property
    def seen(self) -> dict[str, Any]:
        """What the training saw."""
        found: dict[str, Any] = json.loads((self.root / "seen").read_text())
        return found

    @property
    def files(self) -> set[str]:
        """What lies in the directory now."""
        return {
            os.path.relpath(Path(folder) / name, self.root)
            for folder, _, names in os.walk(self.root)
            for name in names
        }
