"""Every SELECT on links and on sign-ins under way, and what takes a row at once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Text, cast, delete, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.tables import Event
from app.identities.tables import Identity
from app.signin.tables import IdentityLink, SignIn
from app.tokens.tables import Token


async def hold_account(session: AsyncSession, issuer: str, subject: str) -> None:
    """Let nobody else decide who this account is, until the end of the transaction."""
    key = func.hashtextextended(f"account {issuer} {subject}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def link(session: AsyncSession, issuer: str, subject: str) -> IdentityLink | None:
    """The link of an account."""
    return await session.get(IdentityLink, (issuer, subject), populate_existing=True)


async def links_of(session: AsyncSession, identity_id: UUID) -> Sequence[IdentityLink]:
    """The accounts that are an identity."""
    statement = select(IdentityLink).where(IdentityLink.identity_id == identity_id)
    ordered = statement.order_by(IdentityLink.issuer, IdentityLink.subject)
    return (await session.execute(ordered)).scalars().all()


async def identity(session: AsyncSession, identity_id: UUID | None) -> Identity | None:
    """An identity, which stays as it is until the end of the transaction."""
    statement = select(Identity).where(Identity.id == identity_id).with_for_update()
    found = await session.execute(statement.execution_options(populate_existing=True))
    return found.scalar_one_or_none()


async def identity_named(session: AsyncSession, name: str) -> Identity | None:
    """The identity of this name, which stays as it is until the end of the transaction."""
    if "\0" in name:
        return None
    statement = select(Identity).where(Identity.name == name).with_for_update()
    found = await session.execute(statement.execution_options(populate_existing=True))
    return found.scalar_one_or_none()


async def users_reached_at(session: AsyncSession, email: str) -> Sequence[Identity]:
    """The people whose address this is, in any case; they stay as they are. Under "C" only ASCII
    has cases: elsewhere other letters become ASCII ones, and so one address another."""
    same = func.lower(Identity.email.collate("C")) == func.lower(literal(email).collate("C"))
    statement = (
        select(Identity)
        .where(same, Identity.kind == "user")
        .order_by(Identity.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.execute(statement)).scalars().all()


async def is_linked(session: AsyncSession, identity_id: UUID, issuer: str) -> bool:
    """Whether an identity has an account at this provider already."""
    linked = exists().where(IdentityLink.identity_id == identity_id, IdentityLink.issuer == issuer)
    return bool((await session.execute(select(linked))).scalar_one())


async def take_begun(session: AsyncSession, state_sha256: str) -> SignIn | None:
    """The sign-in that the provider was asked for with this state, taken away: of two who come
    with one state, one gets it."""
    statement = (
        delete(SignIn)
        .where(
            SignIn.state_sha256 == state_sha256,
            SignIn.code_sha256.is_(None),
            SignIn.expires_at > func.clock_timestamp(),
        )
        .returning(SignIn)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def by_code(session: AsyncSession, code_sha256: str) -> SignIn | None:
    """The sign-in of a code, locked until the end of the transaction; whose it is first, in the
    order in which an account is unlinked."""
    whose = select(SignIn.identity_id).where(SignIn.code_sha256 == code_sha256)
    await identity(session, (await session.execute(whose)).scalar_one_or_none())
    statement = select(SignIn).where(SignIn.code_sha256 == code_sha256).with_for_update()
    found = await session.execute(statement.execution_options(populate_existing=True))
    return found.scalar_one_or_none()


async def tokens(session: AsyncSession, token_ids: set[UUID]) -> Sequence[Token]:
    """These tokens, locked until the end of the transaction: nothing is issued with them now."""
    statement = select(Token).where(Token.id.in_(token_ids)).order_by(Token.id).with_for_update()
    found = await session.execute(statement.execution_options(populate_existing=True))
    return found.scalars().all()


async def issued_with(session: AsyncSession, token_ids: set[UUID]) -> set[UUID]:
    """The tokens that were issued with these, as the record tells it."""
    statement = (
        select(Token.id)
        .join(Event, Event.subject == literal("token:").concat(cast(Token.id, Text)))
        .where(Event.action == "token.issued", Event.token_id.in_(token_ids))
    )
    return set((await session.execute(statement)).scalars())


async def forget_codes(session: AsyncSession, identity_id: UUID) -> None:
    """Have the codes of a person that are not used yet be good for nothing."""
    unused = delete(SignIn).where(SignIn.identity_id == identity_id, SignIn.used_at.is_(None))
    await session.execute(unused)


_said = (
    select(Event.id, Event.actor_id, Token.issuers, Identity.owner_id)
    .outerjoin(Token, Token.id == Event.token_id)
    .outerjoin(Identity, Identity.id == Event.actor_id)
    .order_by(Event.id.desc())
    .limit(1)
)
Said = Row[int, UUID | None, list[UUID] | None, UUID | None]


async def linked(session: AsyncSession, identity: Identity, link: IdentityLink) -> Said | None:
    """Who said last that this account is this person, as the record tells it."""
    statement = _said.where(
        Event.action == "identity.linked",
        Event.subject == f"identity:{identity.name}",
        Event.payload["issuer"].astext == link.issuer,
        Event.payload["subject"].astext == link.subject,
    )
    return (await session.execute(statement)).one_or_none()


async def reached_since(session: AsyncSession, identity: Identity, before: int) -> Said | None:
    """Who had set this person's address when that event came."""
    actions = ("identity.created", "identity.updated", "identity.disabled", "identity.enabled")
    statement = _said.where(
        Event.action.in_(actions),
        Event.subject == f"identity:{identity.name}",
        Event.payload.has_key("email"),
        Event.id < before,
    )
    return (await session.execute(statement)).one_or_none()


async def sweep(session: AsyncSession, before: datetime) -> int:
    """Remove the sign-ins that ended before this; answers how many."""
    statement = delete(SignIn).where(SignIn.expires_at < before).returning(SignIn.id)
    return len((await session.execute(statement)).all())
