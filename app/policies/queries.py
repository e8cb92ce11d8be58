"""Every SELECT on policies."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.tables import Model
from app.policies.tables import PolicyRevision


async def latest_default(session: AsyncSession, up_to: int | None = None) -> PolicyRevision:
    """The default policy: its latest revision, or the latest one up to a given revision."""
    statement = (
        select(PolicyRevision)
        .where(PolicyRevision.model_id.is_(None), PolicyRevision.body.is_not(None))
        .order_by(PolicyRevision.revision.desc())
        .limit(1)
    )
    if up_to is not None:
        statement = statement.where(PolicyRevision.revision <= up_to)
    return (await session.execute(statement)).scalar_one()


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
