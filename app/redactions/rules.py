"""Which texts can be redacted, on plain values."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from uuid import UUID

MOST_EVENTS_NAMED = 1000
SHORTEST = 8


def marker_of(redaction: UUID) -> str:
    """What stands in the place of the text."""
    return f"redacted-{redaction.hex[-12:]}"


def fits(marker: str, text: str) -> bool:
    """Whether the text is gone wherever the marker has taken its place: it is no part of the
    marker, and does not begin with the end of it."""
    return text not in marker and not any(
        text.startswith(marker[start:]) for start in range(len(marker))
    )


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


def events_named(ids: list[int]) -> dict[str, Any]:
    """How the event of a redaction names those that it rewrote."""
    listed = sorted(ids)
    if len(listed) <= MOST_EVENTS_NAMED:
        return {"events": listed}
    digest = sha256("\n".join(map(str, listed)).encode()).hexdigest()
    return {"events_sha256": digest, "events_count": len(listed)}
