"""Reading filters and orders: text to tree, or a 422 that says where and what is allowed there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedToken
from lark.lark import PostLex

from app.core.problems import InvalidRequest
from app.search.fields import Fields, UnknownField
from app.search.syntax import (
    Absent,
    And,
    Comparison,
    Expression,
    Field,
    In,
    Not,
    Operator,
    Or,
    Order,
    Value,
)
from app.search.values import WrongValue, checked

MAX_LENGTH = 4000
MAX_TERMS = 100
MAX_DEPTH = 20
MAX_VALUES = 200
MAX_KEYS = 4
SHOWN = 40

_STEP = re.compile(r"`((?:[^`]|``)+)`|([\w-]+)")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_WORDS = {
    "FIELD": "a field",
    "OPERATOR": "`=`, `!=`, `<`, `<=`, `>`, `>=`",
    "TEXT": "a text in single quotes",
    "NUMBER": "a number",
    "_LPAR": "`(`",
    "_RPAR": "`)`",
    "_COMMA": "`,`",
    "$END": "the end",
}


class Unreadable(Exception):
    """What is wrong with a text, and at which character (from 1)."""

    def __init__(self, column: int, what: str) -> None:
        super().__init__(what)
        self.column, self.what = column, what


class _Bounds(PostLex):
    """Counts terms and depth while the tokens pass, so that what is too much is never parsed."""

    always_accept = ("OTHER",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """The tokens, or Unreadable at the first one too many."""
        terms = nots = depth = 0
        opened: list[int] = []
        for token in stream:
            terms += token.type == "FIELD"
            nots = nots + 1 if token.type == "_NOT" else nots
            if token.type == "_LPAR":
                opened.append(nots + 1)
                depth += nots + 1
            elif token.type == "_RPAR" and opened:
                depth -= opened.pop()
            nots = nots if token.type == "_NOT" else 0
            if terms > MAX_TERMS:
                raise Unreadable(_at(token), f"more than {MAX_TERMS} comparisons; ask for less")
            if depth + nots > MAX_DEPTH:
                raise Unreadable(
                    _at(token), f"parentheses and `not` deeper than {MAX_DEPTH}; ask for less"
                )
            yield token


_PARSER = Lark(
    (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8"),
    parser="lalr",  # linear time, unlike Earley
    lexer="basic",
    start=["filter", "order"],
    postlex=_Bounds(),
    maybe_placeholders=False,
)


def parse(text: str | None, fields: Fields) -> Expression | None:
    """The tree of a filter; None where there is none. Raises InvalidRequest."""
    if text is None or not text.strip():
        return None
    try:
        return _Reader(fields).expression(_tree(text, "filter").children[0])
    except Unreadable as error:
        raise problem("filter", error) from error


def parse_order(text: str | None, fields: Fields) -> tuple[Order, ...]:
    """The keys of an order, none where there is no order. Raises InvalidRequest."""
    if text is None or not text.strip():
        return ()
    try:
        return _Reader(fields).order(_tree(text, "order").children)
    except Unreadable as error:
        raise problem("order_by", error) from error


def problem(parameter: str, error: Unreadable) -> InvalidRequest:
    """The 422 that points at the column."""
    named = "filter" if parameter == "filter" else "order"
    return InvalidRequest(
        f"The {named} cannot be read at column {error.column}: {error.what}.",
        errors=[{"pointer": parameter, "detail": f"Column {error.column}: {error.what}."}],
    )


def _tree(text: str, start: str) -> Tree[Token]:
    if len(text) > MAX_LENGTH:
        raise Unreadable(MAX_LENGTH + 1, f"it is longer than {MAX_LENGTH} characters")
    unstorable = _UNSTORABLE.search(text)
    if unstorable:
        raise Unreadable(unstorable.start() + 1, "a character that no text here can hold")
    try:
        return _PARSER.parse(text, start=start)
    except UnexpectedToken as error:
        raise _unexpected(error, text) from error


def _at(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _unexpected(error: UnexpectedToken, text: str) -> Unreadable:
    token = error.token
    allowed = ", ".join(_allowed(error.accepts or error.expected))
    if token.type == "$END":
        return Unreadable(len(text.rstrip()) + 1, f"it ends where there should be {allowed}")
    return Unreadable(_at(token), f"found {_found(token)}, where there may be {allowed}")


def _allowed(names: set[str]) -> list[str]:
    if "_RPAR" in names and "_COMMA" not in names:
        names = {*names, "_AND", "_OR"}  # what stood before is a whole term
    known = [word for name, word in _WORDS.items() if name in names]
    keywords = sorted(f"`{name.strip('_').lower()}`" for name in names if name not in _WORDS)
    return known + keywords


def _found(token: Token) -> str:
    shown = _shown(str(token))
    if token.type == "OTHER" and shown == "'":
        return "a text that no quote closes (a quote in a text is doubled: `''`)"
    if token.type == "OTHER" and shown == '"':
        return '`"` (texts stand in single quotes)'
    if token.type == "FIELD":
        return f"`{shown}` (a text stands in single quotes)"
    return f"`{shown}`"


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


class _Reader:
    """Trees of tokens to trees of fields and values. They are no deeper than MAX_DEPTH allows."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def expression(self, tree: Any) -> Expression:
        """What a part of a filter says."""
        if tree.data in {"either", "conjunction"}:
            return _joined(
                Or if tree.data == "either" else And, map(self.expression, tree.children)
            )
        if tree.data == "negated":
            return Not(self.expression(tree.children[0]))
        field, tokens = self._field(tree.children[0]), tree.children[1:]
        if tree.data in {"absence", "presence"}:
            absent = Absent(field, field.column)
            return absent if tree.data == "absence" else Not(absent)
        if tree.data in {"inclusion", "exclusion"}:
            among = self._among(field, tokens)
            return among if tree.data == "inclusion" else Not(among)
        compared = self._comparison(field, *tokens)
        return compared if tree.data == "comparison" else Not(compared)

    def order(self, keys: list[Any]) -> tuple[Order, ...]:
        """The keys of an order."""
        found: list[Order] = []
        for key in keys:
            field = self._field(key.children[0])
            if field.many:
                raise Unreadable(field.column, f"`{_name(field)}` is a list, which has no order")
            if field in [order.field for order in found]:
                raise Unreadable(field.column, f"`{_name(field)}` is named twice")
            if len(found) == MAX_KEYS:
                raise Unreadable(field.column, f"more than {MAX_KEYS} keys")
            found.append(Order(field, key.children[-1].type == "DESC"))
        return tuple(found)

    def _field(self, token: Token) -> Field:
        parts = _STEP.findall(str(token))
        steps = tuple(quoted.replace("``", "`") or plain for quoted, plain in parts)
        exact = any(quoted for quoted, _ in parts)
        try:
            return self._fields.find(steps, exact=exact, column=_at(token))
        except UnknownField as error:
            raise Unreadable(_at(token), str(error)) from error

    def _comparison(self, field: Field, operator: Token, value: Token) -> Comparison:
        op: Any = {"<>": "!="}.get(operator, str(operator).lower())
        return Comparison(field, op, self._value(field, value, operator, op), field.column)

    def _among(self, field: Field, tokens: list[Token]) -> In:
        operator, *values = tokens
        if len(values) > MAX_VALUES:
            raise Unreadable(_at(values[MAX_VALUES]), f"more than {MAX_VALUES} values")
        found = [self._value(field, value, operator, "=") for value in values]
        return In(field, tuple(found), field.column)

    def _value(self, field: Field, token: Token, operator: Token, op: Operator) -> Value:
        try:
            return checked(field, self._fields.spec(field), token.type, str(token), op)
        except WrongValue as error:
            column = _at(operator) if error.is_of_operator else _at(token)
            raise Unreadable(column, f"`{_name(field)}` {error}") from error


def _name(field: Field) -> str:
    return _shown(".".join((field.root, *field.path)))


def _joined(kind: type[And] | type[Or], terms: Iterator[Expression]) -> Expression:
    flat: list[Expression] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, kind) else [term])
    return kind(tuple(flat))
