"""Every SELECT on versions."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    column,
    func,
    literal,
    or_,
    select,
    table,
    text,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.models.tables import Counter, Model
from app.stages.rules import Ref
from app.stages.service import aliases_of, is_open, resolves, stage_of
from app.stages.tables import Alias, Stage, Tenure
from app.versions.tables import Author, Parent, Version


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version with what stands around it: all that an answer shows."""

    version: Version
    model: str
    stage: str | None
    aliases: list[str]
    authors: list[str]
    parents: list[dict[str, Any]]
    redacted: dict[str, Any] | None


HOLDERS_SHOWN = 100
_ParentVersion = aliased(Version)
_ParentModel = aliased(Model)
authors = (
    select(func.array_agg(aggregate_order_by(Author.name, Author.first_wrote_at, Author.name)))
    .where(Author.version_id == Version.id)
    .correlate(Version)
    .scalar_subquery()
)
parents = (
    select(
        func.json_agg(
            aggregate_order_by(
                func.json_build_object(
                    "model", _ParentModel.name, "version", _ParentVersion.number
                ),
                Parent.position,
            )
        )
    )
    .join(_ParentVersion, _ParentVersion.id == Parent.parent_id)
    .join(_ParentModel, _ParentModel.id == _ParentVersion.model_id)
    .where(Parent.version_id == Version.id)
    .correlate(Version)
    .scalar_subquery()
)
# The table lies in a room above.
_redactions = table("redactions", column("id"), column("at"), column("reason"))
redacted = (
    select(
        func.json_build_object(
            *("id", _redactions.c.id, "at", _redactions.c.at, "reason", _redactions.c.reason)
        )
    )
    .where(_redactions.c.id == Version.redaction_id)
    .correlate(Version)
    .scalar_subquery()
)
views = (
    select(
        Version,
        Model.name,
        stage_of(Version.id).label("stage"),
        aliases_of(Version.id).label("aliases"),
        authors.label("authors"),
        parents.label("parents"),
        redacted.label("redacted"),
    )
    .join(Model, Model.id == Version.model_id)
    .where(Version.deleted_at.is_(None), Model.deleted_at.is_(None))
)


def as_view(row: Any) -> VersionView:
    """One row of `views`."""
    version, model, stage, aliases, wrote, made_from, secret = row
    return VersionView(version, model, stage, aliases or [], wrote or [], made_from or [], secret)


async def resolve_views(session: AsyncSession, model: str, ref: Ref) -> list[VersionView]:
    """What a reference means in a model of this name, in one statement: at most two versions."""
    statement = views.join(Counter, Counter.model_id == Model.id).where(
        Model.name == model, _means(ref)
    )
    rows = await session.execute(statement.limit(2))
    return [as_view(row) for row in rows]


def _means(ref: Ref) -> Any:
    return resolves(
        ref,
        model_id=Model.id,
        latest_ready=Counter.latest_ready,
        version_id=Version.id,
        number=Version.number,
    )


async def resolve_versions(session: AsyncSession, model_id: UUID, ref: Ref) -> list[Version]:
    """What a reference means, as rows to work with: at most two."""
    statement = (
        select(Version)
        .join(Model, Model.id == Version.model_id)
        .join(Counter, Counter.model_id == Model.id)
        .where(Version.model_id == model_id, Version.deleted_at.is_(None), _means(ref))
        .limit(2)
    )
    return list((await session.execute(statement)).scalars())


async def model_is_absent(session: AsyncSession, name: str) -> bool:
    """Whether there is no model of this name to have versions."""
    found = select(Model.id).where(Model.name == name, Model.deleted_at.is_(None))
    return (await session.execute(found)).first() is None


async def by_number(session: AsyncSession, model_id: UUID, number: int) -> Version | None:
    """The version of this number that is not deleted."""
    return await _first(session, model_id, Version.number == number)


async def by_name(session: AsyncSession, model_id: UUID, name: str) -> Version | None:
    """The version of this name, in any case, that is not deleted."""
    return await _first(session, model_id, Version.name_key == name.lower())


