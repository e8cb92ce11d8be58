"""Expressions as SQL conditions. Every value and every key is a parameter."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Numeric,
    Text,
    and_,
    case,
    collate,
    func,
    literal,
    literal_column,
    not_,
    or_,
)
from sqlalchemy.types import TypeEngine

from app.search.places import Place, PlaceOf, version_place
from app.search.syntax import (
    Absent,
    And,
    Comparison,
    Expression,
    Field,
    In,
    Kind,
    Not,
    Operator,
    Or,
    Value,
)
from app.search.values import kind_of

Condition = ColumnElement[bool]
Test = Callable[[ColumnElement[Any]], Condition]


def condition(expression: Expression, place_of: PlaceOf = version_place) -> Condition:
    """What the expression says, true, false or null: of a version in a statement over Version and
    Model, or with `model_place` of a model in one over Model and Counter. It cannot raise in
    PostgreSQL, whatever the rows hold."""
    match expression:
        case And(terms):
            return and_(*(condition(term, place_of) for term in terms))
        case Or(terms):
            return or_(*(condition(term, place_of) for term in terms))
        case Not(term):
            return not_(condition(term, place_of))
        case Absent(field):
            return _absent(field, place_of(field))
        case Comparison(field, op, value):
            return _held(field, place_of(field), _kind(field, value), _compared(field, op, value))
        case In(field, values):
            return _among(field, place_of(field), values)


def _kind(field: Field, value: Value) -> Kind:
    return kind_of(value) if field.kind is Kind.OPEN else field.kind


def _held(field: Field, place: Place, kind: Kind, test: Test) -> Condition:
    """The test of a value; of a list, whether it holds for any of its entries."""
    value = place.value(kind)
    if place.rows is None:
        return test(value)
    any_of = place.rows.where(test(value)).exists()
    known = place.rows.where(value.is_not(None)).exists()
    true, false = literal_column("true", Boolean()), literal_column("false", Boolean())
    return case((any_of, true), (known, false), else_=literal_column("null", Boolean()))


def _absent(field: Field, place: Place) -> Condition:
    if field.kind is Kind.OPEN and place.json is not None:
        kind = func.coalesce(func.jsonb_typeof(place.json), literal_column("'null'"))
        return kind == literal_column("'null'")
    value = place.value(field.kind)
    if place.rows is None:
        return value.is_(None)
    return ~place.rows.where(value.is_not(None)).exists()


def _among(field: Field, place: Place, values: tuple[Value, ...]) -> Condition:
    kinds = dict.fromkeys(_kind(field, value) for value in values)
    alternatives = []
    for kind in kinds:
        same = [value for value in values if _kind(field, value) is kind]
        alternatives.append(_held(field, place, kind, _any_of(kind, same)))
    return or_(*alternatives)


def _any_of(kind: Kind, values: Iterable[Value]) -> Test:
    def test(found: ColumnElement[Any]) -> Condition:
        whole = kind is Kind.INTEGER and not all(isinstance(value, int) for value in values)
        target = found.cast(Numeric()) if whole else found
        bound = [_bound(Kind.NUMBER if whole else kind, found, value) for value in values]
        return target.in_(bound)

    return test


def _compared(field: Field, op: Operator, value: Value) -> Test:
    kind = _kind(field, value)

    def test(found: ColumnElement[Any]) -> Condition:
        if kind is Kind.INTEGER and isinstance(value, float):
            return _OPERATORS[op](found.cast(Numeric()), _bound(Kind.NUMBER, found, value))
        bound = _bound(kind, found, value)
        if kind is Kind.TEXT and op in {"<", "<=", ">", ">="}:
            found = collate(found, "C")  # by code point, whatever the database's language
        return _OPERATORS[op](found, bound)

    return test


def _bound(kind: Kind, found: ColumnElement[Any], value: Value) -> ColumnElement[Any]:
    if kind is Kind.NUMBER:
        return literal(Decimal(repr(value)), Numeric())
    if kind is Kind.DIGEST:  # text in JSON, bytes in a column
        stored_as: Any = found.type
        return literal(value, stored_as)
    return literal(value, _TYPES.get(kind, Text()))


_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: BigInteger(),
    Kind.TIME: DateTime(timezone=True),
    Kind.BOOLEAN: Boolean(),
}
_OPERATORS: dict[Operator, Callable[[Any, Any], Condition]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "like": lambda a, b: a.like(b),
}
