"""What a filter and an order say, as trees.

`app.search.parser.parse(text, VERSIONS)` reads a filter (None where there is none) and
`parse_order(text, VERSIONS)` an order; `app.search.conditions.condition(expression)` makes it SQL.
`VERSIONS` and `MODELS` (`app.search.fields`) are what may be asked of each. Every field is known
and every value is of its field's kind by the time a tree exists.

Logic is SQL's, three-valued: a comparison with a value that is absent, or of another type, is
unknown, and so is `not` of it; only what is true is found. Over a list (`many`) a comparison is
true if it is for any entry, else false if any entry has the value, else unknown.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

Value = str | int | float | bool | datetime
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "like"]


class Kind(StrEnum):
    """The type of a field, which says what it may be compared with."""

    TEXT = "text"
    WORD = "word"  # text read in any case: its values are lower-case
    CHOICE = "choice"  # one of a few texts
    DIGEST = "digest"  # 64 lower-case hex
    NUMBER = "number"  # in JSON: compared as an exact decimal number
    INTEGER = "integer"  # in a column
    TIME = "time"
    BOOLEAN = "boolean"
    OPEN = "open"  # any JSON: the value compared with says which type is meant


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a model or a version: `Field("metrics", ("auc",))`, `Field("stage")`,
    `Field("datasets", ("sha256",))`, `Field("environment", ("packages", "ruamel.yaml"))`.

    Keys of flat maps (tags, metrics, packages) are one step, whatever dots they hold. In open JSON
    (params, environment.hardware) `a.b` is two steps, and means the key `a.b` where there is one,
    else `b` in `a`; with `exact` (a step stood in backticks) it means the steps as they stand."""

    root: str
    path: tuple[str, ...] = ()
    kind: Kind = Kind.TEXT
    many: bool = False
    exact: bool = False
    column: int = dataclasses.field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field op value`. Numbers are an int up to 2^53 - 1 in size, else a finite float; times are
    in UTC; a `like` pattern has `%`, `_` and the escape `\\`, and is whole."""

    field: Field
    op: Operator
    value: Value
    column: int = dataclasses.field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class In:
    """`field in (values)`: 1 to 200, all of the field's kind; of an open field maybe of several
    types, each of which compares with its own."""

    field: Field
    values: tuple[Value, ...]
    column: int = dataclasses.field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Absent:
    """`field is null`: true or false, never unknown. Over a list: no entry has it."""

    field: Field
    column: int = dataclasses.field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of these, two or more; none of them is an And."""

    terms: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Any of these, two or more; none of them is an Or."""

    terms: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """`not term`; unknown where the term is."""

    term: "Expression"


Expression = Comparison | In | Absent | And | Or | Not


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an order. What lacks it comes last, in both directions."""

    field: Field
    descending: bool = False
