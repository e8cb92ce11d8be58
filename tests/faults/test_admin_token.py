"""`python -m app admin-token`, as an operator runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from tests.servers import Start
from tests.waiting import SECONDS


def admin_token(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STAGEWARD_")}
    return subprocess.run(
        [sys.executable, "-m", "app", "admin-token", *arguments],
        env={**environment, "STAGEWARD_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def secret_in(said: subprocess.CompletedProcess[str]) -> str:
    assert said.returncode == 0, said.stderr
    found = re.findall(r"A token of admin's for \S+ days, shown this once: (\S+)", said.stdout)
    assert len(found) == 1
    assert found[0] not in said.stderr
    return str(found[0])


def call(url: str, method: str, path: str, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(
        method, f"{url}/api/v1{path}", headers=headers, timeout=60, verify=False, trust_env=False
    )


def test_an_operator_gets_back_in_beside_a_running_server_and_without_one(
    start: Start, tmp_path: Path
) -> None:
    server = start()
    url, first = server.url, server.token or ""
    mine = call(url, "GET", "/me", first).json()["token"]["id"]
    assert call(url, "DELETE", f"/tokens/{mine}", first).status_code == 204
    assert call(url, "GET", "/me", first).status_code == 401
    beside = secret_in(admin_token(tmp_path, "--days", "1"))
    assert call(url, "GET", "/me", beside).json()["is_admin"] is True
    refused = admin_token(tmp_path, "--identity", "nobody", "--make-admin")
    assert refused.returncode == 1
    assert refused.stderr.startswith("stageward: `nobody` is not an enabled admin.")
    assert server.end() == 0
    alone = secret_in(admin_token(tmp_path))
    again = start()
    assert call(again.url, "GET", "/me", alone).json()["is_admin"] is True
    assert alone not in again.logged.read_text()


def test_there_is_nothing_to_get_into_before_the_first_start(tmp_path: Path) -> None:
    refused = admin_token(tmp_path)
    assert refused.returncode == 1
    assert "STAGEWARD_DATA_DIR" in refused.stderr
    assert not (tmp_path / "data").exists()
