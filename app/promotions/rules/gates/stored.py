"""Deciding a stored gate: all content is held here and proven."""

from app.promotions.rules.gates.evidence import Evidence
from app.promotions.rules.gates.words import named


def decide_stored(evidence: Evidence) -> tuple[bool, str]:
    """Whether the gate passes, and why."""
    candidate = evidence.candidate
    count, source = candidate.files_count, candidate.recipe["source"]
    if candidate.is_stored:
        files = "its one file" if count == 1 else f"all its {count} files"
        return True, f"Version {candidate.number} is held here with {files}."
    if source:
        return False, f"Its content is held elsewhere too: it names the source {named(source)}."
    if count == 0:
        return False, "It holds no file."
    return False, "It is not ready: not all of its content is proven."
