"""Policies that are set on a journey, put together from pieces with a name."""

from typing import Any

from tests.journeys.rules import DEFAULT, Body

ONLY_CI = {"identities": ["ci"]}
# What is added: to which stage, and what.
PIECES: dict[str, tuple[str, Body]] = {
    "two reviewers": ("production", {"approvals": [{"count": 2, "roles": ["reviewer"]}]}),
    "a maintainer": ("production", {"approvals": [{"count": 1, "roles": ["maintainer"]}]}),
    "robot or mia": ("production", {"approvals": [{"count": 1, "identities": ["robot", "mia"]}]}),
    "staging asks": ("staging", {"approvals": [{"count": 1}]}),
    "own auc": ("production", {"gates": [{"type": "metric", "metric": "auc", "op": ">=",
        "value": 0.9}]}),
    "ci's own auc": ("production", {"gates": [{"type": "metric", "metric": "auc", "op": ">=",
        "value": 0.9, "reported_by": ONLY_CI}]}),
    "auc on holdout": ("staging", {"gates": [{"type": "metric", "metric": "auc", "op": ">=",
        "dataset": "holdout", "value": 0.9}]}),
    "ci's check": ("production", {"gates": [{"type": "check", "name": "ci/unit",
        "reported_by": ONLY_CI}]}),
    "anybody's check": ("staging", {"gates": [{"type": "check", "name": "ci/unit"}]}),
    "no regression": ("production", {"gates": [{"type": "baseline", "metric": "auc",
        "dataset": "holdout", "higher_is_better": True, "max_regression": 0.01,
        "if_no_baseline": "pass"}]}),
    "as good as blue": ("production", {"gates": [{"type": "baseline", "metric": "auc",
        "dataset": "holdout", "higher_is_better": True, "against": "@blue",
        "reported_by": ONLY_CI}]}),
    "described": ("production", {"gates": [{"type": "fields", "require": ["description"]}]}),
    "stored": ("archived", {"gates": [{"type": "stored"}]}),
    "lenient": ("production", {"allow_self_approval": True, "allow_author_approval": True}),
    "strict": ("production", {"allow_self_approval": False, "allow_author_approval": False}),
    "refuse": ("production", {"exclusive": True, "incumbent": "refuse"}),
    "one in staging": ("staging", {"exclusive": True}),
    "slowly": ("production", {"min_hours_in_source": 1}),
    "never back": ("staging", {"from": ["none"]}),
    "production stays": ("archived", {"from": ["none", "staging"]}),
    "nowhere": ("production", {"from": ["archived"]}),
    "canary": ("canary", {"from": ["none", "staging"], "exclusive": True,
        "approvals": [{"count": 1, "roles": ["reviewer"]}]}),
    "by canary": ("production", {"from": ["staging", "canary"]}),
}  # fmt: skip
# What stands instead of the default.
BASES: dict[str, Body] = {
    "default": DEFAULT,
    "free": {"stages": [{"name": "staging", "from": ["none", "archived"]},
                        {"name": "production", "from": ["staging", "none"], "exclusive": True}]},
    "no staging": {"stages": [{"name": "production", "from": ["none"], "exclusive": True,
        "approvals": [{"count": 1}], "allow_self_approval": True}]},
}  # fmt: skip
PROTECT = {"protected_aliases": ["champion", "blue"]}
FREEZE = {"freeze": [{"from": "2020-01-01T00:00:00Z", "to": "2120-01-01T00:00:00Z",
                      "reason": "Nothing moves."}]}  # fmt: skip


def body_of(pieces: list[str], base: str, more: dict[str, Any]) -> Body:
    """The body of a policy: these pieces upon a base, if there is one of this name."""
    stages = {each["name"]: dict(each) for each in BASES.get(base, {"stages": []})["stages"]}
    for piece in pieces:
        name, fields = PIECES[piece]
        stage = stages.setdefault(name, {"name": name})
        for key, value in fields.items():
            stage[key] = [*stage.get(key, ()), *value] if key in ("approvals", "gates") else value
    return {"stages": list(stages.values()), **more}
