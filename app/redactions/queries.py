"""Every SELECT on redactions, and on what they leave behind."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.audit.tables import Event
from app.models.tables import Model
from app.policies.tables import PolicyRevision
from app.promotions.tables import Promotion
from app.redactions.places import LEFT
from app.redactions.statements import BEHIND, FOR_GOOD, HOLDS_TEXT
from app.redactions.tables import Redaction, RedactionPlace
from app.versions.tables import Version


async def one(session: AsyncSession, redaction_id: UUID) -> Redaction | None:
    """The redaction of this id."""
    return await session.get(Redaction, redaction_id, populate_existing=True)


async def page(session: AsyncSession, *, after: UUID | None, limit: int) -> Sequence[Redaction]:
    """Redactions, the newest first: one more than `limit`."""
    statement = select(Redaction).order_by(Redaction.id.desc()).limit(limit + 1)
    if after is not None:
        statement = statement.where(Redaction.id < after)
    return (await session.execute(statement)).scalars().all()


async def places(session: AsyncSession, ids: list[UUID]) -> dict[UUID, dict[str, int]]:
    """For each of these redactions, in how many rows of which place the text stood."""
    found: dict[UUID, dict[str, int]] = {each: {} for each in ids}
    statement = (
        select(RedactionPlace)
        .where(RedactionPlace.redaction_id.in_(ids))
        .order_by(RedactionPlace.place)
    )
    for row in (await session.execute(statement)).scalars():
        found[row.redaction_id][row.place] = row.rows
    return found


async def stage_named(session: AsyncSession, wanted: str) -> str | None:
    """A stage whose name holds the text."""
    statement = text("select min(name) from stages where strpos(name, :text) > 0")
    found: str | None = (await session.execute(statement, {"text": wanted})).scalar_one()
    return found


async def still_there(session: AsyncSession, wanted: str) -> dict[str, int]:
    """In how many rows the text stays, of each place that is not rewritten."""
    found = {}
    for place, (table, column, _) in LEFT.items():
        statement = f"select count(*) from {table} where strpos({column}, :text) > 0"  # noqa: S608
        rows = (await session.execute(text(statement), {"text": wanted})).scalar_one()
        if rows:
            found[place] = int(rows)
    return found


async def rewritten_templates(session: AsyncSession, marker: str) -> Sequence[tuple[str, str]]:
    """(model, template) of the naming conventions that were rewritten."""
    statement = select(Model.name, Model.name_template).where(
        func.strpos(Model.name_template, marker) > 0
    )
    return [(name, template or "") for name, template in await session.execute(statement)]


async def undecided(session: AsyncSession, redaction_id: UUID) -> Sequence[Row[Model, Version]]:
    """The versions that a redaction rewrote and that an open promotion is about."""
    statement = (
        select(Model, Version)
        .join(Version, Version.model_id == Model.id)
        .where(
            Version.redaction_id == redaction_id,
            Version.id.in_(
                select(Promotion.version_id).where(Promotion.status.in_(("open", "approved")))
            ),
        )
        .order_by(Model.id, Version.number)
    )
    fresh = statement.execution_options(populate_existing=True)
    return (await session.execute(fresh)).all()


class RewrittenPolicy(NamedTuple):
    """A revision of a policy that a redaction rewrote: of which model (none: the default), whether
    it adds to the default, and whether no later one took its place."""

    revision: int
    model: str | None
    adds: bool
    in_force: bool
    body: dict[str, Any]


async def rewritten_policies(session: AsyncSession, redaction_id: UUID) -> list[RewrittenPolicy]:
    """The revisions that a redaction rewrote."""
    later = aliased(PolicyRevision)
    followed = (
        select(later.revision)
        .where(
            later.model_id.is_not_distinct_from(PolicyRevision.model_id),
            later.revision > PolicyRevision.revision,
        )
        .exists()
    )
    statement = (
        select(
            PolicyRevision.revision,
            Model.name,
            and_(Model.id.is_not(None), ~PolicyRevision.replaces_default),
            and_(~followed, Model.purged_at.is_(None)),
            PolicyRevision.body,
        )
        .outerjoin(Model, Model.id == PolicyRevision.model_id)
        .where(PolicyRevision.redaction_id == redaction_id, PolicyRevision.body.is_not(None))
        .order_by(PolicyRevision.revision)
    )
    return [RewrittenPolicy(*row) for row in await session.execute(statement)]


async def recalled_at(
    session: AsyncSession, redaction_id: UUID, marker: str
) -> tuple[str, int] | None:
    """A version (its model, its number) whose recall's time a redaction rewrote."""
    statement = (
        select(Model.name, Version.number)
        .join(Version, Version.model_id == Model.id)
        .where(
            Version.redaction_id == redaction_id,
            func.strpos(Version.recalled["at"].astext, marker) > 0,
        )
        .limit(1)
    )
    row = (await session.execute(statement)).first()
    return None if row is None else (row[0], row[1])


class Telling(NamedTuple):
    """An event that tells of a redaction and holds a text; `for_good` where that is how it names
    what was redacted."""

    id: int
    details: dict[str, Any]
    salt: bytes
    payload_sha256: str
    redaction_id: UUID | None
    for_good: bool


async def telling(session: AsyncSession, action: str, values: dict[str, Any]) -> list[Telling]:
    """The events of this action that hold the text."""
    statement = (
        select(
            *(Event.id, Event.payload, Event.salt, Event.payload_sha256, Event.redaction_id),
            text(FOR_GOOD),
        )
        .where(Event.action == action, text(HOLDS_TEXT))
        .order_by(Event.id)
    )
    return [Telling(*row) for row in await session.execute(statement, values)]


async def stand_behind(session: AsyncSession, redaction_id: UUID) -> bool:
    """Whether an event that this transaction redacted stands behind what it records itself."""
    values = {"redaction": str(redaction_id)}
    return bool((await session.execute(text(BEHIND), values)).scalar_one())
