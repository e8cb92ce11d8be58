"""The quick start at `/docs/start` does what it says, command by command."""

import html
import re
import subprocess
from pathlib import Path

from app.meta.assets import ROOT

ASK_FOR_TOKEN = re.compile(r"^as \$ADMIN \$URL/tokens .*\"identity\": \"(\w+)\".*$", re.MULTILINE)


def script(url: str, token: str) -> str:
    """The commands of the page, with what a reader fills in by hand filled in."""
    page = (ROOT / "start.html").read_text()
    blocks = re.findall(r"<pre><code>(.*?)</code>", page, re.DOTALL)
    text = "\n".join(html.unescape(block) for block in blocks)
    text = text.replace("{{base_url}}", url).replace("ADMIN=swd_…", f"ADMIN={token}")
    text = text.replace("curl -sS", "curl -sS --fail-with-body")
    text = ASK_FOR_TOKEN.sub(lambda m: f"{m[1].upper()}=$({m[0]} | jq -er .secret)", text)
    text = re.sub(r"^export ALICE=.*$", "", text, flags=re.MULTILINE)
    inbox = '"$URL/promotions?reviewable=true"'
    assert inbox in text
    text = text.replace(f"as $BOB   {inbox}", f"ID=$(as $BOB {inbox} | jq -er .items[0].id)")
    text, rollback = text.rsplit("\n", 1)
    assert "/rollback" in rollback  # there is no earlier version here to return to
    for name, other in (("alice", "quick-alice"), ("bob", "quick-bob"), ("churn", "quick-churn")):
        text = re.sub(rf"(?<![.\w/]){name}(?=\")|(?<=models/){name}|(?<=model=){name}", other, text)
    return f"set -euo pipefail\n{text}\n"


def test_every_command_of_the_quick_start_works(server: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"a model")
    ran = subprocess.run(
        ["bash", "-c", script(*server)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"status":"applied"' in ran.stdout
    assert (tmp_path / "model.pkl").read_bytes() == b"a model"
