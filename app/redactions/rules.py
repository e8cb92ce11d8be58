"""Which texts can be redacted, on plain values."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

MOST_EVENTS_NAMED = 1000
SHORTEST = 8
STEM = "redacted-"
# Words end in "red"; nothing but a trap ends in more of the marker.
MOST_SHARED = 3


def marker_of(redaction: UUID) -> str:
    """What stands in the place of the text."""
    return f"{STEM}{redaction.hex[-12:]}"


def fits(marker: str, text: str) -> bool:
    """Whether the text is gone wherever the marker has taken its place: it is no part of the
    marker, does not begin with the end of it, and ends with little of its beginning."""
    return (
        text not in marker
        and not any(text.startswith(marker[start:]) for start in range(len(marker)))
        and _shared(text, marker) <= MOST_SHARED
    )


def runs_into_markers(text: str) -> bool:
    """Whether the text ends as every marker begins. What precedes a marker would make it up again,
    marker after marker: a text of it many times over would grow and grow."""
    return _shared(text, STEM) > MOST_SHARED


def _shared(text: str, marker: str) -> int:
    """How many characters at the end of the text are those at the beginning of the marker."""
    return next((n for n in range(len(marker), 0, -1) if text.endswith(marker[:n])), 0)


def words_of(schema: Any) -> Iterator[str]:
    """The names of fields and the fixed words in a JSON schema."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        yield from (word for word in schema.get("enum", ()) if isinstance(word, str))
        if isinstance(schema.get("const"), str):
            yield schema["const"]
        for inner in schema.values():
            yield from words_of(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from words_of(inner)


def spellings(text: str) -> list[str]:
    """How the text may be written in a kept answer: plain, in JSON, in an address."""
    found = (
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(text),
        quote(text, safe=""),
    )
    return list(dict.fromkeys(found))


def in_parts(ids: Iterable[int]) -> list[list[int]]:
    """The ids of events as the events of one redaction name them, of which there is one at
    least."""
    listed = sorted(ids)
    starts = range(0, max(len(listed), 1), MOST_EVENTS_NAMED)
    return [listed[start : start + MOST_EVENTS_NAMED] for start in starts]
