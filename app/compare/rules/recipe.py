"""The parts of a recipe: data sets, preprocessing, code, environment, and what is told about."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.compare.rules.releases import order
from app.compare.rules.rows import ABSENT, Change, Row, judged, row, rows
from app.promotions.rules.changes import difference, flattened, same

Item = Mapping[str, Any]
PACKAGES = "packages."
UNSAID: tuple[Any, ...] = (None, "", [], {})


def flat_rows(found: Sequence[Mapping[str, Any] | None], baseline: int) -> Iterator[Row]:
    """The leaves of JSON objects, by their paths with dots."""
    return rows([flattened(each or {}) for each in found], baseline)


def part_rows(found: Sequence[Mapping[str, Any] | None], baseline: int) -> Iterator[Row]:
    """The same of fields of which null means that nothing is said."""
    return rows([flattened(_said(each)) for each in found], baseline)


def environment_rows(found: Sequence[Mapping[str, Any] | None], baseline: int) -> Iterator[Row]:
    """The environment, package by package: which went up, and which down."""
    flat = [flattened(_said(each)) for each in found]
    for key in sorted(set().union(*flat)):
        judge = order if key.startswith(PACKAGES) or key == "python" else judged
        yield row(key, [each.get(key, ABSENT) for each in flat], baseline, judge)


def dataset_rows(found: Sequence[Sequence[Item]], baseline: int) -> Iterator[Row]:
    """Data by role and name: the same where it has the same digest, whatever else is said of it."""
    named = [_named(each, lambda item: f"{item.get('role')} {item.get('name')}") for each in found]
    for made in rows(named, baseline, _same_data):
        counts = [each.get("rows") if isinstance(each, dict) else None for each in made["values"]]
        mine = counts[baseline]
        yield {**made, "rows_differences": [difference(mine, each) for each in counts]}


def _same_data(before: Item, after: Item) -> str:
    one, other = before.get("sha256"), after.get("sha256")
    if one and other:
        return Change.SAME if one == other else Change.CHANGED
    return judged(before, after)


def step_rows(found: Sequence[Sequence[Item]], baseline: int) -> Iterator[Row]:
    """Steps by name, in the order of the baseline, then those that only others have. A step that
    stands elsewhere among those that both have is `moved`."""
    named = [_named(each, lambda item: str(item.get("name"))) for each in found]
    places = [{key: at for at, key in enumerate(each, start=1)} for each in named]
    moved = [_moved(list(named[baseline]), list(each)) for each in named]
    keys = dict.fromkeys(key for each in (named[baseline], *named) for key in each)
    for key in keys:
        made = row(key, [each.get(key, ABSENT) for each in named], baseline)
        for at, away in enumerate(moved):
            if key in away and made["changes"][at] == Change.SAME:
                made["changes"][at], made["differs"] = str(Change.MOVED), True
        made["values"] = [
            None if each is None else {"position": place[key], **each}
            for each, place in zip(made["values"], places, strict=True)
        ]
        yield made


def _moved(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The fewest that would have to be moved for what both have to stand in one order."""
    places = {key: at for at, key in enumerate(before)}
    common = [places[key] for key in after if key in places]
    ends: list[int] = []
    links: dict[int, int | None] = {}
    for place in common:
        at = bisect_left(ends, place)
        links[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    stay: set[int] = set()
    place_or_none = ends[-1] if ends else None
    while place_or_none is not None:
        stay.add(place_or_none)
        place_or_none = links[place_or_none]
    return {before[place] for place in common if place not in stay}


def about_rows(found: Sequence[Mapping[str, Any]], baseline: int) -> Iterator[Row]:
    """What is told about the versions, in the order of the fields. The order of names does not
    matter."""
    keys = list(dict.fromkeys(key for each in found for key in each))
    for key in keys:
        values = [each.get(key) for each in found]
        yield row(key, [ABSENT if _is_unsaid(each) else each for each in values], baseline)


def _is_unsaid(value: Any) -> bool:
    return any(same(value, each) for each in UNSAID)


def _said(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (fields or {}).items() if value is not None}


def _named(items: Sequence[Item], name: Callable[[Item], str]) -> dict[str, Item]:
    """Items by name; the second of one name has ` #2` after it, and so on."""
    seen: Counter[str] = Counter()
    found: dict[str, Item] = {}
    for item in items:
        key = label = name(item)
        seen[key] += 1
        while label in found or (label == key and seen[key] > 1):
            label = f"{key} #{seen[key]}"
            seen[key] += label in found
        found[label] = _said(item)
    return found
