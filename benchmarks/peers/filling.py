"""The same population in MLflow's own tables, as its API would have written it: models, versions
with their stage, tags and aliases. What a version was trained with would be a run there, which none
of the requests that are measured looks at, so there are none.

Its tables are those that its own migrations make, with the indexes that they have.
"""

import subprocess
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from benchmarks.harness import tell
from benchmarks.million.copying import (
    Connection,
    connect,
    copy_lines,
    line,
    vacuum,
    without_indexes,
    without_keys,
)
from benchmarks.million.loading import BATCH
from benchmarks.million.population import PEOPLE, TEAMS, TOPICS, Made, Population, person, status
from benchmarks.million.recipes import Recipe, recipe
from benchmarks.million.stages import plans
from benchmarks.peers.server import (
    DATABASE,
    PROGRAM,
    address,
    check_installed,
    environment,
    store,
    superuser_url,
)
from benchmarks.servers import Server

STATUS = {"ready": "READY", "draft": "PENDING_REGISTRATION", "failed": "FAILED_REGISTRATION"}
TABLES = (
    *("registered_models", "model_versions", "registered_model_tags", "model_version_tags"),
    "registered_model_aliases",
)
VERSION = [
    "name",
    "version",
    "creation_time",
    "last_updated_time",
    "description",
    "user_id",
    "current_stage",
    "source",
    "storage_location",
    "run_id",
    "status",
]
TAG = ("name", "version", "key", "value")
LARGE = ("model_versions", "model_version_tags")


def fill(server: Server, population: Population) -> None:
    """Make MLflow's database on our PostgreSQL and fill it, if that was not done before."""
    done = server.folder / "mlflow-loaded"
    if done.exists():
        return
    check_installed()
    url = server.database_url
    with connect(superuser_url(url, "postgres")) as connection:
        connection.execute(f"drop database if exists {DATABASE} with (force)".encode())
        connection.execute(f"create database {DATABASE} owner {_role(url)}".encode())
    subprocess.run(
        [PROGRAM, "db", "upgrade", store(url)],
        check=True,
        capture_output=True,
        env=environment(server.folder),
    )
    with connect(address(url, DATABASE)) as connection:
        _write(connection, population)
    done.write_text(f"{population}\n")


def _role(url: str) -> str:
    with connect(url) as connection:
        return connection.info.user


def _write(connection: Connection, population: Population) -> None:
    names = [population.name(model) for model in range(population.models)]
    _write_models(connection, population, names)
    stages = [_stages(plan.holders, plan.staged) for plan in plans(population)]
    history, written = population.history(), 0
    with without_indexes(connection, LARGE), without_keys(connection, LARGE):
        while batch := list(islice(history, BATCH)):
            told = [(made, recipe(made.model, made.number, names[made.model])) for made in batch]
            rows = (_version(made, names, stages, found) for made, found in told)
            copy_lines(connection, "model_versions", VERSION, rows)
            tags = (row for made, found in told for row in _tags(made, names, found))
            copy_lines(connection, "model_version_tags", TAG, tags)
            written += len(batch)
            tell(f"MLflow: {written:,} versions")
    vacuum(connection, TABLES)


def _stages(holders: list[int], staged: int) -> dict[int, str]:
    """The stage of each version that has one."""
    return {
        **dict.fromkeys(holders[:-1], "Archived"),
        **dict.fromkeys(holders[-1:], "Production"),
        **({staged: "Staging"} if staged else {}),
    }


def _write_models(connection: Connection, population: Population, names: list[str]) -> None:
    columns = ["name", "creation_time", "last_updated_time", "description"]
    rows = (
        line(name, *[_milliseconds(population.begin(model))] * 2, f"What {name} is for.")
        for model, name in enumerate(names)
    )
    copy_lines(connection, "registered_models", columns, rows)
    tags = (
        line(name, key, values[model % len(values)])
        for model, name in enumerate(names)
        for key, values in (("domain", TOPICS), ("team", TEAMS))
    )
    copy_lines(connection, "registered_model_tags", ("name", "key", "value"), tags)
    aliases = (
        line(names[plan.model], alias, number)
        for plan in plans(population)
        for alias, number in (("champion", plan.holder), ("candidate", plan.staged))
        if number
    )
    copy_lines(connection, "registered_model_aliases", ("name", "alias", "version"), aliases)


def _version(made: Made, names: list[str], stages: list[dict[int, str]], found: Recipe) -> str:
    at, model, number = made
    when = _milliseconds(at)
    run = found.source.split("/")[-3]
    return line(
        *(names[model], number, when, when, found.description, PEOPLE[person(model, number)]),
        *(stages[model].get(number, "None"), found.source, found.source, run),
        STATUS[status(model, number)],
    )


def _tags(made: Made, names: list[str], found: Recipe) -> Iterator[str]:
    for key, value in found.tags.items():
        yield line(names[made.model], made.number, key, value)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
