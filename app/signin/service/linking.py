"""Saying by hand which account at a provider is which identity."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.problems import Conflict, NotFound
from app.identities import service as identities
from app.identities.tables import Identity
from app.signin import queries
from app.signin.problems import AccountLinked
from app.signin.schemas import LinkInput, LinkOutput, Links
from app.signin.tables import IdentityLink


async def links(session: AsyncSession, name: str) -> Links:
    """The accounts that are an identity."""
    identity = await identities.find(session, name)
    if identity is None:
        raise identities.no_identity(name)
    found = await queries.links_of(session, identity.id)
    return Links(items=[LinkOutput.model_validate(one) for one in found])


async def link(
    session: AsyncSession, actor: Actor, name: str, wanted: LinkInput
) -> tuple[LinkOutput, bool]:
    """Have an account be this person; answers the link, and whether it is new."""
    identity = await _held(session, name, wanted)
    if identity.kind != "user":
        raise Conflict(
            f"`{name}` is a service account, and accounts at a provider are people. For CI, tie "
            "an issuer's tokens to it (`POST /trust`)."
        )
    known = await queries.link(session, wanted.issuer, wanted.subject)
    if known is not None:
        if known.identity_id != identity.id:
            raise AccountLinked("This account is another identity's. Remove that link first.")
        return LinkOutput.model_validate(known), False
    made = IdentityLink(**wanted.model_dump(), identity_id=identity.id, linked_by=actor.name)
    session.add(made)
    await session.flush()
    await session.refresh(made)
    _record(session, actor, "identity.linked", identity, wanted)
    return LinkOutput.model_validate(made), True


async def unlink(session: AsyncSession, actor: Actor, name: str, named: LinkInput) -> None:
    """Have an account no longer be this person. Tokens of earlier sign-ins go on to their end; a
    code gives none any more, which could not tell by whose word it was given."""
    identity = await _held(session, name, named)
    known = await queries.link(session, named.issuer, named.subject)
    if known is None or known.identity_id != identity.id:
        raise NotFound(
            f"This account is not linked to `{name}`. `GET …/links` lists those that are."
        )
    await queries.forget_codes(session, identity.id)
    await session.delete(known)
    await session.flush()
    _record(session, actor, "identity.unlinked", identity, named)


async def _held(session: AsyncSession, name: str, account: LinkInput) -> Identity:
    """The account and then the identity, in the order in which a sign-in holds them."""
    await queries.hold_account(session, account.issuer, account.subject)
    identity = await queries.identity_named(session, name)
    if identity is None:
        raise identities.no_identity(name)
    return identity


def _record(
    session: AsyncSession, actor: Actor, action: str, identity: Identity, named: LinkInput
) -> None:
    subject = f"identity:{identity.name}"
    audit.record(session, actor, action, subject=subject, details=named.model_dump())
