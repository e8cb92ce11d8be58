"""Filling: ready versions written by COPY, as the API would have made them with `finalize: true`.

The rows are whole (recipe, digests, authors, counters) but for their events, of which there are
none. Memory does not grow with what is filled.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from app.core.ids import new_id
from app.files.rules import manifest_digest
from app.versions.rules import recipe_digest
from app.versions.schemas import VersionInput
from benchmarks.recipes import registration

RECIPES = 1000  # so many different ones, taken in turn
BATCH = 10_000
JSON_FIELDS = (
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
)
COLUMNS = (
    *("id", "model_id", "number", "status", "description"),
    *JSON_FIELDS,
    *("manifest_sha256", "recipe_sha256", "created_by_id", "created_by"),
    *("created_at", "updated_at", "ready_at", "revision"),
)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def fill(url: str, counts: Mapping[str, int], owner: str) -> None:
    """Make each model with so many ready versions, registered by `owner`, who must exist.

    `url` is that of the role that owns the tables.
    """
    recipes = [_Recipe(seed) for seed in range(min(RECIPES, max(counts.values())))]
    with psycopg.connect(url, options="-c statement_timeout=0") as connection:
        found = connection.execute("select id from identities where name = %s", [owner]).fetchone()
        if found is None:
            raise LookupError(f"there is no identity {owner}")
        models = {name: new_id() for name in counts}
        _copy_models(connection, models, counts, owner)
        wanted = ((models[name], n + 1) for name in counts for n in range(counts[name]))
        # The guard against new authors of a ready version is for later; these made it.
        connection.execute("alter table version_authors disable trigger keep_ready")
        for batch in _batches(wanted):
            _copy_versions(connection, batch, recipes, found[0], owner)
        connection.execute("alter table version_authors enable trigger keep_ready")
    with psycopg.connect(url, autocommit=True, options="-c statement_timeout=0") as connection:
        for table in ("models", "model_counters", "versions", "version_authors"):
            connection.execute(f"vacuum analyze {table}")


class _Recipe:
    """A recipe as its columns."""

    def __init__(self, seed: int) -> None:
        made = VersionInput.model_validate(registration(seed)).model_dump()
        self.columns = (
            made["description"],
            *(json.dumps(made[name]) for name in JSON_FIELDS),
            bytes.fromhex(manifest_digest([])),
            bytes.fromhex(recipe_digest(made, [])),
        )


def _copy_models(
    connection: psycopg.Connection[Any],
    models: Mapping[str, UUID],
    counts: Mapping[str, int],
    owner: str,
) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy("copy models (id, name, description, created_by) from stdin") as copy,
    ):
        for name, model_id in models.items():
            copy.write_row((model_id, name, "Filled to be measured.", owner))
    with (
        connection.cursor() as cursor,
        cursor.copy("copy model_counters (model_id, last_number, latest_ready) from stdin") as copy,
    ):
        for name, model_id in models.items():
            copy.write_row((model_id, counts[name], counts[name] or None))


def _copy_versions(
    connection: psycopg.Connection[Any],
    batch: list[tuple[UUID, int]],
    recipes: list[_Recipe],
    owner_id: UUID,
    owner: str,
) -> None:
    ids = [new_id() for _ in batch]
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy versions ({', '.join(COLUMNS)}) from stdin") as copy,
    ):
        for row_id, (model_id, number) in zip(ids, batch, strict=True):
            at = BEGIN + timedelta(seconds=number)
            made = recipes[(number + model_id.int) % len(recipes)].columns
            head = (row_id, model_id, number, "ready")
            copy.write_row((*head, *made, owner_id, owner, at, at, at, 2))
    with (
        connection.cursor() as cursor,
        cursor.copy("copy version_authors (version_id, identity_id, name) from stdin") as copy,
    ):
        for row_id in ids:
            copy.write_row((row_id, owner_id, owner))


def _batches(rows: Iterable[tuple[UUID, int]]) -> Iterator[list[tuple[UUID, int]]]:
    batch: list[tuple[UUID, int]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
