"""A version that the training script registered is made again by the script of its recipe."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import httpx
import pytest

REPOSITORY = "https://git.example.com/risk/breast-cancer.git"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "train.py"


def git(*command: str, cwd: Path) -> str:
    named = ("-c", "user.name=alice", "-c", "user.email=alice@example.com")
    done = subprocess.run(
        ["git", *named, *command], cwd=cwd, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the example in it, as its team would have cloned it."""
    root = tmp_path / "breast-cancer"
    root.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    shutil.copy(EXAMPLE, root / "train.py")
    git("add", "train.py", cwd=root)
    git("commit", "--quiet", "--message=Train", cwd=root)
    git("remote", "add", "origin", REPOSITORY, cwd=root)
    return root


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of somebody who has git and Python, and nothing of ours."""
    home.mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        **more,
    }


def trained(
    url: str, token: str, repository: Path, *flags: str
) -> subprocess.CompletedProcess[str]:
    """Run the example from its checkout, in a process of its own."""
    return subprocess.run(
        [sys.executable, "train.py", "--model", "again", *flags],
        cwd=repository,
        env=environment(repository.parent / "home", STAGEWARD_URL=url, STAGEWARD_TOKEN=token),
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_script_trains_again_and_gets_the_same_metrics(
    server: tuple[str, str], repository: Path, tmp_path: Path
) -> None:
    url, token = server
    trained(url, token, repository, "--c", "0.37", "--seed", "11", "--test-size", "0.25")
    # Later work in the repository is not what made the version.
    (repository / "train.py").write_text("raise SystemExit('not this one')\n")
    git("commit", "--quiet", "--all", "--message=Break it", cwd=repository)
    api = httpx.Client(
        base_url=f"{url}/api/v1/models/again/versions/latest",
        headers={"Authorization": f"Bearer {token}"},
    )
    with api:
        recipe = api.get("/reproduce").raise_for_status().json()
        script = api.get("/reproduce", params={"format": "sh"}).raise_for_status().text
    count = recipe["number"]
    assert recipe["missing"] == []
    assert recipe["reproducible"]
    assert recipe["code"]["repository"] == REPOSITORY
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "reproduce.sh").write_text(script)

    def run(*flags: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(tmp_path / "reproduce.sh"), *flags],
            cwd=empty,
            env=environment(tmp_path / "other-home", STAGEWARD_PYTHON=sys.executable, **more),
            capture_output=True,
            text=True,
            check=False,
        )

    # The team's mirror stands for its host, as a line in their configuration of git says.
    mirror = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
    }
    refused = run("--run", STAGEWARD_DIR="refused", **mirror)
    assert refused.returncode == 4
    assert "git may fetch by https:ssh here" in refused.stderr
    done = run("--run", GIT_ALLOW_PROTOCOL="file", **mirror)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The metrics are those of the version." in done.stdout
    there = empty / f"stageward-again-{count}"
    assert git("rev-parse", "HEAD", cwd=there / "code") == recipe["code"]["commit"]
    assert (there / "metrics.json").stat().st_size > 0
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as api:
        latest = api.get(f"{url}/api/v1/models/again/versions/latest").json()
    assert latest["number"] == count  # nothing was registered by it


def test_another_seed_does_not_give_the_same_metrics(
    train: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = train.train(train.arguments(["--seed", "3"]))[1]
    for name, content in (("RECIPE", recipe), ("PARAMS", recipe["params"])):
        (tmp_path / name).write_text(train.json.dumps(content))
        monkeypatch.setenv(f"STAGEWARD_{name}", str(tmp_path / name))
    monkeypatch.setenv("STAGEWARD_METRICS", str(tmp_path / "metrics.json"))
    monkeypatch.setenv("STAGEWARD_SEED", "3")
    train.main([])
    assert train.json.loads((tmp_path / "metrics.json").read_text()) == recipe["metrics"]
    monkeypatch.setenv("STAGEWARD_SEED", "4")
    with pytest.raises(SystemExit, match="not the data that was used"):
        train.main([])
