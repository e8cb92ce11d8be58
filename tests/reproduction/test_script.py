"""What the script of a recipe does, step by step, and how it ends."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.reproduction.script import write
from tests.reproduction.sandbox import Sandbox, recipe
from tests.versions.test_completeness import WHOLE

SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]
COMMIT = WHOLE["code"]["commit"]
CODE = {**WHOLE["code"], "entrypoint": "python train.py --name 'a b' --lr 0.1"}


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox.made(tmp_path / "box")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_can_read_it(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "reproduce.sh"
    path.write_text(write(recipe()))
    done = subprocess.run([shell, "-n", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_without_run_everything_is_prepared_and_nothing_is_run(
    sandbox: Sandbox, shell: str
) -> None:
    done = sandbox.run(write(recipe(code=CODE)), shell=str(shutil.which(shell)))
    assert done.returncode == 0, done.stderr
    assert "churn version 3" in done.stdout
    assert "Nothing of it was run." in done.stdout
    assert "'train.py' '--name' 'a b' '--lr' '0.1'" in done.stdout
    assert not (sandbox.root / "seen").exists()
    there = sandbox.root / "work" / "there"
    assert (there / "requirements.txt").read_text() == "numpy==2.4.0\n"
    assert json.loads((there / "params.json").read_text()) == {"lr": 0.1}
    calls = sandbox.calls
    clone = calls[calls.index("clone") : calls.index("clone") + 7]
    assert clone[-2:] == [CODE["repository"], str(there / "code")]
    assert clone[-3] == "--"
    pip = calls[calls.index("pip") :]
    assert pip[: pip.index("--requirement")] == [
        *("pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--only-binary", ":all:"),
    ]


def test_with_run_the_training_gets_its_recipe_and_its_metrics_are_compared(
    sandbox: Sandbox,
) -> None:
    done = sandbox.run(
        write(recipe(code=CODE)), "--run", METRICS='{"auc": 0.934}', STAGEWARD_TOKEN="swd_secret"
    )
    assert done.returncode == 0, done.stderr
    assert "The metrics are those of the version." in done.stdout
    assert sandbox.seen["argv"] == ["--name", "a b", "--lr", "0.1"]
    environment = sandbox.seen["environment"]
    assert environment["STAGEWARD_SEED"] == "0"
    assert "STAGEWARD_TOKEN" not in environment
    whole = json.loads(Path(environment["STAGEWARD_RECIPE"]).read_text())
    assert whole == recipe(code=CODE).model_dump(mode="json")


@pytest.mark.parametrize(
    ("metrics", "more", "code", "said"),
    [
        ('{"auc": 0.9}', {}, 8, "DIFFERS auc: 0.934 expected, 0.9 found"),
        ('{"auc": 0.9}', {"STAGEWARD_TOLERANCE": "0.1"}, 0, "same auc"),
        ('{"f1": 0.9}', {}, 8, "DIFFERS auc: 0.934 expected, None found"),
        ("[1]", {}, 8, "not an object of numbers"),
        ("", {}, 9, "The training wrote no metrics"),
    ],
)
def test_other_metrics_are_told(
    sandbox: Sandbox, metrics: str, more: dict[str, str], code: int, said: str
) -> None:
    done = sandbox.run(write(recipe()), "--run", METRICS=metrics, **more)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr


def test_a_version_without_metrics_has_nothing_to_compare(sandbox: Sandbox) -> None:
    done = sandbox.run(write(recipe(metrics={})), "--run")
    assert done.returncode == 0, done.stderr
    assert "there is nothing to compare" in done.stdout


def test_a_training_that_fails_is_told(sandbox: Sandbox) -> None:
    (sandbox.root / "checkout" / "train.py").write_text("raise SystemExit(1)")
    done = sandbox.run(write(recipe()), "--run")
    assert (done.returncode, "The training failed." in done.stderr) == (7, True)


def test_another_commit_than_the_recorded_one_is_refused(sandbox: Sandbox) -> None:
    (sandbox.root / "checkout" / "commit").write_text("0" * 40 + "\n")
    done = sandbox.run(write(recipe()))
    assert done.returncode == 4
    assert f"is not the commit {COMMIT}" in done.stderr


def test_data_is_checked_where_a_local_copy_is_named(sandbox: Sandbox) -> None:
    (sandbox.root / "work" / "data.csv").write_text("a,b\n")
    digest = hashlib.sha256(b"a,b\n").hexdigest()
    data = {**WHOLE["datasets"][0], "sha256": digest}
    unnamed = {"name": "more", "role": "test"}
    script = write(recipe(datasets=[data, unnamed]))
    done = sandbox.run(script, "--run", STAGEWARD_DATA_1="data.csv", METRICS='{"auc": 0.934}')
    assert done.returncode == 0, done.stderr
    assert "Its SHA-256 is the recorded one." in done.stdout
    assert "name a local copy in STAGEWARD_DATA_2." in done.stdout
    path = str(sandbox.root / "work" / "data.csv")
    assert sandbox.seen["environment"]["STAGEWARD_DATA_1"] == path
    (sandbox.root / "work" / "data.csv").write_text("a,c\n")
    done = sandbox.run(script, STAGEWARD_DIR="again", STAGEWARD_DATA_1="data.csv")
    assert done.returncode == 6
    assert "STAGEWARD_DATA_1 is not the data that was used" in done.stderr
    done = sandbox.run(script, STAGEWARD_DIR="third", STAGEWARD_DATA_1="nothing.csv")
    assert (done.returncode, "is no file" in done.stderr) == (6, True)


def test_what_was_changed_after_the_commit_is_asked_for_by_its_digest(sandbox: Sandbox) -> None:
    change = sandbox.root / "work" / "change.diff"
    change.write_text("diff")
    digest = hashlib.sha256(b"diff").hexdigest()
    code = {**CODE, "dirty": True, "diff_sha256": digest}
    script = write(recipe(code=code, files=[{"path": "a.diff", "size": 4, "sha256": digest}]))
    done = sandbox.run(script)
    assert f"SHA-256 is {digest}. It is a file of the version: a.diff" in done.stdout
    done = sandbox.run(script, STAGEWARD_DIR="again", STAGEWARD_DIFF="change.diff")
    assert done.returncode == 0, done.stderr
    assert "apply\0--\0" in "\0".join(sandbox.calls)
    change.write_text("other")
    done = sandbox.run(script, STAGEWARD_DIR="third", STAGEWARD_DIFF="change.diff")
    assert (done.returncode, "its SHA-256 differs" in done.stderr) == (4, True)


def test_an_interpreter_of_ones_own_is_used_as_it_is(sandbox: Sandbox) -> None:
    python = str(sandbox.root / "tools" / "python3")
    environment = {"python": "3.11.7", "packages": {"no-such-package": "1.0"}}
    script = write(recipe(environment=environment))
    done = sandbox.run(script, "--run", STAGEWARD_PYTHON=python, METRICS='{"auc": 0.934}')
    assert done.returncode == 0, done.stderr
    assert "Note: no-such-package was 1.0, and here it is not installed." in done.stdout
    assert not {"venv", "pip"} & set(sandbox.calls)


def test_another_python_than_the_recorded_one_is_refused(sandbox: Sandbox) -> None:
    environment = {"python": "3.9.2", "packages": {"numpy": "2.4.0"}}
    done = sandbox.run(write(recipe(environment=environment)))
    assert (done.returncode, "Python 3.9 is needed" in done.stderr) == (5, True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code": None}, "It is not known where the code is kept."),
        ({"code": {**CODE, "commit": "main"}}, "It is no commit in full."),
        ({"code": {**CODE, "repository": "/srv/a"}}, "no address of a repository"),
    ],
)
def test_without_code_there_is_nothing_to_check_out(
    sandbox: Sandbox, changed: dict[str, Any], said: str
) -> None:
    done = sandbox.run(write(recipe(**changed)))
    assert (done.returncode, said in done.stderr) == (3, True)
    assert "git" not in sandbox.calls


def test_a_directory_that_is_not_empty_is_left_alone(sandbox: Sandbox) -> None:
    (sandbox.root / "work" / "there").mkdir()
    (sandbox.root / "work" / "there" / "mine").write_text("x")
    done = sandbox.run(write(recipe()))
    assert (done.returncode, "is not empty" in done.stderr) == (3, True)
    assert [each.name for each in (sandbox.root / "work" / "there").iterdir()] == ["mine"]


def test_an_entrypoint_that_is_no_program_of_the_repository_is_shown_and_not_run(
    sandbox: Sandbox,
) -> None:
    script = write(recipe(code={**CODE, "entrypoint": "make train && canary"}))
    done = sandbox.run(script)
    assert done.returncode == 0, done.stderr
    assert "The version was made by: make train && canary" in done.stdout
    done = sandbox.run(script, "--run", STAGEWARD_DIR="again")
    assert (done.returncode, "The entrypoint is not run" in done.stderr) == (3, True)
    assert not (sandbox.root / "CANARY").exists()


def test_a_program_that_leads_out_of_the_checkout_is_not_run(sandbox: Sandbox) -> None:
    git = sandbox.root / "tools" / "git"
    git.write_text(git.read_text().replace('cat "$CHECKOUT/train.py" >', "ln -s /etc/hosts "))
    (sandbox.root / "tools" / "ln").symlink_to(str(shutil.which("ln")))
    done = sandbox.run(write(recipe()), "--run")
    assert (done.returncode, "has no such program" in done.stderr) == (3, True)


def test_what_is_recalled_and_what_is_missing_stands_first(sandbox: Sandbox) -> None:
    recalled = {"reason": "Leaks.", "by": "carol", "at": "2026-11-01T00:00:00Z"}
    done = sandbox.run(write(recipe(recalled=recalled, seed=None)))
    assert done.stdout.splitlines()[1:3] == [
        "Warning: it was recalled and is not to be used: Leaks.",
        "Missing for a full reproduction: seed",
    ]


def test_wrong_options_are_refused_and_help_is_given(sandbox: Sandbox) -> None:
    done = sandbox.run(write(recipe()), "--rnu")
    assert (done.returncode, "There is no option --rnu" in done.stderr) == (2, True)
    done = sandbox.run(write(recipe()), "--help")
    assert (done.returncode, "--run" in done.stdout) == (0, True)
    assert sandbox.calls == []
