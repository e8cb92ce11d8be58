"""What the filter language means, said a second time: plain Python over the JSON that the API
shows of a version."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.models.rules import LacksField, find_field
from app.search.syntax import (
    Absent,
    And,
    Comparison,
    Expression,
    Field,
    In,
    Kind,
    Not,
    Or,
    Order,
)

Row = dict[str, Any]
LISTS = {"alias": "aliases", "author": "authors"}


def holds(expression: Expression, row: Row) -> bool | None:
    """True, false, or None where it is unknown."""
    match expression:
        case And(terms):
            found = [holds(term, row) for term in terms]
            return False if False in found else None if None in found else True
        case Or(terms):
            found = [holds(term, row) for term in terms]
            return True if True in found else None if None in found else False
        case Not(term):
            inner = holds(term, row)
            return None if inner is None else not inner
        case Absent(field):
            return all(not _is_known(field, value) for value in values(field, row))
        case In(field, among):
            each = [holds(Comparison(field, "=", value), row) for value in among]
            return True if True in each else None if None in each else False
        case Comparison(field, op, wanted):
            each = [_compare(_read(field, value), op, wanted) for value in values(field, row)]
            return True if True in each else False if False in each else None


def values(field: Field, row: Row) -> list[Any]:
    """What a row has under a field: one value, which may be None, or those of a list's entries."""
    if field.root in LISTS:
        return list(row[LISTS[field.root]])
    if field.root in {"datasets", "preprocessing"}:
        return [entry.get(field.path[0]) for entry in row[field.root]]
    if field.root == "recalled":
        return [row["recalled"] is not None]
    if field.root in {"params", "environment"} and field.kind is Kind.OPEN:
        return [_open(field, row)]
    value: Any = row[field.root]
    for step in field.path:
        value = (value or {}).get(step)
    return [value]


def _open(field: Field, row: Row) -> Any:
    start, path = (row["params"], field.path)
    if field.root == "environment":
        start, path = (row["environment"] or {}).get("hardware"), field.path[1:]
    if not field.exact and path:
        try:
            return find_field("x." + ".".join(path), {"x": start})
        except LacksField:
            return None
    for step in path:
        start = start.get(step) if isinstance(start, dict) else None
    return start


def _is_known(field: Field, value: Any) -> bool:
    return value is not None


def _read(field: Field, value: Any) -> Any:
    if field.kind is Kind.TIME and value is not None:
        return datetime.fromisoformat(value)
    return value


def _type(value: Any) -> type:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal
    return type(value)


def _compare(stored: Any, op: str, wanted: Any) -> bool | None:
    if stored is None or _type(stored) is not _type(wanted):
        return None
    if _type(stored) is Decimal:
        stored, wanted = Decimal(repr(stored)), Decimal(repr(wanted))
    outcomes: dict[str, Any] = {
        "=": lambda: stored == wanted,
        "!=": lambda: stored != wanted,
        "<": lambda: stored < wanted,
        "<=": lambda: stored <= wanted,
        ">": lambda: stored > wanted,
        ">=": lambda: stored >= wanted,
        "like": lambda: like(stored, wanted),
    }
    return bool(outcomes[op]())


def like(text: str, pattern: str) -> bool:
    """SQL's LIKE with a backslash as the escape."""
    pieces, at = [], 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
            pieces.append(re.escape(pattern[at]))
        else:
            pieces.append({"%": ".*", "_": "."}.get(pattern[at], re.escape(pattern[at])))
        at += 1
    return re.fullmatch("".join(pieces), text, re.DOTALL) is not None


def ordered(rows: Sequence[Row], orders: Sequence[Order]) -> list[Row]:
    """The rows in this order, and then by model and number; what lacks a value comes last."""
    found = sorted(rows, key=lambda row: (row["model"], row["number"]))
    for order in reversed(orders):
        kinds = [Decimal, str, bool] if order.field.kind is Kind.OPEN else [None]
        for kind in reversed(kinds):
            found = _by(found, order, kind)
    return found


def _by(rows: list[Row], order: Order, kind: type | None) -> list[Row]:
    def key(row: Row) -> Any:
        value = _read(order.field, values(order.field, row)[0])
        if value is None or (kind is not None and _type(value) is not kind):
            return None
        return value[:100] if isinstance(value, str) else value

    lacking = [row for row in rows if key(row) is None]
    having = [row for row in rows if key(row) is not None]
    return sorted(having, key=key, reverse=order.descending) + lacking
