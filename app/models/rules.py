"""The naming convention: parsing a template, and rendering a version's name with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

VERSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,127}")
RESERVED_NAME = re.compile(r"\d+|latest|v\d+", re.IGNORECASE)
LITERAL = re.compile(r"[A-Za-z0-9 ._+-]*")
PIECE = re.compile(r"\{([^{}]*)\}|([^{}]+)|([{}])")
PLAIN_FIELDS = ("model", "number", "date", "code.commit", "code.branch")
OPEN_FIELDS = ("params.", "tags.", "metrics.")


class LacksField(ValueError):
    """The template needs a field that the version does not have; `field` names it."""

    def __init__(self, field: str) -> None:
        """`field` is as the template writes it."""
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class Piece:
    """Literal text, or a field with an optional format."""

    literal: str = ""
    field: str | None = None
    format: str = ""


def parse_template(template: str) -> list[Piece]:
    """The pieces of a template, or a ValueError that says what is wrong and what would be right."""
    pieces = []
    for match in PIECE.finditer(template):
        field, literal, brace = match.groups()
        if brace is not None:
            raise ValueError(f"has a `{brace}` without its pair at column {match.start() + 1}")
        pieces.append(_literal(literal) if field is None else _field(field))
    return pieces


def _literal(text: str) -> Piece:
    if not LITERAL.fullmatch(text):
        raise ValueError(f"has text that no version name may hold: `{text}`")
    return Piece(literal=text)


def _field(text: str) -> Piece:
    name, colon, fmt = text.partition(":")
    known = name in PLAIN_FIELDS or any(
        name.startswith(prefix) and len(name) > len(prefix) for prefix in OPEN_FIELDS
    )
    if not known:
        raise ValueError(
            f"names an unknown field `{name}`; the fields are model, number, date, params.*, "
            "tags.*, metrics.*, code.commit and code.branch"
        )
    if colon and name != "date":
        raise ValueError(f"gives the field `{name}` a format; only `date` takes one")
    if name == "date" and re.search(r"%[^YmdHMSjyGVuU%]|%$", fmt):
        raise ValueError("has a date format of other than %Y %y %m %d %j %H %M %S %G %V %u %U")
    return Piece(field=name, format=fmt)


def check_template(template: str) -> str:
    """The template itself, if it can be one."""
    parse_template(template)
    return template


def render_name(template: str, facts: Mapping[str, Any], created_at: datetime) -> str:
    """A version's name. `facts` has `model`, `number`, and maps `params`, `tags`, `metrics`,
    `code`. Characters that no name may hold become `-`. Raises LacksField, or ValueError where
    the result cannot be a name."""
    parts = []
    for piece in parse_template(template):
        if piece.field is None:
            parts.append(piece.literal)
        elif piece.field == "date":
            parts.append(created_at.strftime(piece.format or "%Y-%m-%d"))
        else:
            parts.append(_text(piece.field, find_field(piece.field, facts)))
    return check_version_name(re.sub(r"[^A-Za-z0-9 ._+-]", "-", "".join(parts)))


def find_field(field: str, facts: Mapping[str, Any]) -> Any:
    """What the facts hold under a dotted name: a key with dots in it, or one in nested objects.
    Raises LacksField."""
    root, _, key = field.partition(".")
    value = facts.get(root)
    if not key:
        return value
    if not isinstance(value, Mapping):
        raise LacksField(field)
    if key in value:
        return value[key]
    for step in key.split("."):
        if not isinstance(value, Mapping) or step not in value:
            raise LacksField(field)
        value = value[step]
    return value


def _text(field: str, value: Any) -> str:
    if value is None:
        raise LacksField(field)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, str | int):
        return str(value)
    raise ValueError(f"takes `{field}`, which is neither text nor a number here")


def check_version_name(name: str) -> str:
    """The name itself, if a version may have it (apart from stages, which are the model's own)."""
    if not VERSION_NAME.fullmatch(name):
        raise ValueError(
            f"`{name[:140]}` is not a version name: 1 to 128 letters, digits, spaces, `.`, `_`, "
            "`+`, `-`, beginning with a letter or digit"
        )
    if name.endswith(" "):
        raise ValueError("a version name must not end with a space")
    if RESERVED_NAME.fullmatch(name):
        raise ValueError(
            f"`{name}` would be taken for a number or for `latest`: choose another version name"
        )
    return name
