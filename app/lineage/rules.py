"""Decisions on graphs, on plain values."""

from collections.abc import Iterable, Mapping
from typing import Protocol
from uuid import UUID


class Step(Protocol):
    """One step of a way."""

    @property
    def id(self) -> UUID:
        """The version that was reached."""

    @property
    def via(self) -> UUID:
        """Its parent on this way."""

    @property
    def distance(self) -> int:
        """How far it is from where the way begins."""


def shortest(steps: Iterable[Step]) -> dict[UUID, tuple[int, UUID]]:
    """For each version that was reached the length of the shortest way, and its last parent."""
    found: dict[UUID, tuple[int, UUID]] = {}
    for step in steps:
        found[step.id] = min(
            found.get(step.id, (step.distance, step.via)), (step.distance, step.via)
        )
    return found


def way(found: Mapping[UUID, tuple[int, UUID]], to: UUID) -> list[UUID]:
    """The shortest way to a version, from where it begins to its parent."""
    distance, at = found[to]
    steps = [at]
    while distance > 1:
        distance, at = found[at]
        steps.append(at)
    return steps[::-1]


def dataset_id(entry: Mapping[str, object]) -> str:
    """What tells data sets apart in a graph: the digest or, without one, name and version."""
    if entry.get("sha256"):
        return f"dataset:sha256:{entry['sha256']}"
    version = entry.get("version")
    return f"dataset:{entry['name']}" + (f"@{version}" if version else "")


def version_id(model: str, number: int) -> str:
    """What tells versions apart in a graph."""
    return f"version:{model}/{number}"
