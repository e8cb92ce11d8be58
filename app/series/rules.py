"""Decisions on points, on plain values."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

MAX_KEYS = 1_000
MAX_POINTS = 10_000_000
KEYS_TOLD = 100  # in an event


@dataclass(frozen=True, slots=True)
class NewPoint:
    """A point that was sent; without a time it is of now."""

    key: str
    step: int
    value: float
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two values for one step of a series: in a request, at these places in it."""

    first: int
    second: int


def distinct(points: list[NewPoint]) -> list[NewPoint] | Contradiction:
    """The points, each step of a series once, in the order in which a table is best filled."""
    seen: dict[tuple[str, int], int] = {}
    for index, point in enumerate(points):
        earlier = seen.setdefault((point.key, point.step), index)
        if points[earlier].value != point.value:
            return Contradiction(earlier, index)
    return [points[index] for _, index in sorted(seen.items())]


def told(keys: Iterable[str]) -> dict[str, object]:
    """What an event tells of the points that were added, by the key of each: how many, and of
    which series. Values are not told: a curve is no decision."""
    counts = Counter(keys)
    some = dict(sorted(counts.items())[:KEYS_TOLD])
    return {"points": counts.total(), "series": len(counts), "keys": some}


def buckets_for(max_points: int) -> int:
    """How many buckets leave room for the first and the last point: each shows two."""
    return max(0, (max_points - 2) // 2)
