"""Loading a population into our own tables: the rows that the API would have written, but for the
events, of which there are none."""

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from app.files.rules import manifest_digest
from benchmarks.harness import tell
from benchmarks.million.copying import (
    Connection,
    connect,
    copy_lines,
    line,
    vacuum,
    without_indexes,
    without_keys,
    without_trigger,
)
from benchmarks.million.population import (
    PEOPLE,
    TEAMS,
    TOPICS,
    Made,
    Population,
    person,
    ready_at_or_before,
    row_id,
    status,
)
from benchmarks.million.recipes import recipe
from benchmarks.million.stages import COLUMNS, Known, Writer, plans

BATCH = 20_000
GUARDED = ("version_authors", "version_parents")
DERIVED = ("version_facts", "dataset_uses")  # triggers on versions fill them
FILLED = ("versions", *GUARDED, *DERIVED)
VERSION = [
    "id",
    "model_id",
    "number",
    "name",
    "status",
    "failure",
    "description",
    "tags",
    "params",
    "metrics",
    "code",
    "datasets",
    "preprocessing",
    "environment",
    "seed",
    "signature",
    "run",
    "source",
    "manifest_sha256",
    "recipe_sha256",
    "created_by_id",
    "created_by",
    "created_at",
    "updated_at",
    "ready_at",
    "revision",
]
NO_FILES = "\\x" + manifest_digest([])
FAILURE = json.dumps(
    {"detail": "The bytes that came are not those that were declared.", "files": []}
)


class Lines(NamedTuple):
    """The rows of one version, by table."""

    version: str
    author: str
    parents: list[str]


def load(url: str, population: Population) -> None:
    """Fill empty tables; the people must exist. `url` is that of the role that owns the tables."""
    with connect(url) as connection:
        _Loader(connection, population).load()


class _Loader:
    def __init__(self, connection: Connection, population: Population) -> None:
        self._connection = connection
        self._population = population
        self._names = [population.name(model) for model in range(population.models)]
        self._models = [
            row_id(population.begin(model), model) for model in range(population.models)
        ]
        self._plans = plans(population)
        self._awaited = [plan.numbers for plan in self._plans]
        self._last_ready: list[tuple[int, UUID] | None] = [None] * population.models
        self._people = dict(connection.execute("select name, id from identities").fetchall())

    def load(self) -> None:
        self._write_models()
        with (
            without_keys(self._connection, ["version_facts"]),
            without_indexes(self._connection, FILLED),
            without_trigger(self._connection, "keep_ready", GUARDED),
        ):
            self._write_versions()
        self._write_stages()
        tell("statistics")
        vacuum(self._connection, ("models", "model_counters", *FILLED, *COLUMNS))

    def _write_models(self) -> None:
        rows = (
            line(
                *(self._models[model], name, f"What {name} is for is told in its card."),
                json.dumps(
                    {"domain": TOPICS[model % len(TOPICS)], "team": TEAMS[model % len(TEAMS)]}
                ),
                *(PEOPLE[person(model, 1)], at, at),
            )
            for model, name in enumerate(self._names)
            for at in [self._population.begin(model)]
        )
        columns = ["id", "name", "description", "tags", "created_by", "created_at", "updated_at"]
        copy_lines(self._connection, "models", columns, rows)
        counters = (
            line(self._models[model], count, ready_at_or_before(model, count) or None, count)
            for model, count in enumerate(self._population.counts)
        )
        columns = ["model_id", "last_number", "latest_ready", "revision"]
        copy_lines(self._connection, "model_counters", columns, counters)

    def _write_versions(self) -> None:
        history, began = self._population.history(), time.perf_counter()
        written = 0
        while batch := [self._lines(made) for made in islice(history, BATCH)]:
            copy_lines(self._connection, "versions", VERSION, (each.version for each in batch))
            columns = ["version_id", "identity_id", "name", "first_wrote_at"]
            authors = (each.author for each in batch)
            copy_lines(self._connection, "version_authors", columns, authors)
            columns = ["version_id", "parent_id", "position"]
            parents = (row for each in batch for row in each.parents)
            copy_lines(self._connection, "version_parents", columns, parents)
            written += len(batch)
            tell(f"{written:,} versions, {written / (time.perf_counter() - began):,.0f} a second")

    def _lines(self, made: Made) -> Lines:
        at, model, number = made
        name, here = self._names[model], row_id(at, model, number)
        found, state = recipe(model, number, name), status(model, number)
        who = PEOPLE[person(model, number)]
        parents = list(self._parents(model, number))
        digest = "\\x" + found.digest([(self._names[of], n) for of, n, _ in parents])
        ready = state == "ready"
        version = line(
            *(here, self._models[model], number, f"{name}-{number:06}" if model % 5 == 1 else None),
            *(state, FAILURE if state == "failed" else None, found.description),
            *(json.dumps(found.tags), found.params, found.metrics, found.code, found.datasets),
            *(found.preprocessing, found.environment, found.seed, found.signature, found.run),
            *(found.source, NO_FILES if ready else None, digest if ready else None),
            *(self._people[who], who, at, at, at if ready else None, 2 if ready else 1),
        )
        if ready:
            self._last_ready[model] = (number, here)
        if number in self._awaited[model]:
            known = Known(here, at, NO_FILES, digest, found.description)
            self._plans[model].known[number] = known
        return Lines(
            version,
            line(here, self._people[who], who, at),
            [line(here, parent, place) for place, (_, _, parent) in enumerate(parents)],
        )

    def _parents(self, model: int, number: int) -> Iterator[tuple[int, int, UUID]]:
        """Two of a hundred go on from the version before, and one of these from another model's."""
        if number % 50:
            return
        for of in (model, (model * 7 + 1) % self._population.models)[: 2 if number % 100 else 1]:
            last = self._last_ready[of]
            if last is not None:
                yield of, *last

    def _write_stages(self) -> None:
        found = self._connection.execute("select max(revision) from policy_revisions").fetchone()
        writer = Writer(self._models, self._people, found[0] if found else 1)
        for plan in self._plans:
            writer.write(plan)
        for table, rows in writer.tables():
            copy_lines(self._connection, table, COLUMNS[table].split(), (line(*r) for r in rows))
            tell(f"{table}: {len(rows):,}")
