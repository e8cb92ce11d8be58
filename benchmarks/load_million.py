"""`python -m benchmarks.load_million --folder …`: a registry of a million versions, to measure and
to look at. The folder keeps a data directory (`data`) and the admin's token (`token`)."""

import argparse
import sys
import time
from pathlib import Path

from benchmarks import team
from benchmarks.harness import tell
from benchmarks.million.loading import load
from benchmarks.million.population import PEOPLE, REVIEWER, Population
from benchmarks.million.verifying import verify
from benchmarks.servers import Server, stageward


def main() -> int:
    """Fill a new folder; one that is filled is left as it is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load_million", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    usual = Population()
    parser.add_argument("--models", type=int, default=usual.models)
    parser.add_argument("--versions", type=int, default=usual.versions)
    parser.add_argument("--big", type=int, default=usual.big, help="versions of the largest model")
    asked = parser.parse_args()
    population = Population(asked.models, asked.versions, asked.big)
    with stageward(folder=asked.folder.resolve()) as server:
        prepare(server, population)
    return 0


def prepare(server: Server, population: Population) -> None:
    """Hire the people and load the population, if that was not done before."""
    done = server.folder / "loaded"
    if done.exists():
        return
    began = time.perf_counter()
    for name in PEOPLE:
        team.hire(server, name, "contributor", ["write"])
    team.hire(server, REVIEWER, "reviewer", ["review"])
    load(server.database_url, population)
    verify(server.database_url, population)
    done.write_text(f"{population}\n")
    tell(f"loaded in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
