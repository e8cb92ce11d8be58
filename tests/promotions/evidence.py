"""Evidence for gates, as plain functions."""

from typing import Any
from uuid import UUID

from app.policies.gates import parse_gate
from app.promotions.rules.gates import (
    Candidate,
    Checked,
    Evidence,
    Holder,
    Measured,
    Reporter,
    decide,
)

MINE, THEIRS = UUID(int=7), UUID(int=6)
DATA, OTHER_DATA = "9f86d0" + "0" * 58, "ab12" + "0" * 60
CI = Reporter("ci-bot")
ALICE = Reporter("alice")
METRIC: dict[str, Any] = {
    "type": "metric",
    "metric": "auc",
    "dataset": "holdout",
    "op": ">=",
    "value": 0.9,
}
BASELINE: dict[str, Any] = {
    "type": "baseline",
    "metric": "auc",
    "dataset": "holdout",
    "higher_is_better": True,
}
CHECK: dict[str, Any] = {"type": "check", "name": "ci/robustness"}
NO_RECIPE: dict[str, Any] = {
    "params": {},
    "metrics": {},
    "code": None,
    "datasets": [],
    "preprocessing": [],
    "environment": None,
    "seed": None,
    "signature": None,
    "run": None,
    "source": None,
    "description": "",
    "tags": {},
}


def measured(
    value: float,
    *,
    version: UUID = MINE,
    by: Reporter = CI,
    at: int = 1,
    sha256: str | None = DATA,
    dataset: str = "holdout",
    metric: str = "auc",
    stderr: float | None = None,
    n: int | None = None,
) -> Measured:
    """A report; `at` says which one in order."""
    return Measured(UUID(int=at), version, dataset, sha256, metric, value, by, stderr, n)


def checked(
    status: str,
    *,
    name: str = "ci/robustness",
    by: Reporter = CI,
    at: int = 1,
    summary: str = "",
) -> Checked:
    return Checked(UUID(int=at), name, status, by, summary)


def evidence(*reports: Measured, **fields: Any) -> Evidence:
    """Version 7 is to go to production, which version 6 holds. `recipe` and what else the version
    has goes to the candidate."""
    recipe = {**NO_RECIPE, **fields.pop("recipe", {})}
    about = {key: fields.pop(key) for key in ("files_count", "is_stored") if key in fields}
    defaults: dict[str, Any] = {"holders": {"production": (Holder(THEIRS, 6),)}}
    return Evidence(
        candidate=Candidate(MINE, 7, recipe, **about),
        to_stage="production",
        reports=reports,
        **{**defaults, **fields},
    )


def decided(gate: dict[str, Any], found: Evidence) -> tuple[bool, str]:
    """What becomes of a gate as it is stored."""
    read = parse_gate(gate)
    assert read is not None, gate
    return decide(read, found)
