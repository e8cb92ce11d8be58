"""How cards and changelogs write values: the same value, the same text."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from app.core import markdown as md
from app.core.markdown import Markdown

SHORT = 12
LONGEST_VALUE = 160
NONE = md.ours("—")


def moment(value: datetime | None) -> str:
    """A time to the second, in UTC."""
    if value is None:
        return ""
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def number(value: float) -> str:
    """A number with six digits."""
    return f"{value:.6g}"


def signed(value: float) -> str:
    """A difference, with its sign."""
    return f"{value:+.6g}"


def value(found: Any) -> Markdown:
    """A value of JSON as code."""
    if isinstance(found, str):
        return md.code(found or '""', longest=LONGEST_VALUE)
    as_json = json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(", ", ": "))
    return md.code(as_json, longest=LONGEST_VALUE)


def maybe(found: str | None) -> Markdown:
    """A text for a cell; a dash where there is none."""
    return md.text(found, longest=LONGEST_VALUE) if found else NONE


def size(count: int) -> str:
    """Bytes, with thousands apart."""
    return f"{count:,} bytes"


def titles(*names: str) -> list[Markdown]:
    """The titles of a table; they are ours."""
    return [md.ours(name) for name in names]


def facts(rows: Iterable[tuple[str, Markdown]]) -> Markdown:
    """A list of facts by name; those of which there is nothing are left out."""
    return md.bullets(
        md.joined([md.bold(md.ours(name)), shown], ": ") for name, shown in rows if shown
    )


def more(shown: Sequence[Any], most: int, what: str) -> Markdown:
    """That there is more than is shown."""
    left = len(shown) - most
    return md.ours(f"… and {left} more {what}.") if left > 0 else md.NOTHING
