"""What is read of a version to show it, and nothing else: JSON as PostgreSQL has it, as text."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Text,
    Uuid,
    any_,
    cast,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.schemas import rfc3339
from app.models.tables import Model
from app.stages.service import aliases_of, stage_of
from app.versions import queries
from app.versions.queries import VersionView
from app.versions.tables import Version

JSON_COLUMNS = (
    *("failure", "tags", "params", "metrics", "code", "datasets", "preprocessing"),
    *("environment", "signature", "run", "recalled"),
)


class Shown(NamedTuple):
    """A version as it is read to be shown. What is JSON is its text, times are RFC 3339, digests
    are hex."""

    id: UUID
    revision: int
    model: str
    number: int
    name: str | None
    status: str
    failure: str | None
    bytes_verified: int | None
    bytes_to_verify: int | None
    stage: str | None
    aliases: list[str] | None
    description: str
    tags: str
    params: str
    metrics: str
    code: str | None
    datasets: str
    preprocessing: str
    environment: str | None
    seed: int | None
    signature: str | None
    parents: str | None
    run: str | None
    source: str | None
    files_count: int
    size: int
    manifest_sha256: str | None
    recipe_sha256: str | None
    recalled: str | None
    redacted: str | None
    overridden: bool
    authors: list[str] | None
    created_by: str
    created_at: str
    updated_at: str
    ready_at: str | None


def _time(column: Any) -> ColumnElement[str]:
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')


def _column(name: str) -> ColumnElement[Any]:
    if name in JSON_COLUMNS:
        return cast(getattr(Version, name), Text)
    if name.endswith("_sha256"):
        return func.encode(type_coerce(getattr(Version, name), LargeBinary), "hex")
    if name.endswith("_at"):
        return _time(getattr(Version, name))
    found: ColumnElement[Any] = getattr(Version, name)
    return found


_AROUND: dict[str, Any] = {
    "model": Model.name,
    "stage": stage_of(Version.id),
    "aliases": aliases_of(Version.id),
    "parents": cast(queries.parents, Text),
    "redacted": cast(queries.redacted, Text),
    "authors": queries.authors,
}
# In the order of `Shown`; whoever needs it joins more, and says which versions.
COLUMNS = tuple(
    (_AROUND[name] if name in _AROUND else _column(name)).label(name) for name in Shown._fields
)
statement = (
    select(*COLUMNS)
    .select_from(Version)
    .join(Model, Model.id == Version.model_id)
    .where(Version.deleted_at.is_(None), Model.deleted_at.is_(None))
)


async def of(session: AsyncSession, version_id: UUID) -> Shown:
    """One version, fresh from PostgreSQL."""
    return Shown(*(await session.execute(statement.where(Version.id == version_id))).one())


async def of_ids(session: AsyncSession, version_ids: Sequence[UUID]) -> list[Shown]:
    """These versions, fresh from PostgreSQL, in any order and without those that were deleted."""
    listed = Version.id == any_(literal(list(version_ids), ARRAY(Uuid)))
    return [Shown(*row) for row in await session.execute(statement.where(listed))]


def from_view(view: VersionView) -> Shown:
    """The same of a version that was read as a row to work with."""
    version = view.version
    values: dict[str, Any] = {
        name: getattr(version, name) for name in Shown._fields if hasattr(version, name)
    }
    for name in JSON_COLUMNS:
        values[name] = _text(values[name])
    for name in ("created_at", "updated_at", "ready_at"):
        values[name] = None if values[name] is None else rfc3339(values[name])
    return Shown(
        **values,
        model=view.model,
        stage=view.stage,
        aliases=view.aliases,
        parents=_text(view.parents),
        redacted=_text(view.redacted),
        authors=view.authors,
    )


def _text(value: Any) -> str | None:
    return None if value is None else to_json(value).decode()
