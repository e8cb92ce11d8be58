"""The use cases of stages, a file for each."""

from app.stages.service.leaving import drop_aliases, leave
from app.stages.service.references import aliases_of, is_open, is_stage, resolves, stage_of

__all__ = [
    "aliases_of",
    "drop_aliases",
    "is_open",
    "is_stage",
    "leave",
    "resolves",
    "stage_of",
]
