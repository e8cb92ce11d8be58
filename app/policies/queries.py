"""Every SELECT on policies."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.identities.tables import Group, Identity
from app.models.tables import Model
from app.policies.tables import PolicyRevision


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions that a policy in force is made of: the default's, and the latest of the
    model's own, where it ever had one."""

    default: PolicyRevision
    own: PolicyRevision | None

    @property
    def latest(self) -> int:
        """The number under which what they make together stands."""
        return max(self.default.revision, self.own.revision if self.own else 0)

    @property
    def flags(self) -> tuple[str, ...]:
        """What is flagged about it."""
        rows = [row for row in (self.default, self.own) if row is not None]
        flags = {
            "loosened": any(row.loosened for row in rows),
            "replaces_default": any(row.replaces_default for row in rows),
        }
        return tuple(flag for flag, is_set in flags.items() if is_set)

    @property
    def addition(self) -> PolicyRevision | None:
        """The model's own policy; None where it has none, or not any more."""
        return self.own if self.own is not None and self.own.body is not None else None


async def revisions(
    session: AsyncSession, model_id: UUID | None, up_to: int | None = None
) -> Revisions:
    """The latest revisions, or the latest up to a given one; without a model the default's."""
    concerned: ColumnElement[bool] = PolicyRevision.model_id.is_(None)
    if model_id is not None:
        concerned = or_(concerned, PolicyRevision.model_id == model_id)
    statement = (
        select(PolicyRevision)
        .where(concerned)
        .ext(distinct_on(PolicyRevision.model_id))
        .order_by(PolicyRevision.model_id, PolicyRevision.revision.desc())
    )
    if up_to is not None:
        statement = statement.where(PolicyRevision.revision <= up_to)
    by_model = {row.model_id: row for row in (await session.execute(statement)).scalars()}
    return Revisions(by_model[None], by_model.get(model_id) if model_id else None)


async def last_unflagged(session: AsyncSession, model_id: UUID | None, now: Revisions) -> Revisions:
    """The latest of a model's own revisions that is not flagged as loosened, with the default as it
    is now; without a model that of the default."""
    statement = (
        select(PolicyRevision)
        .where(_of(model_id), ~PolicyRevision.loosened)
        .order_by(PolicyRevision.revision.desc())
        .limit(1)
    )
    found = (await session.execute(statement)).scalar_one_or_none()
    if model_id is None:
        return Revisions(found or now.default, None)
    return Revisions(now.default, found)


async def last_with_stage(
    session: AsyncSession, model_id: UUID | None, stage: str
) -> dict[str, Any] | None:
    """The body of the latest revision of the default, or of a model's own, that has a stage and is
    not flagged as loosened."""
    statement = (
        select(PolicyRevision.body)
        .where(
            or_(_of(None), _of(model_id)),
            ~PolicyRevision.loosened,
            PolicyRevision.body.contains({"stages": [{"name": stage}]}),
        )
        .order_by(PolicyRevision.revision.desc())
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()


def _of(model_id: UUID | None) -> ColumnElement[bool]:
    return PolicyRevision.model_id.is_not_distinct_from(model_id)


async def of_every_model(session: AsyncSession) -> list[PolicyRevision]:
    """The latest revision of every model's own policy, where it has one."""
    latest = (
        select(PolicyRevision)
        .where(PolicyRevision.model_id.is_not(None))
        .ext(distinct_on(PolicyRevision.model_id))
        .order_by(PolicyRevision.model_id, PolicyRevision.revision.desc())
    )
    found = (await session.execute(latest)).scalars()
    return [row for row in found if row.body is not None]


async def by_revision(
    session: AsyncSession, revision: int
) -> tuple[PolicyRevision, str | None] | None:
    """One revision, and the name of the model that it belongs to (none: the default policy)."""
    found = await session.execute(
        select(PolicyRevision, Model.name)
        .outerjoin(Model, Model.id == PolicyRevision.model_id)
        .where(PolicyRevision.revision == revision)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def groups_named(session: AsyncSession, names: Iterable[str]) -> dict[str, str]:
    """How groups are written, by their names in lower case."""
    return await _named(session, Group, names)


async def identities_named(session: AsyncSession, names: Iterable[str]) -> dict[str, str]:
    """How identities are written, by their names in lower case."""
    return await _named(session, Identity, names)


async def _named(
    session: AsyncSession, kind: type[Group] | type[Identity], names: Iterable[str]
) -> dict[str, str]:
    wanted = {name.lower() for name in names}
    if not wanted:
        return {}
    found = await session.execute(select(kind.name).where(func.lower(kind.name).in_(wanted)))
    return {name.lower(): name for name in found.scalars()}


async def model_names(session: AsyncSession, model_ids: list[UUID]) -> dict[UUID, str]:
    """What models are called."""
    found = await session.execute(select(Model.id, Model.name).where(Model.id.in_(model_ids)))
    return {row[0]: row[1] for row in found}
