"""Random expressions over fields and values that the rows of the tests have, and their text."""

import re
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from app.search.fields import VERSIONS
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
    Value,
)
from app.search.values import OPERATORS

TEXTS = ("a", "A", "b", "it's", "100%", "x_y", "back\\slash", "é", "日本", "", "9", "ab", "a" * 120)
NUMBERS: tuple[int | float, ...] = (0, 1, -1, 2, 0.1, 0.5, -2.5, 1e-7, 1e30, 3, 2**53 - 1)
TIMES = tuple(datetime(2026, month, 1, 12, 30, tzinfo=UTC) for month in range(1, 13))
DIGESTS = tuple(digit * 64 for digit in "0123")
STAGES = ("none", "staging", "production", "archived", "odd")
# Every field, as a filter writes it.
FIELDS = (
    *("model", "number", "name", "description", "status", "stage", "alias", "author"),
    *("tags.team", "tags.`a.b`", "tags.a.b", "tags.`odd ``key``'`"),
    *("metrics.auc", "metrics.loss", "metrics.`top-5`", "metrics.none"),
    *("params.lr", "params.optimizer.name", "params.`optimizer.name`", "params.a.b", "params.a"),
    *("params.`a`.b", "params.none", "params.list.0", "params.deep.x.y", "params.flag"),
    *("code.repository", "code.commit", "code.branch", "code.dirty", "code.entrypoint"),
    *("code.diff_sha256", "datasets.name", "datasets.role", "datasets.version", "datasets.uri"),
    *("datasets.sha256", "datasets.rows", "preprocessing.name", "preprocessing.version"),
    *("preprocessing.sha256", "preprocessing.description", "environment.python"),
    *("environment.platform", "environment.container_image", "environment.packages.numpy"),
    *("environment.packages.ruamel.yaml", "environment.hardware", "environment.hardware.gpu"),
    *("seed", "run.tracker", "run.id", "run.url", "source", "size", "files_count"),
    *("manifest_sha256", "recipe_sha256", "recalled", "created_by", "created_at", "ready_at"),
)


def field_of(text: str) -> Field:
    """The field that a text names."""
    parts = re.findall(r"`((?:[^`]|``)+)`|([\w-]+)", text)
    steps = tuple(quoted.replace("``", "`") or plain for quoted, plain in parts)
    return VERSIONS.find(steps, exact="`" in text, column=1)


fields = st.sampled_from(FIELDS).map(field_of)


def values(kind: Kind, field: Field) -> st.SearchStrategy[Value]:
    """Values that may be compared with a field of this kind."""
    if kind is Kind.OPEN:
        kinds = st.sampled_from([Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN])
        return kinds.flatmap(lambda each: values(each, field))
    choices: dict[Kind, tuple[Any, ...]] = {
        Kind.TEXT: TEXTS,
        Kind.WORD: STAGES,
        Kind.CHOICE: VERSIONS.spec(field).choices,
        Kind.DIGEST: DIGESTS,
        Kind.NUMBER: NUMBERS,
        Kind.INTEGER: NUMBERS,
        Kind.TIME: TIMES,
        Kind.BOOLEAN: (True, False),
    }
    return st.sampled_from(choices[kind])


PATTERNS = ("a%", "%a%", "_", "%", "", "100\\%", "x\\_y", "%\\\\%", "it's", "__", "%本")


@st.composite
def comparisons(draw: st.DrawFn) -> Expression:
    """One term."""
    field = draw(fields)
    shape = draw(st.integers(0, 9))
    if shape == 0:
        return Absent(field)
    if shape == 1:
        return In(field, tuple(draw(st.lists(values(field.kind, field), min_size=1, max_size=3))))
    kind = field.kind
    if kind is Kind.OPEN:
        kind = draw(st.sampled_from([Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN]))
    op = draw(st.sampled_from(OPERATORS[kind]))
    if op == "like":
        return Comparison(field, op, draw(st.sampled_from(PATTERNS)))
    return Comparison(field, op, draw(values(kind, field)))


def _flat(kind: type[And] | type[Or], terms: list[Expression]) -> Expression:
    flat: list[Expression] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, kind) else [term])
    return kind(tuple(flat))


def _joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        inner.map(Not),
        several.map(lambda terms: _flat(And, terms)),
        several.map(lambda terms: _flat(Or, terms)),
    )


expressions = st.recursive(comparisons(), _joined, max_leaves=6)
orders = st.lists(
    st.builds(Order, fields.filter(lambda field: not field.many), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda order: order.field,
)


def written(expression: Expression) -> str:
    """The text of an expression."""
    match expression:
        case And(terms):
            return " AND ".join(f"({written(term)})" for term in terms)
        case Or(terms):
            return " or ".join(f"({written(term)})" for term in terms)
        case Not(term):
            return f"not ({written(term)})"
        case Absent(field):
            return f"{named(field)} is null"
        case In(field, among):
            return f"{named(field)} in ({', '.join(map(literal, among))})"
        case Comparison(field, op, value):
            return f"{named(field)} {op} {literal(value)}"


def named(field: Field) -> str:
    """The text of a field."""
    keyed = "`{}`" if field.exact else "{}"
    return ".".join((field.root, *(keyed.format(s.replace("`", "``")) for s in field.path)))


def literal(value: Value) -> str:
    """The text of a value."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"'{value.isoformat().replace('+00:00', 'Z')}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)
