"""Every SELECT on tokens."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.identities.tables import Identity
from app.tokens.tables import Token

Holder = aliased(Identity, name="holder")
Issuer = aliased(Identity, name="issuer")


def _visible(actor: Actor) -> ColumnElement[bool]:
    """Your own tokens and those of your service accounts; for an admin, all."""
    if actor.is_admin:
        return true()
    return or_(Token.identity_id == actor.identity_id, Holder.owner_id == actor.identity_id)


def _shown(actor: Actor) -> Select[Token, str, str]:
    return (
        select(Token, Holder.name, Issuer.name)
        .join(Holder, Holder.id == Token.identity_id)
        .outerjoin(Issuer, Issuer.id == Token.issued_by)
        .where(_visible(actor))
    )


async def one(
    session: AsyncSession, actor: Actor, token_id: UUID, *, lock: bool = False
) -> Row[Token, str, str] | None:
    """A token that the actor can see; locked until the end of the transaction if asked."""
    statement = _shown(actor).where(Token.id == token_id)
    if lock:
        statement = statement.with_for_update(of=Token).execution_options(populate_existing=True)
    return (await session.execute(statement)).one_or_none()


async def used(session: AsyncSession, token_id: UUID | None) -> Token | None:
    """The token that a request came with, held against being revoked meanwhile."""
    statement = select(Token).where(Token.id == token_id).with_for_update(read=True)
    return (await session.execute(statement)).scalar_one_or_none()


async def page(
    session: AsyncSession, actor: Actor, *, identity: str | None, after: UUID | None, limit: int
) -> Sequence[Row[Token, str, str]]:
    """Tokens that the actor can see, the oldest first: one more than `limit`, to tell whether
    there is a next page."""
    statement = _shown(actor).order_by(Token.id).limit(limit + 1)
    if identity is not None:
        statement = statement.where(Holder.name == identity)
    if after is not None:
        statement = statement.where(Token.id > after)
    return (await session.execute(statement)).all()
