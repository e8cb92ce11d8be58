"""Keyset pages over several keys in mixed directions, absent values last in both.

    keys = Keyset([Key(expression, NUMBER, descending=True, nullable=True), Key(Model.id, ID)],
                  bound_to=["models", filter_text, order_by])
    statement = select(Model, *keys.columns).where(condition).order_by(*keys.order_by)
    if cursor is not None:
        statement = statement.where(keys.after(keys.read(cursor)))
    ... keys.cursor(values_of_keys_columns_in_the_last_row)

The last key must be unique and never null, so that the order is whole. A cursor holds the values
of the last row and a digest of what it is bound to: with another filter or order it is a 422.
"""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Double,
    Numeric,
    Text,
    UnaryExpression,
    Uuid,
    and_,
    false,
    literal,
    or_,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from app.core.pages import bad_cursor
from app.core.problems import InvalidRequest

MAX_DIGITS = 400  # of a number in a cursor: JSON's doubles have 325 at most


@dataclass(frozen=True, slots=True)
class Codec:
    """How a key's values stand in a cursor: always as text."""

    type: TypeEngine[Any]
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite() or len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError("no number that a row has")
    return number


def _double(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no number that a row has")
    return number


def _integer(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError("no integer that a row has")
    return number


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its offset")
    return at.astimezone(UTC)


def _text(text: str) -> str:
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("no text that PostgreSQL can hold")
    return text


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


NUMBER = Codec(Numeric(), _number)
DOUBLE = Codec(Double(), _double, repr)
INTEGER = Codec(BigInteger(), _integer)
TIME = Codec(DateTime(timezone=True), _time, lambda at: at.astimezone(UTC).isoformat())
TEXT = Codec(Text(), _text)
BOOLEAN = Codec(Boolean(), _boolean, lambda value: str(value).lower())
ID = Codec(Uuid(), UUID)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an order. Only a `nullable` one may be null, and then it is last."""

    expression: Any
    codec: Codec
    descending: bool = False
    nullable: bool = False

    @property
    def order_by(self) -> UnaryExpression[Any]:
        """Its part of ORDER BY."""
        column = self.expression
        directed: UnaryExpression[Any] = column.desc() if self.descending else column.asc()
        return directed.nulls_last() if self.nullable else directed

    def same(self, value: Any) -> ColumnElement[bool]:
        """Whether a row has this very value."""
        found: ColumnElement[bool] = (
            self.expression.is_(None) if value is None else self.expression == self.bound(value)
        )
        return found

    def beyond(self, value: Any) -> ColumnElement[bool]:
        """Whether a row comes after all that have this value; nothing comes after null."""
        if value is None:
            return false()
        bound = self.bound(value)
        found: ColumnElement[bool] = (
            self.expression < bound if self.descending else self.expression > bound
        )
        return or_(found, self.expression.is_(None)) if self.nullable else found

    def from_here(self, value: Any) -> ColumnElement[bool]:
        """Whether a row has this value or comes after: a bound that an index can begin at."""
        bound = self.bound(value)
        found: ColumnElement[bool] = (
            self.expression <= bound if self.descending else self.expression >= bound
        )
        return found

    def bound(self, value: Any) -> ColumnElement[Any]:
        """A value of this key as a parameter."""
        return literal(value, self.codec.type)


class Keyset:
    """An order over several keys, and the cursors in it."""

    def __init__(self, keys: Sequence[Key], *, bound_to: Iterable[object]) -> None:
        """`bound_to` is all that the list depends on but the cursor: filter, order, free text,
        model, what narrows it."""
        self.keys = tuple(keys)
        said = json.dumps(list(bound_to), default=str, ensure_ascii=True)
        self._binding = hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """What to select for `cursor`."""
        return [key.expression.label(f"key_{at}") for at, key in enumerate(self.keys)]

    @property
    def order_by(self) -> list[UnaryExpression[Any]]:
        """The ORDER BY of the list."""
        return [key.order_by for key in self.keys]

    def after(self, values: Sequence[Any]) -> ColumnElement[bool]:
        """Whether a row comes after the one with these values."""
        return _after(self.keys, values)

    def cursor(self, values: Sequence[Any]) -> str:
        """The cursor after a row with these values."""
        written = [
            None if value is None else key.codec.write(value)
            for key, value in zip(self.keys, values, strict=True)
        ]
        raw = json.dumps([self._binding, *written], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    def read(self, cursor: str) -> list[Any]:
        """The values in a cursor, or a 422."""
        binding, *written = _decoded(cursor)
        if binding != self._binding:
            raise other_list()
        if len(written) != len(self.keys):
            raise bad_cursor()
        try:
            return [_read(key, text) for key, text in zip(self.keys, written, strict=True)]
        except (ValueError, KeyError, OverflowError, ArithmeticError) as error:
            raise bad_cursor() from error


def other_list() -> InvalidRequest:
    """The problem with a cursor of another filter or order."""
    detail = (
        "It belongs to a list with another filter, order or search: send the same parameters with "
        "it, or leave it out and begin at the first page."
    )
    return InvalidRequest(
        "`cursor` belongs to another list.", errors=[{"pointer": "cursor", "detail": detail}]
    )


def _after(keys: Sequence[Key], values: Sequence[Any]) -> ColumnElement[bool]:
    """One comparison of rows where PostgreSQL has one, which an index can begin at."""
    key, value = keys[0], values[0]
    if not any(each.nullable for each in keys) and len({each.descending for each in keys}) == 1:
        row = tuple_(*(each.expression for each in keys))
        bound = tuple_(*(each.bound(v) for each, v in zip(keys, values, strict=True)))
        return row < bound if key.descending else row > bound
    if len(keys) == 1:
        return key.beyond(value)
    later = or_(key.beyond(value), and_(key.same(value), _after(keys[1:], values[1:])))
    return later if key.nullable else and_(key.from_here(value), later)


def _decoded(cursor: str) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise bad_cursor() from error
    if not isinstance(found, list) or not found:
        raise bad_cursor()
    return found


def _read(key: Key, text: Any) -> Any:
    if text is None and key.nullable:
        return None
    if not isinstance(text, str):
        raise ValueError("a key is text, or null where it may be")
    return key.codec.read(text)
