"""`make demo`: the whole story, from an empty registry to a version in production."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_ends_with_the_better_version_in_production() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STAGEWARD_")}
    ran = subprocess.run(
        [sys.executable, "examples/demo.py"],
        cwd=ROOT, env=clean, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "✓ version 2 is in production" in ran.stdout
    assert "✓ the old version is archived" in ran.stdout
    assert "Everything held" in ran.stdout
    assert "POST   /api/v1/models/breast-cancer/versions" in ran.stdout
    assert not re.search(r"swd_[A-Za-z0-9_-]{12}|demo-admin-", ran.stdout), "a token was printed"
