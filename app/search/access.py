"""The ways to a page of versions: each a SELECT of ids and sort keys that an index gives in order,
so that a page reads about as many rows as it shows, whatever is stored.

Which way is taken is decided here and not by the planner: it cannot know how often a key goes with
a value. Connections for searches join by nested loops alone (`app.core.db.SEARCHING`), so that what
is named first is read first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Numeric,
    Select,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
)

from app.models.tables import Model
from app.search.keyset import ID, INTEGER, NUMBER, TIME, Key, Keyset
from app.search.leads import Bounds, Lead, Range
from app.search.orders import sort_keys
from app.search.places import version_place
from app.search.syntax import Kind, Order
from app.search.tables import FEW, VersionFact
from app.versions.tables import Version

Condition = ColumnElement[bool]
Fact = VersionFact
VERSIONS: FromClause = Version.__table__
# In the text of the statement: with a parameter in its place, a plan that is kept for all its
# values could not use the index, which has only what lies above it.
_FEW = literal_column(str(FEW), Integer())


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page that is wanted. `matches` must hold for its versions, over Version (and Model where
    `needs_model`); `after` are the sort keys of the last row seen; `rows` is how many."""

    matches: tuple[Condition, ...]
    orders: tuple[Order, ...]
    bounds: Bounds
    rows: int
    in_model: bool
    needs_model: bool
    after: Sequence[Any] | None = None
    says: str | None = None
    extra: tuple[Condition, ...] = ()

    @property
    def descending(self) -> bool:
        """The direction of the last keys, which follow the last one that was asked for."""
        return self.orders[-1].descending if self.orders else True

    @property
    def is_plain(self) -> bool:
        """Whether it is in the order that the list has by itself, or the reverse."""
        own = "number" if self.in_model else "created_at"
        return not self.orders or (len(self.orders) == 1 and self.orders[0].field.root == own)

    @property
    def unserved(self) -> list[str]:
        """What no index answers of the filter, the free text and the order."""
        served = self.is_plain or self.by_number is not None
        order = [] if served else ["order_by=" + ".".join(_steps(self.orders[0]))]
        return [*self.bounds.costly, *(["q"] if self.says else []), *order]

    @property
    def by_number(self) -> Order | None:
        """The first key, where it is a metric or a param."""
        first = self.orders[0] if self.orders else None
        return first if first and first.field.root in {"metrics", "params"} else None


def _steps(order: Order) -> tuple[str, ...]:
    return (order.field.root, *order.field.path)


def keys_of(wanted: Wanted, *, columns: Any = Version, own: bool = True) -> list[Key]:
    """The order of a page; the keys that make it whole are read from `columns`."""
    asked = list(sort_keys(wanted.orders)) if own and not wanted.is_plain else []
    return [*asked, *last_keys(wanted, columns)]


def last_keys(wanted: Wanted, columns: Any) -> list[Key]:
    """What makes an order whole: the number in a model, else time and id."""
    if wanted.in_model:
        return [Key(columns.number, INTEGER, wanted.descending)]
    row_id = getattr(columns, "version_id", None)
    return [
        Key(columns.created_at, TIME, wanted.descending),
        Key(Version.id if row_id is None else row_id, ID, wanted.descending),
    ]


def page(
    wanted: Wanted, source: FromClause, keys: Sequence[Key | None], *, fenced: bool = False
) -> Select[Any]:
    """So many rows of a source in which Version stands: id and sort keys. Of a key that is None no
    row has a value. `fenced`: all rows are found before they are sorted."""
    codecs = [key.codec for key in keys_of(wanted)]
    columns = [
        cast(null(), codec.type) if key is None else key.expression
        for key, codec in zip(keys, codecs, strict=True)
    ]
    if wanted.needs_model:
        source = source.join(Model, Model.id == Version.model_id)
    labelled = [column.label(f"key_{at}") for at, column in enumerate(columns)]
    statement = (
        select(Version.id.label("id"), *labelled)
        .select_from(source)
        .where(Version.deleted_at.is_(None), *wanted.matches, *wanted.extra)
    )
    sorting = Keyset([key for key in keys if key is not None], bound_to=[])
    if wanted.after is not None:
        pairs = zip(keys, wanted.after, strict=True)
        statement = statement.where(sorting.after([v for key, v in pairs if key is not None]))
    if not fenced:
        return statement.order_by(*sorting.order_by).limit(wanted.rows)
    found = statement.offset(0).subquery("found")
    return select(found).order_by(*ordered(found, keys_of(wanted))).limit(wanted.rows)


