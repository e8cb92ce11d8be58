"""A row for each key that any of the versions has."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from app.promotions.rules.changes import same

MOST_ROWS = 5000
Row = dict[str, Any]
Judge = Callable[[Any, Any], str]


class Change(StrEnum):
    """How a version stands to the baseline in one row. `absent`: neither of the two has it;
    `moved`: it is the same, in another place."""

    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    GONE = "gone"
    ABSENT = "absent"
    MOVED = "moved"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"


class _Absent:
    """Stands for what a version does not have; null is a value."""


ABSENT: Final = _Absent()


def judged(before: Any, after: Any) -> str:
    """`same` or `changed`, of two values that are there: 1 and 1.0 are one, 1 and true are not."""
    return Change.SAME if same(before, after) else Change.CHANGED


def row(key: str, values: Sequence[Any], baseline: int, judge: Judge = judged) -> Row:
    """One row. It differs where any version stands otherwise than the baseline does."""
    mine = values[baseline]
    changes = [
        str(_change(mine, each, judge)) if at != baseline else _of_itself(mine)
        for at, each in enumerate(values)
    ]
    return {
        "key": key,
        "values": [None if each is ABSENT else each for each in values],
        "differs": any(change not in (Change.SAME, Change.ABSENT) for change in changes),
        "changes": changes,
    }


def _of_itself(mine: Any) -> str:
    return str(Change.ABSENT if mine is ABSENT else Change.SAME)


def _change(before: Any, after: Any, judge: Judge) -> str:
    if before is ABSENT:
        return Change.ABSENT if after is ABSENT else Change.ADDED
    return Change.GONE if after is ABSENT else judge(before, after)


def rows(found: Sequence[Mapping[str, Any]], baseline: int, judge: Judge = judged) -> Iterator[Row]:
    """The rows of flat objects, one for each version, by key."""
    for key in sorted(set().union(*found)):
        yield row(key, [each.get(key, ABSENT) for each in found], baseline, judge)


def cut(found: Iterable[Row], *, only_differing: bool) -> tuple[list[Row], bool]:
    """The first rows, as many as one answer holds, and whether there are more."""
    wanted = (each for each in found if each["differs"] or not only_differing)
    first = list(islice(wanted, MOST_ROWS + 1))
    return first[:MOST_ROWS], len(first) > MOST_ROWS
