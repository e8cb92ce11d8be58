"""What requests and answers about versions look like."""

from app.versions.schemas.inputs import ParentInput, RecallInput, VersionChange, VersionInput
from app.versions.schemas.outputs import RESOLVED, RecalledOutput, VersionOutput

__all__ = [
    "RESOLVED",
    "ParentInput",
    "RecallInput",
    "RecalledOutput",
    "VersionChange",
    "VersionInput",
    "VersionOutput",
]
