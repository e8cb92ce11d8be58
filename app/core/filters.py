"""Equality filters of lists: `stage = 'production' and tags.team = 'fraud'`."""

import re
from collections.abc import Collection

from app.core.problems import InvalidRequest

TERM = re.compile(
    r"\s*(?P<field>[A-Za-z_]+(?:\.(?:`[^`]+`|[A-Za-z0-9_-]+))?)\s*=\s*"
    r"(?:'(?P<text>(?:[^']|'')*)'|(?P<number>\d{1,10}))\s*"
)
AND = re.compile(r"and\b", re.IGNORECASE)
MAX_FILTER = 4000


def parse_filter(text: str | None, fields: Collection[str]) -> list[tuple[str, str]]:
    """The (field, value) pairs of a filter, all of which must hold. `fields` are the allowed
    ones; `tags` stands for `tags.<key>`. A quote in a value is doubled, as in SQL."""
    if text is None or not text.strip():
        return []
    found, at = [], 0
    while True:
        term = TERM.match(text, at)
        if term is None:
            raise _bad(at, "expected `field = 'value'`", fields)
        name = term["field"]
        if (name.partition(".")[0] if "." in name else name) not in fields or (
            ("." in name) != (name.partition(".")[0] == "tags")
        ):
            raise _bad(term.start("field"), f"`{name}` cannot be filtered by", fields)
        value = term["text"].replace("''", "'") if term["text"] is not None else term["number"]
        found.append((name.replace("`", ""), value))
        at = term.end()
        if at == len(text):
            return found
        joint = AND.match(text, at)
        if joint is None:
            raise _bad(at, "expected `and`", fields)
        at = joint.end()


def _bad(at: int, what: str, fields: Collection[str]) -> InvalidRequest:
    allowed = ", ".join(f"{f}.<key>" if f == "tags" else f for f in sorted(fields))
    return InvalidRequest(
        f"The filter cannot be read at column {at + 1}: {what}.",
        errors=[
            {
                "pointer": "filter",
                "detail": f"Column {at + 1}: {what}. Terms are `field = 'value'`, joined by `and`; "
                f"the fields are {allowed}.",
            }
        ],
    )


def check_order(order_by: str | None, column: str) -> None:
    """Accept only the order that the list has: newest first, by this column."""
    if order_by is None or re.fullmatch(rf"\s*{column}\s+desc\s*", order_by, re.IGNORECASE):
        return
    raise InvalidRequest(
        "The list cannot be ordered so.",
        errors=[{"pointer": "order_by", "detail": f"It can be `{column} desc`, newest first."}],
    )
