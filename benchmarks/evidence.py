"""Evidence by SQL: evaluations, checks and files of versions that are filled, as the API would
have written them, but for their events."""

import psycopg

EVALUATIONS = 100
CHECKS = 20
FILES = 100
DATASETS = METRICS = 10
_EVALUATIONS = """
    insert into evaluations (id, model_id, version_id, dataset_name, dataset_sha256, metrics,
        reported_by_id, reported_by)
    select gen_random_uuid(), v.model_id, v.id, 'holdout-' || n % %(datasets)s,
        sha256(('holdout-' || n % %(datasets)s)::bytea),
        (select jsonb_object_agg('m' || m, jsonb_build_object(
            'value', 0.9 + 0.0001 * n, 'stderr', 0.01, 'n', 1000))
         from generate_series(0, %(metrics)s - 1) m),
        i.id, i.name
    from versions v, identities i, generate_series(1, %(evaluations)s) n where i.name = %(by)s
"""
_CHECKS = """
    insert into checks (id, model_id, version_id, name, status, summary, manifest_sha256,
        reported_by_id, reported_by)
    select gen_random_uuid(), v.model_id, v.id, 'ci/' || n, 'success', '412 passed',
        v.manifest_sha256, i.id, i.name
    from versions v, identities i, generate_series(1, %(checks)s) n where i.name = %(by)s
"""
_BLOBS = """
    insert into blobs (sha256, size)
    select sha256(('file ' || n)::bytea), 1000 from generate_series(1, %(files)s) n
"""
_FILES = """
    insert into version_files (version_id, path, sha256, size, media_type, added_by)
    select v.id, 'weights/part-' || n || '.safetensors', sha256(('file ' || n)::bytea), 1000,
        'application/octet-stream', %(by)s
    from versions v, generate_series(1, %(files)s) n
"""
_COUNTS = "update versions set files_count = %(files)s, size = 1000 * %(files)s"
_GUARDED = ("versions", "version_files")


def give_evidence(url: str, by: str) -> None:
    """Give every version that there is all of it, reported by one identity. `url` is that of the
    role that owns the tables."""
    told = {
        "by": by,
        "evaluations": EVALUATIONS,
        "checks": CHECKS,
        "files": FILES,
        "datasets": DATASETS,
        "metrics": METRICS,
    }
    with psycopg.connect(url, options="-c statement_timeout=0") as connection:
        for table in _GUARDED:
            connection.execute(f"alter table {table} disable trigger keep_ready")
        for statement in (_EVALUATIONS, _CHECKS, _BLOBS, _FILES, _COUNTS):
            # A percent sign of SQL's own is doubled in the text of a statement with parameters.
            connection.execute(statement.replace(" % ", " %% ").encode(), told)
        for table in _GUARDED:
            connection.execute(f"alter table {table} enable trigger keep_ready")
    with psycopg.connect(url, autocommit=True, options="-c statement_timeout=0") as connection:
        for table in ("evaluations", "checks", "version_files", "blobs", "versions"):
            connection.execute(f"vacuum analyze {table}")
