"""Orders as keys of pages: what lacks a value comes last, in both directions."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, collate, func

from app.core.db import Sha256
from app.search import keyset
from app.search.keyset import Codec, Key
from app.search.places import Place, PlaceOf, version_place
from app.search.syntax import Kind, Order

# Texts are ordered by their beginning, so that a cursor stays short. Names are whole, and in the
# order of their indexes.
ORDERED_CHARACTERS = 100
WHOLE = frozenset({"name", "model"})
# An open field has values of several types: numbers come first, then texts, then true and false.
OPEN_KINDS = (Kind.NUMBER, Kind.TEXT, Kind.BOOLEAN)
_DIGEST = Codec(Sha256(), lambda text: bytes.fromhex(text).hex())


def sort_keys(orders: Iterable[Order], place_of: PlaceOf = version_place) -> Iterator[Key]:
    """The keys of an order, without the unique one that has to end it."""
    for order in orders:
        place = place_of(order.field)
        if order.field.kind is Kind.OPEN:
            for kind in OPEN_KINDS:
                yield _key(order, place, kind)
        else:
            yield _key(order, place, order.field.kind)


def _key(order: Order, place: Place, kind: Kind) -> Key:
    value, codec = _sortable(place.value(kind), kind, whole=order.field.root in WHOLE)
    return Key(value, codec, order.descending, place.nullable)


def _sortable(value: Any, kind: Kind, *, whole: bool) -> tuple[ColumnElement[Any], Codec]:
    if kind is Kind.DIGEST and isinstance(value.type, Sha256):
        return value, _DIGEST
    if kind in _CODECS:
        return value, _CODECS[kind]
    return (value if whole else collate(func.left(value, ORDERED_CHARACTERS), "C")), keyset.TEXT


_CODECS = {
    Kind.NUMBER: keyset.NUMBER,
    Kind.INTEGER: keyset.INTEGER,
    Kind.TIME: keyset.TIME,
    Kind.BOOLEAN: keyset.BOOLEAN,
}
