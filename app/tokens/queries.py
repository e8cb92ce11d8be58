"""Every SELECT on tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.actor import Actor
from app.identities.tables import Identity
from app.tokens.rules import LONG_LIVED, SOON
from app.tokens.tables import Token

Holder = aliased(Identity, name="holder")
Issuer = aliased(Identity, name="issuer")
Hand = aliased(Identity, name="hand")


def _visible(actor: Actor) -> ColumnElement[bool]:
    """Your own tokens and those of your service accounts; for an admin, all."""
    if actor.is_admin:
        return true()
    return or_(Token.identity_id == actor.identity_id, Holder.owner_id == actor.identity_id)


_now = func.statement_timestamp()
_works = and_(Token.revoked_at.is_(None), or_(Token.expires_at.is_(None), Token.expires_at > _now))
_expired = and_(Token.revoked_at.is_(None), Token.expires_at <= _now)
_lives_long = Token.expires_at - Token.created_at > LONG_LIVED
# As `rules.expires_soon` says it of one token.
_ends_soon = and_(
    _works, Token.expires_at <= _now + SOON, or_(_lives_long, Token.rotated_to.is_not(None))
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to."""

    identity: str | None = None
    status: str | None = None
    origin: str | None = None
    expiring: bool | None = None
    expires_before: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        found: list[ColumnElement[bool]] = []
        if self.identity is not None:
            found.append(Holder.name == self.identity)
        if self.status is not None:
            of = {"active": _works, "expired": _expired, "revoked": Token.revoked_at.is_not(None)}
            found.append(of[self.status])
        if self.origin is not None:
            found.append(Token.origin == self.origin)
        if self.expiring is not None:
            soon = func.coalesce(_ends_soon, False)
            found.append(soon if self.expiring else ~soon)
        if self.expires_before is not None:
            found.append(Token.expires_at < self.expires_before)
        return found


_hands = (
    select(func.array_agg(aggregate_order_by(Hand.name, Hand.name)))
    .where(Hand.id == func.any(Token.issuers))
    .correlate(Token)
    .scalar_subquery()
)


def _shown(actor: Actor) -> Select[Token, str, str, list[str] | None, datetime]:
    return (
        select(Token, Holder.name, Issuer.name, _hands, _now)
        .join(Holder, Holder.id == Token.identity_id)
        .outerjoin(Issuer, Issuer.id == Token.issued_by)
        .where(_visible(actor))
    )


async def one(
    session: AsyncSession, actor: Actor, token_id: UUID, *, lock: bool = False
) -> Row[Token, str, str, list[str] | None, datetime] | None:
    """A token that the actor can see, with the names of whose it is, who issued it and who had a
    hand in it, and the time; locked until the end of the transaction if asked."""
    statement = _shown(actor).where(Token.id == token_id)
    if lock:
        statement = statement.with_for_update(of=Token).execution_options(populate_existing=True)
    return (await session.execute(statement)).one_or_none()


async def used(session: AsyncSession, token_id: UUID | None) -> Token | None:
    """The token that a request came with, held against being revoked meanwhile."""
    statement = select(Token).where(Token.id == token_id).with_for_update(read=True)
    return (await session.execute(statement)).scalar_one_or_none()


async def hold(session: AsyncSession, token_ids: set[UUID]) -> dict[UUID, Token]:
    """These tokens, fresh and held. In one order, so that two that replace each other wait and do
    not stand in each other's way."""
    statement = select(Token).where(Token.id.in_(token_ids)).order_by(Token.id)
    held = await session.execute(
        statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    return {token.id: token for token in held.scalars()}


async def page(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, after: UUID | None, limit: int
) -> Sequence[Row[Token, str, str, list[str] | None, datetime]]:
    """Tokens that the actor can see, the oldest first: one more than `limit`, to tell whether
    there is a next page."""
    statement = _shown(actor).where(*wanted.conditions()).order_by(Token.id).limit(limit + 1)
    if after is not None:
        statement = statement.where(Token.id > after)
    return (await session.execute(statement)).all()


async def to_warn_of(session: AsyncSession, limit: int) -> Sequence[Row[Token, str, str | None]]:
    """So many tokens that end soon and that nothing was said about, held; with whose they are and
    who owns that. Those that were replaced, or whose identity is disabled, concern nobody."""
    owner = aliased(Identity, name="owner")
    statement = (
        select(Token, Holder.name, owner.name)
        .join(Holder, Holder.id == Token.identity_id)
        .outerjoin(owner, owner.id == Holder.owner_id)
        .where(
            *(_works, _lives_long, Token.expires_at <= _now + SOON),
            *(Token.rotated_to.is_(None), Token.warned_at.is_(None), Holder.disabled_at.is_(None)),
        )
        .order_by(Token.expires_at, Token.id)
        .limit(limit)
        .with_for_update(of=Token, skip_locked=True, key_share=True)
    )
    return (await session.execute(statement)).all()


async def of_a_trust(
    session: AsyncSession, *, trust_id: UUID | None = None, holder_id: UUID | None = None
) -> Sequence[Row[Token, str]]:
    """The tokens that still work and came of this trust, or of any for this identity, locked."""
    statement = (
        select(Token, Holder.name)
        .join(Holder, Holder.id == Token.identity_id)
        .where(_works, Token.trust_id.is_not(None))
        .order_by(Token.id)
        .with_for_update(of=Token)
    )
    if trust_id is not None:
        statement = statement.where(Token.trust_id == trust_id)
    if holder_id is not None:
        statement = statement.where(Token.identity_id == holder_id)
    return (await session.execute(statement)).all()
