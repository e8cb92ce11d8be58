"""All that a card is made of, as plain values and rows that were read before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.cards.queries import Relative
from app.cards.sections import Note
from app.files.tables import File
from app.models.tables import Model
from app.promotions.tables import Promotion, Review
from app.stages.tables import Transition
from app.versions.completeness import Completeness
from app.versions.schemas import VersionOutput


@dataclass(frozen=True, slots=True)
class Facts:
    """A version as the reader may see it, and what stands around it. `against` is what its results
    are compared with, `metrics` and `evaluations` are the rows of that."""

    model: Model
    version: VersionOutput
    notes: dict[str, list[Note]]
    predecessor: Relative | None
    against: Relative | None
    metrics: Sequence[dict[str, Any]]
    evaluations: Sequence[dict[str, Any]]
    files: Sequence[File]
    promotions: Sequence[Promotion]
    reviews: Sequence[Review]
    transitions: Sequence[Transition]
    completeness: Completeness
