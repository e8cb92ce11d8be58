"""A fields gate on plain values: what a version must say about itself."""

from typing import Any

import pytest

from tests.promotions.evidence import (
    decided,
    evidence,
)

CODE = {"repository": "https://git.example.com/a.git", "commit": "3f2c9e", "dirty": False}


FULL: dict[str, Any] = {
    "description": "Depth 6.",
    "code": CODE | {"branch": "main", "entrypoint": "train.py", "diff_sha256": "a" * 64},
    "datasets": [
        {"name": role, "role": role, "sha256": "b" * 64}
        for role in ("train", "validation", "test", "other")
    ],
    "preprocessing": [{"name": "scaler"}],
    "environment": {
        "python": "3.11",
        "platform": "Linux",
        "packages": {"scikit_learn": "1.9", "numpy": "2.4"},
        "container_image": "train@sha256:1",
        "hardware": {"gpu": 1},
    },
    "seed": 0,
    "signature": {"inputs": [{"name": "age"}], "outputs": []},
    "run": {"tracker": "mlflow", "id": "1"},
    "source": "s3://b/m",
    "params": {"lr": 0, "opt": {"name": "adam", "nesterov": False}, "a.b": 1},
    "metrics": {"auc": 0.0, "val.auc": 0.9},
    "tags": {"team": "fraud", "empty": " "},
}


@pytest.mark.parametrize(
    "name",
    [
        "description",
        "code",
        "code.repository",
        "code.commit",
        "code.branch",
        "code.entrypoint",
        "code.diff_sha256",
        "code.clean",
        "datasets",
        "datasets.train",
        "datasets.validation",
        "datasets.test",
        "datasets.other",
        "datasets.sha256",
        "preprocessing",
        "environment",
        "environment.python",
        "environment.platform",
        "environment.packages",
        "environment.container_image",
        "environment.hardware",
        "environment.packages.Scikit-Learn",
        "environment.packages.numpy",
        "seed",
        "signature",
        "parents",
        "run",
        "source",
        "files",
        "params",
        "params.lr",
        "params.opt.name",
        "params.opt.nesterov",
        "params.a.b",
        "metrics",
        "metrics.auc",
        "metrics.val.auc",
        "tags",
        "tags.team",
    ],
)
def test_every_field_that_can_be_required_is_found_in_a_full_version_and_not_in_an_empty_one(
    name: str,
) -> None:
    gate = {"type": "fields", "require": [name]}
    full = evidence(recipe=FULL, files_count=1, has_parents=True)
    assert decided(gate, full) == (True, f"Version 7 has {name}.")
    assert decided(gate, evidence()) == (False, f"Version 7 lacks {name}.")


@pytest.mark.parametrize(
    ("name", "recipe", "detail"),
    [
        ("description", {"description": " \n"}, "description"),
        ("code.clean", {"code": CODE | {"dirty": None}}, "code.clean"),
        (
            "code.clean",
            {"code": CODE | {"dirty": True}},
            "code.clean (its working tree differed from the commit)",
        ),
        ("code.branch", {"code": CODE | {"branch": None}}, "code.branch"),
        (
            "datasets.sha256",
            {"datasets": [*FULL["datasets"], {"name": "extra", "role": "other", "sha256": None}]},
            "datasets.sha256 (there is no digest of extra)",
        ),
        ("signature", {"signature": {"inputs": [], "outputs": None}}, "signature"),
        ("environment.packages", {"environment": {"packages": {}}}, "environment.packages"),
        ("params.opt.lr", FULL, "params.opt.lr"),
        ("params.lr.deep", FULL, "params.lr.deep"),
        ("params.x", {"params": {"x": None}}, "params.x"),
        ("params.x", {"params": {"x": []}}, "params.x"),
        ("tags.empty", FULL, "tags.empty"),
        ("metrics.f1", FULL, "metrics.f1"),
    ],
)
def test_what_is_empty_or_only_half_there_is_lacking(
    name: str, recipe: dict[str, Any], detail: str
) -> None:
    gate = {"type": "fields", "require": [name]}
    assert decided(gate, evidence(recipe=recipe)) == (False, f"Version 7 lacks {detail}.")


def test_all_that_lacks_is_named_at_once() -> None:
    gate = {"type": "fields", "require": ["description", "code.commit", "seed", "files", "run"]}
    assert decided(gate, evidence(recipe={"seed": 7})) == (
        False,
        "Version 7 lacks description, code.commit, files and run.",
    )


REPRODUCIBLE = FULL | {
    "code": CODE | {"commit": "3f" * 20, "entrypoint": "train.py"},
    "datasets": [{"name": "customers", "role": "train", "sha256": "b" * 64, "uri": "s3://d/c"}],
    "environment": {"python": "3.11.7", "packages": {"numpy": "2.4.0"}},
}


def test_a_version_that_can_be_made_again_is_reproducible() -> None:
    gate = {"type": "fields", "require": ["reproducible"]}
    whole = evidence(recipe=REPRODUCIBLE)
    assert decided(gate, whole) == (True, "Version 7 has reproducible.")


def test_one_that_cannot_is_told_everything_that_is_missing() -> None:
    gate = {"type": "fields", "require": ["description", "reproducible"]}
    recipe = REPRODUCIBLE | {
        "code": CODE | {"entrypoint": "train.py", "dirty": True},
        "environment": {"python": "3.11.7", "packages": {"numpy": ">=2"}},
        "seed": None,
    }
    assert decided(gate, evidence(recipe=recipe)) == (
        False,
        "Version 7 lacks reproducible (for that it lacks code.commit, code.clean, "
        "environment.packages and seed).",
    )
