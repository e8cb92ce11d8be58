"""What requests and answers about versions look like."""

from app.versions.schemas.inputs import ParentInput, RecallInput, VersionChange, VersionInput
from app.versions.schemas.outputs import RecalledOutput, VersionOutput

__all__ = [
    "ParentInput",
    "RecallInput",
    "RecalledOutput",
    "VersionChange",
    "VersionInput",
    "VersionOutput",
]
