"""Metrics and evaluations: by how much they differ from the baseline, and which did best."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.compare.rules.directions import Direction, direction
from app.compare.rules.rows import ABSENT, Row, row
from app.promotions.rules.changes import difference

SURE = 1.96  # standard errors: 95 % of what chance alone would do


@dataclass(frozen=True, slots=True)
class Measured:
    """What counts of a version's reports on one metric on one data set."""

    evaluation: str
    value: float
    stderr: float | None


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A metric on a data set. Data is one by its digest, else by its name."""

    dataset: str
    sha256: str
    metric: str

    @property
    def key(self) -> str:
        """As rows are called."""
        return f"{self.dataset}{'@' if self.sha256 else ''}{self.sha256} {self.metric}"


def metric_rows(
    found: Sequence[Mapping[str, Any]], baseline: int, by_policy: Mapping[str, Direction]
) -> Iterator[Row]:
    """The versions' own metrics."""
    for key in sorted(set().union(*found)):
        values = [each.get(key, ABSENT) for each in found]
        yield {
            **row(key, values, baseline),
            **_judged(key, list(map(_number, values)), [None] * len(found), baseline, by_policy),
        }


def evaluation_rows(
    found: Sequence[Mapping[Subject, Measured]],
    baseline: int,
    by_policy: Mapping[str, Direction],
) -> Iterator[Row]:
    """What was reported of them, the data told apart."""
    for subject in sorted(set().union(*found)):
        reports = [each.get(subject) for each in found]
        values = [ABSENT if each is None else each.value for each in reports]
        numbers = [None if each is None else _number(each.value) for each in reports]
        errors = [None if each is None else each.stderr for each in reports]
        yield {
            **row(subject.key, values, baseline),
            "metric": subject.metric,
            "dataset": {"name": subject.dataset, "sha256": subject.sha256 or None},
            **_judged(subject.metric, numbers, errors, baseline, by_policy),
            "stderr": errors,
            "within_noise": _noise(numbers, errors, baseline),
            "evaluations": [None if each is None else each.evaluation for each in reports],
        }


def by_data(
    found: Sequence[Sequence[tuple[str, str | None, str, Measured]]],
) -> list[dict[Subject, Measured]]:
    """Each version's reports by their subject: (name, digest, metric, report), the newest first.
    Data with a digest goes by the first of its names, whoever calls it what."""
    names: dict[str, str] = {}
    for each in found:
        for name, sha256, _, _ in each:
            if sha256:
                names[sha256] = min(name, names.get(sha256, name))
    by_subject: list[dict[Subject, Measured]] = []
    for each in found:
        own: dict[Subject, Measured] = {}
        for name, sha256, metric, report in each:
            own.setdefault(Subject(names.get(sha256 or "", name), sha256 or "", metric), report)
        by_subject.append(own)
    return by_subject


def _judged(
    metric: str,
    numbers: Sequence[float | None],
    errors: Sequence[float | None],
    baseline: int,
    by_policy: Mapping[str, Direction],
) -> Row:
    known = direction(metric, by_policy)
    best = _best(numbers, known)
    return {
        "differences": [difference(numbers[baseline], each) for each in numbers],
        "direction": known.way,
        "direction_source": known.source,
        "better": best,
        "sure": None if best is None else _is_sure(best, numbers, errors, known),
    }


def _best(numbers: Sequence[float | None], known: Direction) -> int | None:
    """The place of the one that did best; None where nobody can say, or where several did."""
    there = [(each, at) for at, each in enumerate(numbers) if each is not None]
    if known.way == "unknown" or len(there) < 2:
        return None
    top = (max if known.way == "higher" else min)(each for each, _ in there)
    places = [at for each, at in there if each == top]
    return places[0] if len(places) == 1 else None


def _is_sure(
    best: int,
    numbers: Sequence[float | None],
    errors: Sequence[float | None],
    known: Direction,
) -> bool | None:
    """Whether the best is ahead of the second by more than chance; None where an error is not
    known."""
    others = [(each, at) for at, each in enumerate(numbers) if each is not None and at != best]
    _, second = (max if known.way == "higher" else min)(others)
    noise = _is_noise(numbers, errors, best, second)
    return None if noise is None else not noise


def _noise(
    numbers: Sequence[float | None], errors: Sequence[float | None], baseline: int
) -> list[bool | None]:
    return [
        None if at == baseline else _is_noise(numbers, errors, baseline, at)
        for at in range(len(numbers))
    ]


def _is_noise(
    numbers: Sequence[float | None], errors: Sequence[float | None], one: int, other: int
) -> bool | None:
    a, b, e, f = numbers[one], numbers[other], errors[one], errors[other]
    if a is None or b is None or e is None or f is None:
        return None
    return abs(a - b) <= SURE * math.hypot(e, f)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
