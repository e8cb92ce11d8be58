"""Which facts a filter leads to: parts of it that an index answers. They lead to more than match,
never to less; what they lead to is looked at again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from app.search.syntax import Absent, And, Comparison, Expression, Field, In, Not, Or, Value
from app.stages.rules import NO_STAGE

MAX_RANGES = 200
_NAMED = frozenset(
    {
        *("datasets.name", "datasets.sha256", "preprocessing.name"),
        *("code.commit", "code.branch", "created_by", "status", "stage"),
    }
)


@dataclass(frozen=True, slots=True)
class Range:
    """Facts under one name: of one text, or of numbers between two (both count)."""

    name: str
    text: str | None = None
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def is_one(self) -> bool:
        """Whether it is of one value, so that its facts lie in order of time."""
        return self.text is not None or (self.low is not None and self.low == self.high)


@dataclass(frozen=True, slots=True)
class Lead:
    """One part of a filter: what matches has a fact in one of these ranges."""

    ranges: tuple[Range, ...]

    @property
    def is_one(self) -> bool:
        """Whether it is of one value."""
        return len(self.ranges) == 1 and self.ranges[0].is_one


@dataclass(slots=True)
class Bounds:
    """What a filter says of columns that orders run over; and of the names of models."""

    since: datetime | None = None
    until: datetime | None = None
    lowest: int | None = None
    highest: int | None = None
    models: frozenset[str] | None = None
    costly: list[str] = field(default_factory=list)


def fact_name(asked: Field) -> str | None:
    """The name under which a field's values are facts; None where they are none."""
    name = ".".join((asked.root, *asked.path))
    if asked.root in {"metrics", "params", "tags"} or name in _NAMED:
        return name
    return None


def leads(expression: Expression | None) -> list[Lead]:
    """What the parts of a filter lead to, ranges over one number as one."""
    numbers: dict[str, Range] = {}
    found = []
    for term in conjuncts(expression):
        lead = _lead(term)
        if lead is None:
            continue
        first = lead.ranges[0]
        if len(lead.ranges) > 1 or first.text is not None:
            found.append(lead)
        else:
            numbers[first.name] = _both(numbers.get(first.name, first), first)
    return found + [Lead((each,)) for each in numbers.values()]


def bounds(expression: Expression | None) -> Bounds:
    """What a filter bounds by columns, and the fields that nothing leads to."""
    found = Bounds()
    for term in conjuncts(expression):
        match term:
            case Comparison(Field("created_at"), op, datetime() as at) if op in _UP | _DOWN:
                if op in _UP:
                    found.since = at if found.since is None else max(found.since, at)
                if op in _DOWN:
                    found.until = at if found.until is None else min(found.until, at)
            case Comparison(Field("number"), op, int() as number) if op in _UP | _DOWN:
                if op in _UP:
                    found.lowest = max(found.lowest or number, number)
                if op in _DOWN:
                    highest = number if found.highest is None else found.highest
                    found.highest = min(highest, number)
            case Comparison(Field("model"), "=", str() as name):
                found.models = (found.models or frozenset({name})) & {name}
            case In(Field("model"), values):
                among = frozenset(str(each) for each in values)
                found.models = among if found.models is None else found.models & among
            case _ if _lead(term) is None:
                found.costly += [each for each in named(term) if each not in found.costly]
    return found


def conjuncts(expression: Expression | None) -> tuple[Expression, ...]:
    """The parts that must all hold."""
    if expression is None:
        return ()
    return expression.terms if isinstance(expression, And) else (expression,)


_UP, _DOWN = frozenset({"=", ">", ">="}), frozenset({"=", "<", "<="})


def _lead(term: Expression) -> Lead | None:
    match term:
        case Comparison(asked, op, value):
            return _of_value(asked, op, value)
        case In(asked, values):
            return _any(_of_value(asked, "=", value) for value in values)
        case Or(terms):
            return _any(_lead(each) for each in terms)
        case And(terms):
            found = [lead for lead in map(_lead, terms) if lead is not None]
            return min(found, key=lambda lead: not lead.is_one, default=None)
        case _:
            return None


def _any(found: Iterable[Lead | None]) -> Lead | None:
    """Leads to all of these; None where one of them is none."""
    ranges: list[Range] = []
    for lead in found:
        if lead is None or len(ranges) > MAX_RANGES:
            return None
        ranges += lead.ranges
    return Lead(tuple(dict.fromkeys(ranges)))


def _of_value(asked: Field, op: str, value: Value) -> Lead | None:
    name = fact_name(asked)
    if name is None or (asked.root == "stage" and value == NO_STAGE):
        return None
    if isinstance(value, bool | str):
        text = str(value).lower() if isinstance(value, bool) else value
        return Lead((Range(name, text),)) if op == "=" else None
    if not isinstance(value, int | float) or op not in _UP | _DOWN:
        return None
    number = Decimal(repr(value))
    low, high = number if op in _UP else None, number if op in _DOWN else None
    return Lead((Range(name, None, low, high),))


def _both(one: Range, other: Range) -> Range:
    """The numbers that lie in both."""
    lows = [each for each in (one.low, other.low) if each is not None]
    highs = [each for each in (one.high, other.high) if each is not None]
    return replace(one, low=max(lows, default=None), high=min(highs, default=None))


def named(expression: Expression | None) -> Iterator[str]:
    """The fields that an expression names, wherever."""
    match expression:
        case None:
            return
        case And(terms) | Or(terms):
            for each in terms:
                yield from named(each)
        case Not(term):
            yield from named(term)
        case Comparison(asked) | In(asked) | Absent(asked):
            yield ".".join((asked.root, *asked.path))
