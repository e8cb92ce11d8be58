"""Who there is, which models, and when which version of them was made: everything else follows from
a version's model and number."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

BEGIN = datetime(2025, 11, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
SEED = 20251101
LEAST = 6  # versions of a model: so that it has holders of stages
BIG = "churn"
TOPICS = ("fraud", "pricing", "ranking", "demand", "credit", "support", "search", "routing")
TEAMS = tuple(f"team-{number:02}" for number in range(40))
PEOPLE = tuple(f"trainer-{number:02}" for number in range(24))
REVIEWER = "reviewer-00"


class Made(NamedTuple):
    """That a version was made: of which model (by its place), with which number, and when."""

    at: datetime
    model: int
    number: int


@dataclass(frozen=True)
class Population:
    """So many versions over so many models, of which the first has so many."""

    models: int = 10_000
    versions: int = 1_000_000
    big: int = 100_000

    @classmethod
    def small(cls) -> "Population":
        """A thousand versions, to compare a page of the large one with."""
        return cls(models=10, versions=1_000, big=100)

    @cached_property
    def counts(self) -> list[int]:
        """How many versions each model has: most few, some many, as it is everywhere."""
        chance = random.Random(SEED)
        others = self.models - 1
        left = self.versions - self.big - LEAST * others
        weights = [chance.paretovariate(1.5) for _ in range(others)]
        whole = sum(weights)
        counts = [LEAST + int(left * weight / whole) for weight in weights]
        counts[0] += self.versions - self.big - sum(counts)
        return [self.big, *counts]

    def name(self, model: int) -> str:
        """What the model at this place is called."""
        return f"{TOPICS[model % len(TOPICS)]}-{model:05}" if model else BIG

    def begin(self, model: int) -> datetime:
        """When the model was made: a third of them in the course of the year."""
        late = random.Random(SEED + model).uniform(-2, 1) if model else 0.0
        return BEGIN + max(late, 0.0) * 0.9 * YEAR

    def history(self) -> Iterator[Made]:
        """Every version in the order in which they were made, which is that of their rows: those of
        a model lie far apart on disk, as they do where people work."""
        found: list[tuple[float, int]] = []
        for model, count in enumerate(self.counts):
            chance = random.Random(-SEED - model)
            since = (self.begin(model) - BEGIN) / YEAR
            found += [(chance.uniform(since, 1), model) for _ in range(count)]
        found.sort()
        numbers = [0] * self.models
        for place, model in found:
            numbers[model] += 1
            yield Made(BEGIN + place * YEAR, model, numbers[model])


def status(model: int, number: int) -> str:
    """Nearly all are ready."""
    place = (model * 7919 + number * 104_729) % 1000
    return "draft" if place < 6 else "failed" if place < 10 else "ready"


def ready_at_or_before(model: int, number: int) -> int:
    """The nearest number that is ready, going down; 0 where there is none."""
    while number and status(model, number) != "ready":
        number -= 1
    return number


def person(model: int, number: int) -> int:
    """Who made a version: mostly one of the three who look after its model."""
    if number % 11 == 0:
        return (model + number) % len(PEOPLE)
    return (model * 5 + number % 3) % len(PEOPLE)


def row_id(at: datetime, *parts: int) -> UUID:
    """The identifier that a row of that time would have (UUIDv7), the same in every run."""
    milliseconds = int(at.timestamp() * 1000)
    rest = random.Random(hash((SEED, milliseconds, *parts))).getrandbits(74)
    high, low = rest >> 62, rest & (2**62 - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
