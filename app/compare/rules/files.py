"""Files by path: the same where the digest is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.compare.rules.rows import ABSENT, Change, Row, row

FileFacts = Mapping[str, Any]


def file_rows(found: Sequence[Mapping[str, FileFacts]], baseline: int) -> Iterator[Row]:
    """A row for each path; a file is its digest and its size."""
    for path in sorted(set().union(*found), key=str.encode):
        made = row(path, [each.get(path, ABSENT) for each in found], baseline, _same_bytes)
        sizes = [None if each is None else each["size"] for each in made["values"]]
        mine = sizes[baseline]
        yield {
            **made,
            "size_differences": [
                None if mine is None or size is None else size - mine for size in sizes
            ],
        }


def _same_bytes(before: FileFacts, after: FileFacts) -> str:
    return Change.SAME if before["sha256"] == after["sha256"] else Change.CHANGED
