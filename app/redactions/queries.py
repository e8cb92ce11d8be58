"""Every SELECT on redactions, and on what they leave behind."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.tables import Model
from app.promotions.tables import Promotion
from app.redactions.places import LEFT
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


async def unreadable_template(session: AsyncSession, marker: str) -> Sequence[tuple[str, str]]:
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
