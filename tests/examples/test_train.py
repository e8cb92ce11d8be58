"""The training script records what it takes to make the model again."""

import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def recipe(train: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = train.train(train.arguments(["--c", "0.5", "--seed", "3"]))[1]
    return found


def test_the_recipe_has_the_hyperparameters_and_the_seed(recipe: dict[str, Any]) -> None:
    assert recipe["params"]["C"] == 0.5
    assert recipe["seed"] == 3


def test_the_metrics_are_those_of_the_held_out_part(recipe: dict[str, Any]) -> None:
    assert set(recipe["metrics"]) == {"auc", "accuracy", "f1", "log_loss"}
    assert 0.9 < recipe["metrics"]["auc"] <= 1


def test_the_data_is_named_by_its_digest_each_part_for_itself(
    train: ModuleType, recipe: dict[str, Any]
) -> None:
    first, second = recipe["datasets"]
    assert (first["role"], second["role"]) == ("train", "test")
    assert first["rows"] + second["rows"] == 569
    assert re.fullmatch("[0-9a-f]{64}", first["sha256"])
    assert first["sha256"] != second["sha256"]
    again = train.train(train.arguments(["--c", "9", "--seed", "3"]))[1]["datasets"]
    assert [part["sha256"] for part in again] == [first["sha256"], second["sha256"]]
    other = train.train(train.arguments(["--seed", "4"]))[1]["datasets"]
    assert other[0]["sha256"] != first["sha256"]


def test_the_environment_is_whole(recipe: dict[str, Any]) -> None:
    packages = recipe["environment"]["packages"]
    assert {"scikit-learn", "numpy", "httpx"} <= set(packages)
    assert recipe["preprocessing"][0]["version"] == packages["scikit-learn"]


def test_the_code_is_named_without_the_password_of_its_remote(
    train: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*command: str) -> None:
        named = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *named, *command], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--initial-branch=topic")
    script = tmp_path / "train.py"
    script.write_text("x = 1\n")
    git("add", "train.py")
    git("commit", "--message=first")
    git("remote", "add", "origin", "https://user:hunter2@git.example.com/team/churn.git")
    monkeypatch.setattr(train, "__file__", str(script))
    code = train.git()
    assert code["repository"] == "https://git.example.com/team/churn.git"
    assert re.fullmatch("[0-9a-f]{40}", code["commit"])
    assert (code["branch"], code["dirty"], code["entrypoint"]) == ("topic", False, "train.py")
    script.write_text("x = 2\n")
    assert train.git()["dirty"] is True
    assert re.fullmatch("[0-9a-f]{64}", train.git()["diff_sha256"])


def test_outside_a_checkout_there_is_no_code(
    train: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "__file__", str(tmp_path / "train.py"))
    assert train.git() is None


def test_running_it_registers_a_ready_version(
    train: ModuleType, server: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    url, token = server
    version = train.main(["--url", url, "--token", token, "--model", "trained"])
    assert version["status"] == "ready"
    assert version["files_count"] == 2
    assert "trained version 1 is ready" in capsys.readouterr().out
    again = train.main(["--url", url, "--token", token, "--model", "trained", "--parent", "1"])
    assert again["number"] == 2
    assert again["parents"] == [{"model": "trained", "version": 1}]
