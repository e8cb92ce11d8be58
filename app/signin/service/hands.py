"""By whose word somebody signs in as a person: it speaks with their voice as well."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.identities.tables import Identity
from app.signin import queries


async def hands_in(session: AsyncSession, identity: Identity, issuer: str | None) -> set[UUID]:
    """Who linked an account at this provider to the person by hand or, where the account was
    recognised by its address, who had put that there; with all who had a hand in their tokens.
    Nobody, for whom a sign-in made."""
    found: set[UUID] = set()
    for link in await queries.links_of(session, identity.id):
        if link.issuer != issuer:
            continue
        said = await queries.linked(session, identity, link)
        if said is not None and said.actor_id is None:
            said = await queries.reached_since(session, identity, said.id)
        if said is not None and said.actor_id is not None:
            found |= {said.actor_id, *(said.issuers or ())}
            found |= {said.owner_id} if said.owner_id else set()
    return found