def ordered(found: FromClause, keys: Sequence[Key]) -> list[Any]:
    """The order of rows that have their sort keys as columns."""
    return [replace(key, expression=found.c[f"key_{at}"]).order_by for at, key in enumerate(keys)]


def scan(wanted: Wanted, model_id: Any | None) -> Select[Any]:
    """The versions of a model, or all, in the list's own order, looked at one by one; in another
    order all of them, sorted."""
    if model_id is None:
        return page(wanted, VERSIONS, keys_of(wanted))
    times = wanted.bounds
    if wanted.in_model and wanted.is_plain and (times.since or times.until):
        return _scan_by_time(wanted, model_id)
    narrowed = replace(wanted, extra=(*wanted.extra, Version.model_id == model_id))
    return page(narrowed, VERSIONS, keys_of(wanted))


def _scan_by_time(wanted: Wanted, model_id: Any) -> Select[Any]:
    """The same where times are bounded: the index of numbers tells the times of those passed by."""
    key = Key(Version.number, INTEGER, wanted.descending)
    listed = select(Version.id.label("version_id"), Version.number).where(
        Version.model_id == model_id, Version.deleted_at.is_(None), *_timed(wanted, Version)
    )
    if wanted.after is not None:
        listed = listed.where(key.beyond(wanted.after[0]))
    found = listed.order_by(key.order_by).offset(0).subquery("listed")
    source = found.join(Version, Version.id == found.c.version_id)
    return page(wanted, source, last_keys(wanted, found.c))


def by_one_value(wanted: Wanted, lead: Lead, model_id: Any | None) -> Select[Any]:
    """Those with one value of a field, in the list's own order."""
    facts: Any = select(Fact.version_id, Fact.created_at, Fact.number).where(
        _in_range(lead.ranges[0]), *_timed(wanted, Fact)
    )
    few: Any = select(Version.id, Version.created_at, Version.number).where(
        *_timed(wanted, Version)
    )
    found = facts if model_id is None else _with_few(wanted, facts, few, model_id)
    listed = found.subquery("listed")
    source = listed.join(Version, Version.id == listed.c.version_id)
    return page(wanted, source, last_keys(wanted, listed.c))


def _with_few(
    wanted: Wanted, facts: Any, few: Any, model_id: Any, num: tuple[Key, Key] | None = None
) -> Any:
    """Facts of a model, and of its first versions, which are not in the index of facts. Each comes
    in the order of the page, so that PostgreSQL merges them and sorts neither."""
    first, second = ([], []) if num is None else ([num[0].order_by], [num[1].order_by])
    first += [key.order_by for key in last_keys(wanted, Fact)]
    second += [key.order_by for key in last_keys(wanted, Version)]
    in_index = facts.where(Fact.model_id == model_id, Fact.number > _FEW).order_by(*first)
    below = few.where(
        Version.model_id == model_id, Version.number <= _FEW, Version.deleted_at.is_(None)
    )
    return union_all(in_index, below.order_by(*second))


def by_number(
    wanted: Wanted, order: Order, limits: Range | None, model_id: Any | None
) -> Select[Any]:
    """Those that have a number under the first key, in its order, and then the others, unless
    `limits` says that only those between two numbers are wanted."""
    nulls_only = wanted.after is not None and wanted.after[0] is None
    with_it = _having(wanted, order, limits, model_id, dropped=_kinds(order) - 1)
    if limits is not None:
        return with_it
    without = _lacking(wanted, model_id)
    if nulls_only:
        return without
    # Appended, not merged: the others are looked for only where there are too few before them.
    later = union_all(_bracketed(with_it), _bracketed(without)).subquery("both")
    return select(later).limit(wanted.rows)


def _bracketed(statement: Select[Any]) -> Select[Any]:
    return select(statement.subquery())


def _kinds(order: Order) -> int:
    """How many sort keys a field makes."""
    return len(list(sort_keys([order])))


