"""Which item of one list is the counterpart of which item of another."""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Match:
    """An item and its counterpart, with their places. `moved`: among those that have counterparts
    it stands elsewhere."""

    before: Item | None
    after: Item | None
    old: int | None
    new: int | None
    moved: bool = False

    @property
    def item(self) -> Item:
        """One of the two."""
        return self.before if self.before is not None else self.after or {}


def matched(
    before: Sequence[Item], after: Sequence[Item], key: Callable[[Item], str]
) -> list[Match]:
    """Each item of two lists once. First those are counterparts that are alike in everything, then
    those of one key and one digest, then those of one key, each in their order."""
    old, new = list(range(len(before))), list(range(len(after)))
    pairs: list[tuple[int, int]] = []
    likenesses: list[Callable[[Item], Hashable]] = [
        lambda item: tuple(sorted(item.items())),
        lambda item: (key(item), item.get("sha256")),
        key,
    ]
    for likeness in likenesses:
        found, old, new = _alike(before, after, old, new, likeness)
        pairs += found
    pairs.sort()
    in_order = sorted(place for _, place in pairs)
    return [
        *(
            Match(before[a], after[b], a, b, b != c)
            for (a, b), c in zip(pairs, in_order, strict=True)
        ),
        *(Match(before[a], None, a, None) for a in old),
        *(Match(None, after[b], None, b) for b in new),
    ]


def _alike(
    before: Sequence[Item],
    after: Sequence[Item],
    old: list[int],
    new: list[int],
    likeness: Callable[[Item], Hashable],
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """The pairs of places that are alike in this, and the places that are left on each side."""
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for place in new:
        waiting[likeness(after[place])].append(place)
    pairs, left = [], []
    for place in old:
        counterparts = waiting[likeness(before[place])]
        if counterparts:
            pairs.append((place, counterparts.popleft()))
        else:
            left.append(place)
    return pairs, left, sorted(chain.from_iterable(waiting.values()))
