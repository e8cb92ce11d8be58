"""The rules of the record: what a seal and a checkpoint are, and what is wrong with a record.

Pure, so that the server and whoever verifies an export decide by the same lines.
"""

from app.seals.rules.chain import (
    BEGINNING,
    FIRST,
    SIGNED_EVERY,
    Checkpoint,
    Event,
    Place,
    Seal,
    checkpoint_is_due,
    checkpoint_statement,
    links,
    seal_hash,
    texts_digest,
)
from app.seals.rules.verifier import Kept, Problem, Verdict, Verifier, give

__all__ = [
    "BEGINNING",
    "FIRST",
    "SIGNED_EVERY",
    "Checkpoint",
    "Event",
    "Kept",
    "Place",
    "Problem",
    "Seal",
    "Verdict",
    "Verifier",
    "checkpoint_is_due",
    "checkpoint_statement",
    "give",
    "links",
    "seal_hash",
    "texts_digest",
]
