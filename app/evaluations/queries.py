"""Every SELECT on evaluations."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.evaluations.tables import Evaluation


async def page(
    session: AsyncSession,
    version_id: UUID,
    *,
    dataset: str | None,
    sha256: str | None,
    after: UUID | None,
    limit: int,
) -> list[Evaluation]:
    """A version's evaluations, newest first, and one more than `limit`."""
    statement = (
        select(Evaluation)
        .where(Evaluation.version_id == version_id)
        .order_by(Evaluation.id.desc())
        .limit(limit + 1)
    )
    if dataset is not None:
        statement = statement.where(Evaluation.dataset_name == dataset)
    if sha256 is not None:
        statement = statement.where(Evaluation.dataset_sha256 == sha256)
    if after is not None:
        statement = statement.where(Evaluation.id < after)
    return list((await session.execute(statement)).scalars())


async def one(session: AsyncSession, version_id: UUID, evaluation_id: UUID) -> Evaluation | None:
    """An evaluation of this version."""
    statement = select(Evaluation).where(
        Evaluation.version_id == version_id, Evaluation.id == evaluation_id
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def newest_id(session: AsyncSession, version_id: UUID) -> UUID | None:
    """The id of a version's newest evaluation."""
    statement = (
        select(Evaluation.id)
        .where(Evaluation.version_id == version_id)
        .order_by(Evaluation.id.desc())
        .limit(1)
    )
    return (await session.execute(statement)).scalar_one_or_none()
