"""What a serving host asks all day: which version is it?"""

from urllib.parse import quote

from benchmarks import team
from benchmarks.filling import fill
from benchmarks.harness import Bench, Case
from benchmarks.reports import Section

MODELS = 1_000
VERSIONS = 5
BIG = "churn big"
BIG_VERSIONS = 5_000


def measure(bench: Bench) -> list[Section]:
    """Resolving by stage, the same unchanged (304), by alias, number and `latest`."""
    trainer, reviewer = team.trainer(bench.server), team.reviewer(bench.server)
    counts = {f"model {number:04}": VERSIONS for number in range(MODELS)} | {BIG: BIG_VERSIONS}
    fill(bench.server.database_url, counts, trainer.name)
    number = BIG_VERSIONS - 7
    team.put_in_production(trainer, reviewer, BIG, number)
    here = f"/models/{quote(BIG)}"
    trainer.call("PUT", f"{here}/aliases/champion", {"version": number})
    answer = trainer.ask("GET", f"{here}/versions/production")
    if answer.json()["number"] != number:
        raise team.Refused(f"production is not {number}: {answer.text}")
    unchanged = (f"If-None-Match: {answer.headers['ETag']}",)
    cases = [
        Case("by stage", [trainer.get(f"{here}/versions/production")]),
        Case(
            "by stage, unchanged (304)",
            [trainer.get(f"{here}/versions/production", headers=unchanged)],
            304,
        ),
        Case("by alias", [trainer.get(f"{here}/versions/@champion")]),
        Case("by number", [trainer.get(f"{here}/versions/{n}") for n in range(1, 1000)]),
        Case("latest", [trainer.get(f"{here}/versions/latest")]),
    ]
    stored = MODELS * VERSIONS + BIG_VERSIONS
    section = bench.compare("Resolving a reference", cases)
    section.remarks.append(
        f"{stored:,} versions stored, {BIG_VERSIONS:,} of them in the model that is asked; the "
        f"answer is the whole version, {len(answer.content):,} bytes."
    )
    return [section]
