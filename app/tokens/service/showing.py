"""Showing tokens, without their secrets."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.etags import etag, since_redaction
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import NotFound
from app.tokens import queries, rules
from app.tokens.queries import Wanted
from app.tokens.schemas import TokenOutput, expires_soon
from app.tokens.tables import Token


async def get(session: AsyncSession, actor: Actor, token_id: UUID) -> tuple[TokenOutput, str]:
    """A token with its ETag."""
    found = await queries.one(session, actor, token_id)
    if found is None:
        raise no_token(token_id)
    return TokenOutput.of(*found), tag_of(found[0], found[-1])


async def page(
    session: AsyncSession, actor: Actor, wanted: Wanted, *, cursor: str | None, limit: int
) -> Page[TokenOutput]:
    """A page of the tokens that the actor can see, the oldest first."""
    after = cursor_id(cursor)
    found = await queries.page(session, actor, wanted, after=after, limit=limit)
    rows, more = cut(found, limit)
    return Page(
        items=[TokenOutput.of(*row) for row in rows],
        next_cursor=encode_cursor(rows[-1][0].id) if more else None,
    )


def tag_of(token: Token, now: datetime) -> str:
    """The ETag of a token: what anybody, or time, changes of it. Its last use does not count, or a
    token could not be revoked by who has just looked at it."""
    return etag(
        1 if token.revoked_at is None else 2,
        int(token.rotated_to is not None),
        int(rules.status(None, token.expires_at, now) == "expired"),
        int(expires_soon(token, now)),
        *since_redaction(token.redaction_id),
    )


def no_token(token_id: UUID) -> NotFound:
    """The problem with an id that names no token of the actor's."""
    return NotFound(
        f"There is no token {token_id}, or it is hidden from you. `GET /tokens` lists yours."
    )