def _having(
    wanted: Wanted, order: Order, limits: Range | None, model_id: Any | None, *, dropped: int
) -> Select[Any]:
    value = version_place(order.field).value(Kind.NUMBER)
    name = ".".join(_steps(order))
    span = limits or Range(name)
    facts: Any = select(Fact.version_id, Fact.num, Fact.created_at, Fact.number).where(
        _in_range(span)
    )
    if wanted.after is not None and wanted.after[0] is not None:
        facts = facts.where(Key(Fact.num, NUMBER, order.descending).from_here(wanted.after[0]))
    if model_id is not None:
        few = select(Version.id, value.label("num"), Version.created_at, Version.number)
        both = (
            Key(Fact.num, NUMBER, order.descending),
            Key(value, NUMBER, order.descending),
        )
        facts = _with_few(wanted, facts, few.where(value.is_not(None)), model_id, both)
    listed = facts.subquery("listed")
    source = listed.join(Version, Version.id == listed.c.version_id)
    first = Key(listed.c.num, NUMBER, order.descending)
    others = list(sort_keys(wanted.orders))[1 + dropped :]
    keys = [first, *[None] * dropped, *others, *last_keys(wanted, listed.c)]
    # Another key may have the same hash.
    narrowed = replace(wanted, extra=(*wanted.extra, value == listed.c.num))
    return page(narrowed, source, keys)


def _lacking(wanted: Wanted, model_id: Any | None) -> Select[Any]:
    """Those without a number under the first key: in the list's own order, where nothing else
    orders them."""
    keys = keys_of(wanted)
    started = wanted.after is not None and wanted.after[0] is None
    missing = keys[0].expression.is_(None)
    extra = (*wanted.extra, missing)
    if model_id is not None:
        extra = (*extra, Version.model_id == model_id)
    narrowed = replace(wanted, extra=extra, after=wanted.after if started else None)
    return page(narrowed, VERSIONS, [None, *keys[1:]])


def among(wanted: Wanted, lead: Lead, model_id: Any | None) -> Select[Any]:
    """Those that a lead leads to, which are known to be few, sorted."""
    each = [
        select(Fact.version_id).where(
            _in_range(one),
            *([] if model_id is None else [Fact.model_id == model_id, Fact.number > _FEW]),
        )
        for one in lead.ranges
    ]
    if model_id is not None:
        each.append(select(Version.id).where(Version.model_id == model_id, Version.number <= _FEW))
    every = union_all(*each).subquery("every")
    listed = select(every.c.version_id).distinct().offset(0).subquery("listed")
    source = listed.join(Version, Version.id == listed.c.version_id)
    return page(wanted, source, keys_of(wanted), fenced=True)


def count(lead: Lead, model_id: UUID | None, most: int) -> ColumnElement[int]:
    """How many facts a lead leads to, counted up to `most`."""
    each = [
        select(literal(1))
        .select_from(Fact)
        .where(
            _in_range(one),
            *([] if model_id is None else [Fact.model_id == model_id, Fact.number > _FEW]),
        )
        for one in lead.ranges
    ]
    some = select(union_all(*each).subquery()).limit(most).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _timed(wanted: Wanted, columns: Any) -> list[Condition]:
    """What the filter says of the time."""
    found: list[Condition] = []
    if wanted.bounds.since is not None:
        found.append(columns.created_at >= wanted.bounds.since)
    if wanted.bounds.until is not None:
        found.append(columns.created_at <= wanted.bounds.until)
    return found


def _in_range(one: Range) -> Condition:
    key = func.hashtextextended(literal(one.name, Text()), literal(0, BigInteger()))
    if one.text is not None:
        key = func.hashtextextended(literal(one.text, Text()), key)
        return and_(Fact.key == key, Fact.num == literal(Decimal(0), Numeric()))
    limits = [Fact.key == key]
    if one.low is not None and one.low == one.high:
        return and_(*limits, Fact.num == literal(one.low, Numeric()))
    if one.low is not None:
        limits.append(Fact.num >= literal(one.low, Numeric()))
    if one.high is not None:
        limits.append(Fact.num <= literal(one.high, Numeric()))
    return and_(*limits)
