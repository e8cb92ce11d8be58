"""Values as they stand in a filter, checked against the field they are compared with."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime

from app.core.canonical import MAX_SAFE_INTEGER
from app.search.fields import Spec
from app.search.syntax import Field, Kind, Operator, Value

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2}))?", re.ASCII
)
_INTEGER = re.compile(r"[+-]?\d{1,16}", re.ASCII)
_EQUAL: tuple[Operator, ...] = ("=", "!=")
_ORDERED: tuple[Operator, ...] = (*_EQUAL, "<", "<=", ">", ">=")
OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.TEXT: (*_ORDERED, "like"),
    Kind.WORD: (*_EQUAL, "like"),
    Kind.CHOICE: _EQUAL,
    Kind.DIGEST: _EQUAL,
    Kind.NUMBER: _ORDERED,
    Kind.INTEGER: _ORDERED,
    Kind.TIME: _ORDERED,
    Kind.BOOLEAN: _EQUAL,
}


class WrongValue(ValueError):
    """What is wrong, said after the field's name; of its operator, or else of its value."""

    def __init__(self, what: str, *, is_of_operator: bool = False) -> None:
        super().__init__(what)
        self.is_of_operator = is_of_operator


def checked(field: Field, spec: Spec, sort: str, text: str, op: Operator) -> Value:
    """The value that a text of this sort (TEXT, NUMBER, TRUE, FALSE) means for a field. Raises
    WrongValue."""
    kind = _meant(sort) if field.kind is Kind.OPEN else field.kind
    if op not in OPERATORS[kind]:
        known = ", ".join(f"`{each}`" for each in OPERATORS[kind])
        what = f"takes {known} and `in` here, not `{op}`"
        raise WrongValue(what, is_of_operator=True)
    if kind in {Kind.NUMBER, Kind.INTEGER}:
        return _number(sort, text)
    if kind is Kind.BOOLEAN:
        return _boolean(sort)
    value = _text(sort, text, kind)
    if kind is Kind.CHOICE and value not in spec.choices:
        raise WrongValue("is one of " + ", ".join(f"'{choice}'" for choice in spec.choices))
    read = _READ.get(kind)
    if op == "like":
        _check_pattern(value)
    return read(value) if read else value


def kind_of(value: Value) -> Kind:
    """The kind that a value has by itself."""
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int | float):
        return Kind.NUMBER
    return Kind.TIME if isinstance(value, datetime) else Kind.TEXT


def _meant(sort: str) -> Kind:
    return {"NUMBER": Kind.NUMBER, "TEXT": Kind.TEXT}.get(sort, Kind.BOOLEAN)


def _number(sort: str, text: str) -> int | float:
    if sort != "NUMBER":
        raise WrongValue("is a number: write it without quotes, as in 0.9")
    if _INTEGER.fullmatch(text) and abs(int(text)) <= MAX_SAFE_INTEGER:
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise WrongValue("is a number, and this one is too large for a double")
    return number


def _boolean(sort: str) -> bool:
    if sort not in {"TRUE", "FALSE"}:
        raise WrongValue("is true or false, without quotes")
    return sort == "TRUE"


def _text(sort: str, text: str, kind: Kind) -> str:
    if sort != "TEXT":
        wanted = "a time" if kind is Kind.TIME else "a digest" if kind is Kind.DIGEST else "a text"
        raise WrongValue(f"is {wanted}: write it in single quotes")
    return text[1:-1].replace("''", "'")


def _time(value: str) -> datetime:
    what = "is a time: RFC 3339, as in '2026-01-31T09:30:00Z', or a day, as in '2026-01-31'"
    if not _TIME.fullmatch(value):
        raise WrongValue(what)
    try:
        at = datetime.fromisoformat(value.upper())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise WrongValue(f"{what}, that a calendar has") from error


def _digest(value: str) -> str:
    if not _DIGEST.fullmatch(value):
        raise WrongValue("is a SHA-256: 64 lower-case hex characters")
    return value


def _check_pattern(value: str) -> None:
    if (len(value) - len(value.rstrip("\\"))) % 2:
        raise WrongValue(r"is compared with a pattern that ends in its escape: write `\\`")


_READ: dict[Kind, Callable[[str], Value]] = {
    Kind.WORD: str.lower,
    Kind.TIME: _time,
    Kind.DIGEST: _digest,
}
