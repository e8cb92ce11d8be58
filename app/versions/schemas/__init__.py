"""What requests and answers about versions look like."""

from app.versions.schemas.inputs import (
    ParentInput,
    RecallInput,
    ReferenceInput,
    ResolveInput,
    VersionChange,
    VersionInput,
)
from app.versions.schemas.outputs import (
    RESOLVED,
    RecalledOutput,
    ReferenceProblem,
    ResolvedList,
    ResolvedOutput,
    VersionOutput,
)

__all__ = [
    "RESOLVED",
    "ParentInput",
    "RecallInput",
    "RecalledOutput",
    "ReferenceInput",
    "ReferenceProblem",
    "ResolveInput",
    "ResolvedList",
    "ResolvedOutput",
    "VersionChange",
    "VersionInput",
    "VersionOutput",
]
