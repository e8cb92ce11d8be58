"""What twenty gates cost a promotion, over a hundred evaluations of both versions."""

from typing import Any
from urllib.parse import quote

from benchmarks import evidence, team
from benchmarks.cycles import Cycle, Path, compare_cycles
from benchmarks.evidence import CHECKS, EVALUATIONS, FILES, give_evidence
from benchmarks.filling import fill
from benchmarks.harness import Bench
from benchmarks.reports import Section
from benchmarks.team import Person, Refused

MODELS = 16
GATES: list[dict[str, Any]] = [
    {"type": "fields", "require": ["description", "code.commit", "datasets.train"]},
    {"type": "stored"},
    {"type": "formats", "deny": ["pickle", "joblib"]},
    *(
        {
            "type": "metric",
            "metric": f"m{n}",
            "dataset": f"holdout-{n}",
            "op": ">=",
            "value": 0.5,
            "reported_by": {"identities": ["trainer"]},
        }
        for n in range(6)
    ),
    *(
        {
            "type": "baseline",
            "metric": f"m{n}",
            "dataset": f"holdout-{n}",
            "higher_is_better": True,
            "max_regression": 0.05,
            "against": "production",
            "confidence": 0.9,
        }
        for n in range(6)
    ),
    *({"type": "check", "name": f"ci/{n}"} for n in range(1, 6)),
]


def measure(bench: Bench) -> list[Section]:
    """The same versions to stages with gates and to stages without, each connection in a model of
    its own."""
    trainer = team.trainer(bench.server)
    Person(bench.server, "admin", bench.server.token).call("PUT", "/policy", _policy())
    names = [f"model {number:02}" for number in range(MODELS)]
    fill(bench.server.database_url, dict.fromkeys(names, 3), trainer.name)
    give_evidence(bench.server.database_url, trainer.name)
    for name in names:
        _put_in_production(trainer, name)
    _check(trainer, names[0])
    cases = [
        (f"{len(GATES)} gates", [Path(name, [(2, "blue"), (2, "green")]) for name in names]),
        ("no gates", [Path(name, [(3, "left"), (3, "right")]) for name in names]),
    ]
    title = "A promotion with gates: request, look, apply"
    sections = compare_cycles(bench, title, Cycle(trainer, looks=True), cases)
    sections[0].remarks.append(
        f"Every version has {EVALUATIONS} evaluations of {evidence.METRICS} metrics, {CHECKS} "
        f"checks and {FILES} files, so has the one in production that 6 of the gates compare with. "
        "Each of the calls judges once, under the locks when it is asked for and applied."
    )
    return sections


def _policy() -> dict[str, Any]:
    def pair(one: str, other: str, gates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ways = ((one, ["none", other]), (other, [one]))
        return [{"name": name, "from": ways_in, "gates": gates} for name, ways_in in ways]

    production = {"name": "production", "from": ["none"], "exclusive": True}
    return {"stages": [*pair("blue", "green", GATES), *pair("left", "right", []), production]}


def _put_in_production(trainer: Person, model: str) -> None:
    wanted = {"to": "production", "reason": "To be compared with.", "apply": True}
    asked = f"/models/{quote(model)}/versions/1/promotions"
    if trainer.call("POST", asked, wanted, expect=201)["status"] != "applied":
        raise Refused(f"version 1 of {model} did not come to production")


def _check(trainer: Person, model: str) -> None:
    """That the gates look at what they should, and pass."""
    asked = f"/models/{quote(model)}/versions/2/promotions"
    wanted = {"to": "blue", "reason": "To be looked at.", "apply": False}
    shown = trainer.call("POST", asked, wanted, expect=201)
    failed = [gate for gate in shown["gates"] if not gate["passed"]]
    if len(shown["gates"]) != len(GATES) or failed:
        raise Refused(f"{len(shown['gates'])} gates, of which failed: {failed}")
    trainer.call("POST", f"/promotions/{shown['id']}/cancel", {})
