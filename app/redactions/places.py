"""Where a text can stand: every column that holds texts, and what a redaction does with it.

A column of a new table stands in one of these lists, or a test fails.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose texts are replaced. `arrays` are of texts; `sets` is what else changes in a row
    that is rewritten; where rows of it are shown with another one, `parent` says which row's
    revision counts up too (table, its key, our column that names it)."""

    name: str
    texts: str = ""
    documents: str = ""
    arrays: str = ""
    sets: str = ""
    parent: tuple[str, str, str] | None = None
    only: str = "true"

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is rewritten."""
        return (*self.texts.split(), *self.documents.split(), *self.arrays.split())


COUNTED = "revision = revision + 1"
DATED = f"{COUNTED}, updated_at = clock_timestamp()"
MARKED = "redaction_id = cast(:redaction as uuid)"

# Events and earlier redactions are rewritten too, by functions of migration 0007.
RECORD = {
    "events": ("payload", "subject", "model", "request_id", "address"),
    "redactions": ("reason", "by"),
}
TABLES = (
    Table(
        "models",
        "name description name_template created_by deleted_by",
        "tags naming",
        sets="updated_at = clock_timestamp()",
        parent=("model_counters", "model_id", "id"),
    ),
    Table(
        "versions",
        "name description source created_by deleted_by",
        "failure tags params metrics code datasets preprocessing environment signature run "
        "recalled",
        sets=f"{DATED}, {MARKED}",
    ),
    Table("version_authors", "name", parent=("versions", "id", "version_id")),
    Table("version_files", "media_type added_by", parent=("versions", "id", "version_id")),
    Table(
        "version_files",
        "path",
        parent=("versions", "id", "version_id"),
        only="not exists (select from versions where id = version_id and status = 'ready')",
    ),
    Table("uploads", "path media_type created_by", "found"),
    Table("tensor_headers", documents="metadata"),
    Table("tensors", "name"),
    Table("aliases", "name set_by", sets=COUNTED),
    Table("alias_changes", "name actor"),
    Table("tenures", "stage", parent=("model_counters", "model_id", "model_id")),
    Table("transitions", "from_stage to_stage reason actor"),
    Table("rollbacks", "stage reason actor"),
    Table("policy_revisions", "created_by", "body", sets=MARKED),
    Table(
        "promotions",
        "from_stage to_stage reason requested_by ended_by ended_because",
        "override findings",
        sets=COUNTED,
    ),
    Table("reviews", "reviewer comment", parent=("promotions", "id", "promotion_id")),
    Table("comments", "author body deleted_by", sets=COUNTED),
    Table("comment_edits", "body", parent=("comments", "id", "comment_id")),
    Table(
        "evaluations",
        "dataset_name dataset_version source notes reported_by",
        "metrics",
        sets=MARKED,
    ),
    Table("series", "key"),
    Table("checks", "name summary url reported_by", sets=MARKED),
    Table("identities", "name email disabled_by created_by", sets=DATED),
    Table("identity_links", "issuer subject linked_by"),
    Table("groups", "name description created_by claim", sets=COUNTED),
    Table("group_members", "added_by"),
    Table("grants", "models created_by"),
    Table("tokens", "name revoked_by", arrays="models", sets=MARKED),
    Table("trusts", "name issuer audience created_by", "claims", "models", sets=DATED),
)
# Numbers of these are no measurements: one that is written exactly as the text goes as well.
FREE = frozenset({"params", "environment", "signature"})

# Short-lived rows that go altogether where one of these columns holds the text.
FORGOTTEN = {
    "idempotency_keys": ("key", "path", "headers", "body"),
    "sign_ins": ("redirect_uri", "client_state", "challenge"),
    "failed_logins": ("address",),
}

# Rights rest on these.
RIGHTS = frozenset({"identities", "groups", "group_members", "grants", "tokens"})

# The longest that a name may become.
LONGEST = {
    "models.name": 128,
    "versions.name": 128,
    "tensors.name": 1024,
    "version_files.path": 1024,
    "uploads.path": 1024,
    "aliases.name": 64,
    "identities.name": 128,
    "groups.name": 128,
    "series.key": 1000,
    "checks.name": 128,
    "trusts.name": 128,
}

_WORD = "one of a few fixed words"
_OURS = "made by the service from nothing that was sent"
_COUNTED = "PostgreSQL counts it from `versions`: a row goes with the last recipe that says so"
EXCEPTIONS = {
    "alembic_version.version_num": _OURS,
    "blobs.damage": _WORD,
    "checkpoints.key_id": _OURS,
    "checks.status": _WORD,
    **{f"dataset_uses.{each}": _COUNTED for each in ("name", "version", "sha256")},
    "events.action": _WORD,
    "events.actor": "sealed with the event; told under `left`",
    "grants.role": _WORD,
    "identities.kind": _WORD,
    "procrastinate_jobs.args": "holds ids only",
    "procrastinate_jobs.lock": _OURS,
    "procrastinate_jobs.queue_name": _OURS,
    "procrastinate_jobs.queueing_lock": _OURS,
    "procrastinate_jobs.task_name": _OURS,
    "procrastinate_periodic_defers.periodic_id": _OURS,
    "procrastinate_periodic_defers.task_name": _OURS,
    "promotions.status": _WORD,
    "queue_schema.library": _OURS,
    "queue_schema.script": _OURS,
    "redaction_places.place": _OURS,
    "redactions.marker": _OURS,
    "reviews.decision": _WORD,
    "stages.name": "a redaction is refused while a stage bears the text",
    "tenures.promotion_status": _WORD,
    "tensor_headers.reason": _OURS,
    "tensor_headers.status": _WORD,
    "tensors.dtype": _WORD,
    "tokens.hint": "shorter than any text that can be redacted",
    "tokens.origin": _WORD,
    "tokens.scopes": _WORD,
    "transitions.kind": _WORD,
    "trusts.preset": _WORD,
    "trusts.scopes": _WORD,
    "sign_ins.scopes": _WORD,
    "uploads.part_sha256": "digests",
    "uploads.status": _WORD,
    "uploads.store_handle": _OURS,
    "versions.name_key": "PostgreSQL computes it from the name",
    "versions.status": _WORD,
}

# What stays although it holds the text: how many rows, and what gets rid of it.
LEFT = {
    "version_files.path": (
        "version_files join versions on versions.id = version_id and status = 'ready'",
        "path",
        "The path of a file of a ready version is part of its manifest. Delete the version.",
    ),
    "events.actor": (
        "events",
        "actor",
        "The names of who acted are sealed with the record and stay in it.",
    ),
}
