"""What differs between two recipes, as rows: swap the two, and every row is swapped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any

from app.promotions.rules.pairing import Item, Match, matched

OTHER = ("seed", "signature", "source")
COMPARED = (
    "params",
    "metrics",
    "code",
    "datasets",
    "preprocessing",
    "environment",
    *OTHER,
)


class Change(StrEnum):
    """How something differs. `moved`: it is the same, in another place among those that stayed."""

    ADDED = "added"
    GONE = "gone"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Row:
    """One difference. What was added comes from nothing, what is gone leads to nothing; a value
    that is there may be null all the same."""

    key: str
    change: Change
    before: Any
    after: Any


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Row]]:
    """What differs between two recipes: for each of its parts, rows by key. `other` are the fields
    that are no part of their own."""
    return {
        "params": differences(flattened(before["params"]), flattened(after["params"])),
        "metrics": differences(before["metrics"], after["metrics"]),
        "code": _part(before["code"], after["code"]),
        "datasets": dataset_changes(_items(before["datasets"]), _items(after["datasets"])),
        "preprocessing": step_changes(
            _items(before["preprocessing"]), _items(after["preprocessing"])
        ),
        "environment": _part(before["environment"], after["environment"]),
        "other": _part(_other(before), _other(after)),
    }


def _other(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {name: recipe[name] for name in OTHER}


def _part(before: Item | None, after: Item | None) -> list[Row]:
    """Of fields of which null means that nothing is said."""
    return differences(flattened(_said(before)), flattened(_said(after)))


def _said(fields: Item | None) -> dict[str, Any]:
    return {name: value for name, value in (fields or {}).items() if value is not None}


def _items(items: Iterable[Item]) -> list[Item]:
    return [_said(item) for item in items]


def flattened(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of a JSON object, each by its path with dots; lists and empty objects are leaves.
    A name with a dot or a backtick in it stands in backticks, so that no two paths are one."""
    return dict(_leaves(tree, ""))


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        path = prefix + _quoted(name)
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def _quoted(name: str) -> str:
    if name and "." not in name and "`" not in name:
        return name
    return "`" + name.replace("`", "``") + "`"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Row]:
    """What differs between two flat objects."""
    rows = []
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            rows.append(Row(key, Change.ADDED, None, after[key]))
        elif key not in after:
            rows.append(Row(key, Change.GONE, before[key], None))
        elif not same(before[key], after[key]):
            rows.append(Row(key, Change.CHANGED, before[key], after[key]))
    return rows


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def difference(before: float | None, after: float | None) -> float | None:
    """By how much a number grew, in decimals: 0.934 - 0.921 is 0.013. None where one of the two is
    missing, or where it is beyond what a number can hold."""
    if before is None or after is None:
        return None
    grown = float(Decimal(repr(float(after))) - Decimal(repr(float(before))))
    return grown if isfinite(grown) else None


def dataset_changes(before: Sequence[Item], after: Sequence[Item]) -> list[Row]:
    """What differs in the data. A role and a name say which set is which; where several share
    them, the digest does, and then their order."""
    matches = matched(before, after, _dataset)
    return _sorted(
        Row(_dataset(match.item), change, match.before, match.after)
        for match in matches
        if (change := _change(match)) is not None
    )


def step_changes(before: Sequence[Item], after: Sequence[Item]) -> list[Row]:
    """What differs in the steps of preprocessing, told apart by name. Their order counts, and each
    has its `position`, from 1."""
    matches = matched(before, after, _step)
    return _sorted(
        Row(
            _step(match.item),
            change,
            _placed(match.before, match.old),
            _placed(match.after, match.new),
        )
        for match in matches
        if (change := _change(match) or (Change.MOVED if match.moved else None)) is not None
    )


def _dataset(item: Item) -> str:
    return f"{item['role']} {item['name']}"


def _step(item: Item) -> str:
    return str(item["name"])


def _change(match: Match) -> Change | None:
    if match.before is None:
        return Change.ADDED
    if match.after is None:
        return Change.GONE
    return None if same(match.before, match.after) else Change.CHANGED


def _placed(item: Item | None, place: int | None) -> Item | None:
    return None if item is None or place is None else {**item, "position": place + 1}


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.key)
