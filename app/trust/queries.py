"""Every SELECT on trusts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.identities.tables import Identity
from app.trust.tables import Trust, UsedAssertion


def _shown() -> Select[Trust, str]:
    return select(Trust, Identity.name).join(Identity, Identity.id == Trust.identity_id)


async def one(session: AsyncSession, name: str, *, lock: bool = False) -> Row[Trust, str] | None:
    """The trust of this name, as written, with its service account's; locked if asked."""
    if "\0" in name:
        return None
    statement = _shown().where(Trust.name == name)
    if lock:
        statement = statement.with_for_update(of=Trust).execution_options(populate_existing=True)
    return (await session.execute(statement)).one_or_none()


async def page(
    session: AsyncSession, *, after: UUID | None, limit: int
) -> Sequence[Row[Trust, str]]:
    """Trusts, the oldest first: one more than `limit`, to tell whether there is a next page."""
    statement = _shown().order_by(Trust.id).limit(limit + 1)
    if after is not None:
        statement = statement.where(Trust.id > after)
    return (await session.execute(statement)).all()


async def of_issuer(
    session: AsyncSession, issuer: str, name: str | None, *, hold: bool = False
) -> Sequence[Row[Trust, Identity]]:
    """The trusts in an issuer (the one of this name, if given) whose service account works; held
    against being changed meanwhile, if asked."""
    statement = (
        select(Trust, Identity)
        .join(Identity, Identity.id == Trust.identity_id)
        .where(Trust.issuer == issuer, Identity.disabled_at.is_(None))
        .order_by(Trust.id)
    )
    if name is not None:
        statement = statement.where(Trust.name == name)
    if hold:
        statement = statement.with_for_update(read=True)
    return (await session.execute(statement)).all()


async def service_account(session: AsyncSession, name: str) -> Identity | None:
    """The enabled service account of this name, which stays so until the transaction ends."""
    statement = select(Identity).where(
        Identity.name == name, Identity.kind == "service", Identity.disabled_at.is_(None)
    )
    return (await session.execute(statement.with_for_update(read=True))).scalar_one_or_none()


async def was_used(session: AsyncSession, digest: str) -> bool:
    """Whether a token was exchanged already."""
    statement = select(UsedAssertion.digest).where(UsedAssertion.digest == digest)
    return (await session.execute(statement)).first() is not None
