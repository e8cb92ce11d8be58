"""Pages of versions and of models."""

from urllib.parse import quote

from benchmarks import team
from benchmarks.filling import fill
from benchmarks.harness import Bench, Case
from benchmarks.reports import Section
from benchmarks.team import Person

MODELS = 200
VERSIONS = 10
BIG = "churn big"
BIG_VERSIONS = 5_000
PAGES = 20


def measure(bench: Bench) -> list[Section]:
    """Pages of 50 versions of a large model, small pages, and pages of 50 models."""
    trainer = team.trainer(bench.server)
    counts = {f"model {number:03}": VERSIONS for number in range(MODELS)} | {BIG: BIG_VERSIONS}
    fill(bench.server.database_url, counts, trainer.name)
    versions = f"/models/{quote(BIG)}/versions?limit=50"
    page = trainer.ask("GET", versions)
    numbers = [item["number"] for item in page.json()["items"]]
    if numbers != list(range(BIG_VERSIONS, BIG_VERSIONS - 50, -1)):
        raise team.Refused(f"the first page is not the 50 newest: {numbers}")
    cases = [
        Case("50 versions, first page", [trainer.get(versions)]),
        Case("50 versions, the next pages", _following(trainer, versions)),
        Case("10 versions", [trainer.get(f"/models/{quote(BIG)}/versions?limit=10")]),
        Case("50 models", [trainer.get("/models?limit=50")]),
    ]
    section = bench.compare("Pages of lists", cases)
    section.remarks.append(
        f"A model of {BIG_VERSIONS:,} versions beside {MODELS} of {VERSIONS}; a page of 50 has "
        f"{len(page.content):,} bytes, each version with its whole recipe."
    )
    return [section]


def _following(person: Person, first: str) -> list[bytes]:
    """The requests for the pages after the first."""
    found, path = [], first
    for _ in range(PAGES):
        path = f"{first}&cursor={person.call('GET', path)['next_cursor']}"
        found.append(person.get(path))
    return found
