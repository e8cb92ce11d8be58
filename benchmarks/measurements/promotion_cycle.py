"""The whole way of a promotion: asked for, approved by somebody else, applied."""

from typing import Any

from benchmarks import team
from benchmarks.cycles import Cycle, Path, compare_cycles
from benchmarks.filling import fill
from benchmarks.harness import Bench
from benchmarks.reports import Section
from benchmarks.team import Person

MODELS = 64
BIG = "everything"
ONE_APPROVAL: dict[str, Any] = {"approvals": [{"count": 1}]}
POLICY = {
    "stages": [
        {"name": "blue", "from": ["none", "green"], **ONE_APPROVAL},
        {"name": "green", "from": ["blue"], **ONE_APPROVAL},
        {
            "name": "production",
            "from": ["none", "archived"],
            "exclusive": True,
            "incumbent": "archive",
            **ONE_APPROVAL,
        },
    ]
}


def measure(bench: Bench) -> list[Section]:
    """Over many models, where each takes an exclusive stage from another; and all in one model, in
    stages that many may hold: applying to an exclusive one would end all others' promotions."""
    trainer, reviewer = team.trainer(bench.server), team.reviewer(bench.server)
    Person(bench.server, "admin", bench.server.token).call("PUT", "/policy", POLICY)
    names = [f"model {number:02}" for number in range(MODELS)]
    connections = bench.options.connections
    fill(bench.server.database_url, {**dict.fromkeys(names, 3), BIG: connections}, trainer.name)
    there_and_back = ("blue", "green")
    title = "A promotion: request, review, apply"
    cases = [
        (
            f"over {MODELS} models, an exclusive stage",
            [Path(name, [(n, "production") for n in (1, 2)]) for name in names],
        ),
        (
            f"over {MODELS} models, a stage for many",
            [Path(name, [(3, stage) for stage in there_and_back]) for name in names],
        ),
        (
            "all in one model, a stage for many",
            [Path(BIG, [(n + 1, stage) for stage in there_and_back]) for n in range(connections)],
        ),
    ]
    sections = compare_cycles(bench, title, Cycle(trainer, reviewer), cases)
    sections[0].remarks.append(
        "Each of the three calls is a transaction, on disk before its answer. Into the exclusive "
        "stage the incumbent is archived and the promotion compared with it. In one model all wait "
        "for its lock."
    )
    return sections
