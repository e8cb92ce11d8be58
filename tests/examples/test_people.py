"""The guide to people and machines does what it says, command by command."""

import re
import subprocess
from pathlib import Path

import httpx

GUIDE = Path(__file__).parents[2] / "docs" / "people.md"
PEOPLE = (("alice", "guide-alice"), ("trainer", "guide-trainer"), ("risk-team", "guide-team"))


def script(url: str, token: str) -> str:
    """The commands of the guide but those of an operator, with what a reader fills in."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    text = "\n".join(block for block in blocks if "python -m app" not in block)
    given = f"export URL={url}/api/v1 ADMIN={token}"
    text = re.sub(r"^export URL=.*$", given, text, count=1, flags=re.MULTILINE)
    assert "curl -sS" in text
    text = text.replace("curl -sS", "curl -sS --fail-with-body").replace("jq -r", "jq -er")
    for name, other in PEOPLE:
        text = re.sub(rf"(?<![.\w-]){name}(?![\w@-])", other, text)
    return f"set -euo pipefail\n{text}\n"


def test_every_command_of_the_guide_works(server: tuple[str, str], tmp_path: Path) -> None:
    url, token = server
    ran = subprocess.run(
        ["bash", "-c", script(url, token)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "not soon" in ran.stdout
    shown = httpx.get(
        f"{url}/api/v1/identities/guide-trainer",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        verify=False,
    ).json()
    assert (shown["owner"], shown["owner_disabled"]) == ("admin", False)
