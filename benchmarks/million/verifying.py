"""Whether what was loaded is what the service itself would have written: recomputed on a sample."""

import random
from typing import Any

from psycopg.rows import dict_row

from app.versions.rules import RECIPE_FIELDS, recipe_digest
from benchmarks.million.copying import Connection, connect
from benchmarks.million.population import SEED, Population

SAMPLE = 300
_VERSIONS = """
    select v.*, (
        select coalesce(jsonb_agg(jsonb_build_object('model', m.name, 'version', p.number)
            order by l.position), '[]')
        from version_parents l join versions p on p.id = l.parent_id
            join models m on m.id = p.model_id
        where l.version_id = v.id) as parents
    from versions v join models m on m.id = v.model_id
    where (m.name, v.number) = any(
        select n, k from unnest(%s::text[], %s::int[]) t(n, k)) and v.status = 'ready'
"""
# Facts that these versions have and should not have, or should have and have not.
_FACTS = """
    with kept as (
        select version_id, key, num from version_facts where version_id = any(%(ids)s)
    ), due as (
        select v.id, f.key, f.num from versions v, stageward_facts(v) f where v.id = any(%(ids)s)
    )
    select (select count(*) from (table kept except table due) as extra)
        + (select count(*) from (table due except table kept) as missing)
"""
# Each counts the rows that would be wrong.
_WRONG = {
    "models whose counter is not that of their versions": """
        select count(*) from model_counters c join (
            select model_id, count(*) n, max(number) last,
                max(number) filter (where status = 'ready') ready
            from versions group by model_id) v using (model_id)
        where (c.last_number, c.latest_ready) is distinct from (v.last, v.ready) or v.n <> v.last
    """,
    "tenures of versions that are not ready": """
        select count(*) from tenures t join versions v on v.id = t.version_id
        where v.status <> 'ready' or v.model_id <> t.model_id
    """,
    "`champion` that does not hold production": """
        select count(*) from aliases a where name = 'champion' and not exists (
            select from tenures t where t.version_id = a.version_id and t.stage = 'production'
                and upper_inf(t.held))
    """,
    "versions without an author": """
        select count(*) from versions v where not exists (
            select from version_authors a where a.version_id = v.id)
    """,
}


class NotAsWritten(Exception):
    """What was loaded is not what the service would have written."""


def verify(url: str, population: Population) -> None:
    """Raise `NotAsWritten` where a sample of the rows, or a count over all of them, is wrong."""
    with connect(url) as connection:
        for what, statement in _WRONG.items():
            found = connection.execute(statement.encode()).fetchone()
            if found is None or found[0]:
                raise NotAsWritten(f"{what}: {found}")
        sample = _sample(connection, population)
        wrong = connection.execute(_FACTS, {"ids": [row["id"] for row in sample]}).fetchone()
        if wrong != (0,):
            raise NotAsWritten(f"facts of {len(sample)} versions: {wrong}")
        for row in sample:
            recipe = {name: row[name] for name in RECIPE_FIELDS}
            if recipe_digest(recipe, row["parents"]) != row["recipe_sha256"].hex():
                raise NotAsWritten(f"the digest of the recipe of version {row['id']}")


def _sample(connection: Connection, population: Population) -> list[dict[str, Any]]:
    chance = random.Random(SEED)
    models = chance.choices(range(population.models), k=SAMPLE)
    names = [population.name(model) for model in models]
    # Fiftieth versions have parents, as far as a model has so many.
    numbers = [50 * (population.counts[model] // 50) or 1 for model in models]
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_VERSIONS, [names, numbers]).fetchall()
