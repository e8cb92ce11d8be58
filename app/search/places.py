"""Where the values of fields are: columns, JSON, other tables. Keys are parameters.

No access may raise, whatever a row holds: JSON is read as a type only where it is of that type.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Numeric,
    Select,
    Text,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.models.tables import Counter, Model
from app.search.syntax import Field, Kind
from app.stages.rules import NO_STAGE
from app.stages.service import is_open, stage_of
from app.stages.tables import Alias, Tenure
from app.versions.tables import Author, Version

Json = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field's value is, read as a kind (null where it is absent or of another). Of a list
    `rows` has a row for each entry. `json` is what an open field holds, of whatever type."""

    value: Callable[[Kind], ColumnElement[Any]]
    nullable: bool = True
    rows: Select[Any] | None = None
    json: Json | None = None


PlaceOf = Callable[[Field], Place]


def version_place(field: Field) -> Place:
    """Where a version's field is, in a statement over Version and Model."""
    if field.root in _VERSION_COLUMNS:
        return _VERSION_COLUMNS[field.root]
    if field.root in {"datasets", "preprocessing"}:
        return _entries(getattr(Version, field.root), field.path[0])
    if field.kind is Kind.OPEN:
        base, keys = _open_base(field)
        return _in_json(_open(base, keys, exact=field.exact))
    return _in_json(_steps(getattr(Version, field.root), field.path))


def model_place(field: Field) -> Place:
    """Where a model's field is, in a statement over Model and Counter."""
    if field.root in _MODEL_COLUMNS:
        return _MODEL_COLUMNS[field.root]
    return _in_json(_steps(getattr(Model, field.root), field.path))


def typed(value: Json, kind: Kind) -> ColumnElement[Any]:
    """JSON as a kind, or null where it is of another."""
    if kind in {Kind.NUMBER, Kind.INTEGER}:
        return _guarded(value, "number", cast(value, Numeric()))
    if kind is Kind.BOOLEAN:
        return _guarded(value, "boolean", cast(value, Boolean()))
    as_text = value.op("#>>", return_type=Text())(literal_column("'{}'::text[]"))
    return _guarded(value, "string", as_text)


def _guarded(value: Json, kind: str, read: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((func.jsonb_typeof(value) == literal_column(f"'{kind}'"), read))


def _in_json(value: Json) -> Place:
    return Place(lambda kind: typed(value, kind), json=value)


def _steps(base: Any, path: tuple[str, ...]) -> Json:
    """The way through objects; a list has no keys."""
    value: Json = base
    for step in path:
        value = value.op("->", return_type=JSONB())(literal(step, Text()))
    return value


def _open_base(field: Field) -> tuple[Json, tuple[str, ...]]:
    """The open JSON that a field is in: a column, or for the environment its first part."""
    whole = getattr(Version, field.root)
    if field.root == "params":
        return whole, field.path
    return _steps(whole, field.path[:1]), field.path[1:]


def _open(base: Json, keys: tuple[str, ...], *, exact: bool) -> Json:
    """As naming conventions find it: a key with dots in it, else the one in nested objects."""
    nested = _steps(base, keys)
    if exact or len(keys) < 2:
        return nested
    whole = literal(".".join(keys), Text())
    has_it = func.jsonb_exists(base, whole)
    return case((has_it, base.op("->", return_type=JSONB())(whole)), else_=nested)


def _entries(objects: Any, part: str) -> Place:
    listed = case(
        (func.jsonb_typeof(objects) == literal_column("'array'"), objects),
        else_=literal_column("'[]'::jsonb"),
    )
    entry = func.jsonb_array_elements(listed).table_valued(column("value", JSONB), name="entry")
    value = _steps(entry.c.value, (part,))
    rows: Select[Any] = select(literal_column("1")).select_from(entry).correlate(Version)
    return Place(lambda kind: typed(value, kind), rows=rows)


def _column(value: Any, *, nullable: bool = False) -> Place:
    return Place(lambda _: value, nullable=nullable)


def _listed(value: Any, rows: Select[Any]) -> Place:
    return Place(lambda _: value, rows=rows)


_one: ColumnElement[Any] = literal_column("1")
_VERSION_COLUMNS: Mapping[str, Place] = {
    "model": _column(Model.name),
    "number": _column(Version.number),
    "name": _column(Version.name, nullable=True),
    "description": _column(Version.description),
    "status": _column(Version.status),
    "stage": _column(func.coalesce(stage_of(Version.id), NO_STAGE)),
    "alias": _listed(
        Alias.name, select(_one).where(Alias.version_id == Version.id).correlate(Version)
    ),
    "author": _listed(
        Author.name, select(_one).where(Author.version_id == Version.id).correlate(Version)
    ),
    "seed": _column(Version.seed, nullable=True),
    "source": _column(Version.source, nullable=True),
    "size": _column(Version.size),
    "files_count": _column(Version.files_count),
    "manifest_sha256": _column(Version.manifest_sha256, nullable=True),
    "recipe_sha256": _column(Version.recipe_sha256, nullable=True),
    "recalled": _column(Version.recalled.is_not(None)),
    "created_by": _column(Version.created_by),
    "created_at": _column(Version.created_at),
    "ready_at": _column(Version.ready_at, nullable=True),
}
_MODEL_COLUMNS: Mapping[str, Place] = {
    "name": _column(Model.name),
    "description": _column(Model.description),
    "name_template": _column(Model.name_template, nullable=True),
    "created_by": _column(Model.created_by),
    "created_at": _column(Model.created_at),
    "updated_at": _column(Model.updated_at),
    "latest_version": _column(Counter.latest_ready, nullable=True),
    "stage": _listed(
        Tenure.stage,
        select(_one).where(Tenure.model_id == Model.id, is_open).correlate(Model),
    ),
    "alias": _listed(Alias.name, select(_one).where(Alias.model_id == Model.id).correlate(Model)),
}
