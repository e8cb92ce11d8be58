"""Whether one release of a package comes after another: 1.10 after 1.9, 2.0 after 2.0rc1."""

import re
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from app.compare.rules.rows import Change, judged

_RELEASE = re.compile(
    r"v?(?:(?P<epoch>\d{1,9})!)?(?P<release>\d{1,18}(?:\.\d{1,18}){0,19})"
    r"(?:[-_.]?(?P<stage>a|alpha|b|beta|c|rc|pre|preview)[-_.]?(?P<stage_n>\d{0,9}))?"
    r"(?:(?:[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_n>\d{0,9}))|-(?P<post_short>\d{1,9}))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_n>\d{0,9}))?"
    r"(?P<local>\+[a-z0-9._-]{1,100})?",
    re.IGNORECASE,
)
_STAGES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_ORDER = {"a": 1, "b": 2, "rc": 3}
_LAST = 9
Key = tuple[tuple[int, ...], tuple[int, ...]]


def order(before: Any, after: Any) -> str:
    """How a package's release stands to another one, where both are read; else whether it is the
    same."""
    if before == after:
        return Change.SAME
    one, other = _parsed(before), _parsed(after)
    if one is None or other is None:
        return judged(before, after)
    compared = _compare(one, other)
    if compared == 0:
        return Change.CHANGED  # a build of the same release
    return Change.UPGRADED if compared < 0 else Change.DOWNGRADED


def _parsed(text: Any) -> Key | None:
    return _read(text) if isinstance(text, str) else None


@lru_cache(maxsize=4096)  # twenty versions mostly have the same few releases of a package
def _read(text: str) -> Key | None:
    found = _RELEASE.fullmatch(text.strip())
    if found is None:
        return None
    release = (int(found["epoch"] or 0), *map(int, found["release"].split(".")))
    return release, _suffix(found)


def _suffix(found: re.Match[str]) -> tuple[int, ...]:
    """What comes after the numbers: a release in the making is before the release, a later mending
    of it after."""
    is_post = bool(found["post"] or found["post_short"])
    stage = (found["stage"] or "").lower()
    if stage:
        rank = _ORDER[_STAGES.get(stage, stage)]
    else:
        rank = 0 if found["dev"] and not is_post else _LAST
    dev = int(found["dev_n"] or 0) if found["dev"] else 10**9
    post = int(found["post_n"] or found["post_short"] or 0) + 1 if is_post else 0
    return rank, int(found["stage_n"] or 0), post, dev


def _compare(one: Key, other: Key) -> int:
    for a, b in zip_longest(one[0], other[0], fillvalue=0):
        if a != b:
            return -1 if a < b else 1
    return (one[1] > other[1]) - (one[1] < other[1])