async def _first(
    session: AsyncSession, model_id: UUID, condition: ColumnElement[bool]
) -> Version | None:
    statement = select(Version).where(
        Version.model_id == model_id, Version.deleted_at.is_(None), condition
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def view_of(session: AsyncSession, version_id: UUID) -> VersionView:
    """A version with all that an answer shows, fresh from PostgreSQL."""
    statement = views.where(Version.id == version_id).execution_options(populate_existing=True)
    return as_view((await session.execute(statement)).one())


async def unlocked(session: AsyncSession, version_id: UUID) -> Version:
    """The version's row, fresh."""
    statement = select(Version).where(Version.id == version_id)
    fresh = statement.execution_options(populate_existing=True)
    return (await session.execute(fresh)).scalar_one()


async def locked(session: AsyncSession, version_id: UUID) -> Version:
    """The version's row, fresh, locked until the end of the transaction."""
    statement = (
        select(Version)
        .where(Version.id == version_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalar_one()


@dataclass(slots=True)
class Holdings:
    """Who holds what in a model: stage to numbers, alias to number."""

    stages: dict[str, list[int]]
    aliases: dict[str, int]


async def holdings(session: AsyncSession, model_ids: list[UUID]) -> dict[UUID, Holdings]:
    """Who holds what in each of these models, in one statement."""
    found = {model_id: Holdings({}, {}) for model_id in model_ids}
    # For each stage the newest holders only: everything that ever left production is archived.
    newest = (
        select(Tenure.version_id)
        .where(Tenure.model_id == Model.id, Tenure.stage == Stage.name, is_open)
        .order_by(Tenure.version_id.desc())
        .limit(HOLDERS_SHOWN)
        .lateral("newest")
    )
    held = (
        select(Model.id, literal("stage"), Stage.name, Version.number)
        .join(Stage, or_(Stage.model_id.is_(None), Stage.model_id == Model.id))
        .join(newest, true())
        .join(Version, Version.id == newest.c.version_id)
        .where(Model.id.in_(model_ids))
    )
    aliased_ = (
        select(Alias.model_id, literal("alias"), Alias.name, Version.number)
        .join(Version, Version.id == Alias.version_id)
        .where(Alias.model_id.in_(model_ids))
    )
    # A stage that the model's policy says more of is there twice: everybody's, and the model's.
    rows = await session.execute(union(held, aliased_).order_by(text("3, 4")))
    for model_id, kind, name, number in rows:
        if kind == "alias":
            found[model_id].aliases[name] = number
        else:
            found[model_id].stages.setdefault(name, []).append(number)
    return found


async def lock_parent(session: AsyncSession, model: str, ref: int | str) -> Version | None:
    """A version to become a parent, held so that it is not deleted meanwhile."""
    named = Version.number == ref if isinstance(ref, int) else Version.name_key == ref.lower()
    statement = (
        select(Version)
        .join(Model, Model.id == Version.model_id)
        .where(Model.name == model, Model.deleted_at.is_(None), Version.deleted_at.is_(None), named)
        .with_for_update(read=True, key_share=True, of=(Version, Model))
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def descends(session: AsyncSession, version_id: UUID, ancestor_id: UUID) -> bool:
    """Whether a version was made, at any distance, from another."""
    line = (
        select(Parent.parent_id).where(Parent.version_id == version_id).cte("line", recursive=True)
    )
    line = line.union(select(Parent.parent_id).join(line, Parent.version_id == line.c.parent_id))
    found = select(line.c.parent_id).where(line.c.parent_id == ancestor_id)
    return (await session.execute(found)).first() is not None


async def parent_ids(session: AsyncSession, version_id: UUID) -> list[str]:
    """The ids of a version's parents, in order."""
    statement = (
        select(Parent.parent_id).where(Parent.version_id == version_id).order_by(Parent.position)
    )
    return [str(each) for each in (await session.execute(statement)).scalars()]


async def children_of(session: AsyncSession, version_id: UUID) -> list[tuple[str, int]]:
    """(model, number) of the versions that name this one as a parent."""
    return await _children(session, Parent.parent_id == version_id)


async def children_elsewhere(session: AsyncSession, model_id: UUID) -> list[tuple[str, int]]:
    """(model, number) of versions of other models that name one of this model's as a parent."""
    own = select(Version.id).where(Version.model_id == model_id)
    return await _children(
        session, and_(Parent.parent_id.in_(own), _ParentVersion.model_id != model_id)
    )


async def _children(session: AsyncSession, condition: ColumnElement[bool]) -> list[tuple[str, int]]:
    statement = (
        select(_ParentModel.name, _ParentVersion.number)
        .join(_ParentVersion, _ParentVersion.model_id == _ParentModel.id)
        .join(Parent, Parent.version_id == _ParentVersion.id)
        .where(condition, _ParentVersion.deleted_at.is_(None), _ParentModel.purged_at.is_(None))
        .order_by(_ParentModel.name, _ParentVersion.number)
        .limit(20)
    )
    return [(name, number) for name, number in await session.execute(statement)]


async def held_stages(session: AsyncSession, model_id: UUID) -> list[tuple[int, str]]:
    """(number, stage) of versions that hold a stage other than `archived`."""
    statement = (
        select(Version.number, Tenure.stage)
        .join(Tenure, Tenure.version_id == Version.id)
        .where(Version.model_id == model_id, is_open, Tenure.stage != "archived")
        .order_by(Version.number)
        .limit(20)
    )
    return [(number, stage) for number, stage in await session.execute(statement)]


async def latest_ready(session: AsyncSession, model_id: UUID) -> int | None:
    """The highest ready number of a model."""
    statement = (
        select(Version.number)
        .where(
            Version.model_id == model_id, Version.deleted_at.is_(None), Version.status == "ready"
        )
        .order_by(Version.number.desc())
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def undeleted(session: AsyncSession, model_id: UUID) -> list[Version]:
    """All versions of a model that are not deleted, newest first (children before parents)."""
    statement = (
        select(Version)
        .where(Version.model_id == model_id, Version.deleted_at.is_(None))
        .order_by(Version.number.desc())
    )
    return list((await session.execute(statement)).scalars())
