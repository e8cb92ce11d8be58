"""The commands of the guide to governance work as they stand, against a server of its own: they
set the default policy."""

import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

from tests.journeys.guide import BLOCK, GUIDE

SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOKEN_OF_CI = """
CI="Authorization: Bearer $(say -H "$ADMIN" $API/tokens \
  -d '{"name": "guide", "identity": "ci", "scopes": ["read", "write"]}' | jq -er .secret)"
"""


def script(url: str, admin: str, mia: str, manifest: str) -> str:
    """The commands of the guide, with what a reader fills in by hand filled in."""
    blocks = SHELL.findall(GUIDE.read_text())
    (begin,) = [block for block in blocks if block.startswith("API=")]
    text = "\n".join([begin, *(block for block in blocks if block is not begin)])
    text = text.replace("http://127.0.0.1:8000", url).replace('"…"', f'"{manifest}"')
    text = text.replace('ADMIN="Authorization: Bearer swd_…"', f'ADMIN="{bearer(admin)}"')
    text = text.replace('MIA="Authorization: Bearer swd_…"', f'MIA="{bearer(mia)}"')
    assert "…" not in text
    before, report = text.split('say -H "$CI"', 1)
    return f'set -euo pipefail\n{before}{TOKEN_OF_CI}say -H "$CI"{report}'


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


def prepare(http: httpx.Client) -> tuple[str, str]:
    """The people, models and versions that the guide speaks of; Mia's token, and the digest of
    version 7's files."""

    def send(method: str, path: str, body: Any = None) -> Any:
        answer = http.request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    for name in ("mia", "rita", "rob", "vera"):
        send("POST", "/identities", {"name": name, "kind": "user"})
    send("PUT", "/grants", {"subject": "mia", "role": "maintainer", "models": "*"})
    wanted = {"name": "guide", "identity": "mia", "scopes": ["read", "write"]}
    secret = send("POST", "/tokens", wanted)["secret"]
    for model in ("churn", "sandbox", "credit", "ranking"):
        send("POST", "/models", {"name": model})
    versions = "/models/churn/versions"
    for _ in range(7):
        last = send("POST", versions, {"finalize": True})
    for number in (5, 6, 7):
        path = f"{versions}/{number}/promotions"
        send("POST", path, {"to": "staging", "reason": "Try it.", "apply": True})
        if number > 5:
            asked = send("POST", path, {"to": "production", "reason": "It is better."})
            forced = {"reason": "There is nobody to review it."}
            send("POST", f"/promotions/{asked['id']}/override", forced)
    return secret, last["manifest_sha256"]


def test_every_command_of_the_guide_works(demo: ModuleType, tmp_path: Path) -> None:
    for kind, name, text in BLOCK.findall(GUIDE.read_text()):
        if kind == "policy":
            (tmp_path / f"{name}.json").write_text(text)
    with demo.fresh_server() as (url, admin):
        headers = {"Authorization": f"Bearer {admin}"}
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
            mia, manifest = prepare(http)
            ran = subprocess.run(
                ["bash", "-c", script(url, admin, mia, manifest)],
                cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert ran.returncode == 0, ran.stdout + ran.stderr
            own = http.get("/api/v1/models/ranking/policy").json()
            assert [stage["name"] for stage in own["stages"]] == [
                *("staging", "canary", "production", "archived"),
            ]
            assert http.get("/api/v1/models/churn/versions/production").json()["number"] == 6
