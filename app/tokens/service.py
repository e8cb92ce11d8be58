"""Issuing and revoking tokens."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import RIGHTS, Actor
from app.core.db import announce, clock
from app.core.etags import check_if_match, etag
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import Conflict, NotAllowed, NotAuthenticated, NotFound
from app.identities import service as identities
from app.identities.problems import unknown_subject
from app.identities.tables import Identity
from app.tokens import queries, rules
from app.tokens.schemas import TokenInput, TokenOutput
from app.tokens.tables import Token


def issued(
    holder: Identity, name: str, secret: str, signing_key: bytes, scopes: list[str]
) -> Token:
    """A token with this secret, of which only a digest is kept."""
    return Token(
        identity_id=holder.id,
        name=name,
        digest=rules.digest_of_secret(secret, signing_key),
        hint=rules.hint_of(secret),
        scopes=sorted(set(scopes)),
    )


async def recipient(session: AsyncSession, actor: Actor, wanted: TokenInput) -> Identity:
    """Whose the wanted token will be, if the actor may issue it: for themself, for a service
    account of theirs or, as an admin, for anybody; and never one that may do more than the token
    they use."""
    holder = await _holder(session, actor, wanted.identity)
    excess = rules.beyond(actor.scopes, actor.token_models, wanted.scopes, _models(actor, wanted))
    if excess is not None:
        raise NotAllowed(
            f"The token that you use has not {excess}, so it cannot issue one that has. Use a "
            "wider token, or ask for less."
        )
    return holder


async def _holder(session: AsyncSession, actor: Actor, name: str | None) -> Identity:
    holder = await identities.find(session, actor.name if name is None else name)
    if holder is None:
        raise unknown_subject("/identity", f"There is no identity `{name}`.")
    if not actor.is_admin and actor.identity_id not in (holder.id, holder.owner_id):
        raise NotAllowed(
            f"Only {holder.name}, the owner of a service account, or an admin (with a token that "
            f"has the scope admin and is not narrowed) issues tokens for {holder.name}."
        )
    if holder.disabled_at is not None:
        raise Conflict(f"`{holder.name}` is disabled. Enable it first (`PATCH /identities/…`).")
    return holder


def _models(actor: Actor, wanted: TokenInput) -> list[str] | None:
    if wanted.models is None:
        return None if actor.token_models is None else list(actor.token_models)
    return sorted(set(wanted.models))


async def issue(
    session: AsyncSession, actor: Actor, holder: Identity, wanted: TokenInput, signing_key: bytes
) -> tuple[Token, str]:
    """A token for `holder` (of `recipient`) and its secret, which nobody can read again."""
    secret = rules.new_secret()
    token = issued(holder, wanted.name, secret, signing_key, [*wanted.scopes])
    token.models = _models(actor, wanted)
    token.expires_at = await _end(session, actor, wanted)
    token.issued_by = actor.identity_id
    hands = (actor.identity_id, actor.owner_id)
    token.issuers = sorted(actor.issuers | {hand for hand in hands if hand and hand != holder.id})
    session.add(token)
    await session.flush()
    record_issue(session, actor, holder, token)
    return token, secret


def record_issue(
    session: AsyncSession, actor: Actor | None, holder: Identity, token: Token
) -> None:
    """Add the event of a new token, which has its id already; the secret is nowhere in it."""
    details = {
        "name": token.name,
        "identity": holder.name,
        "scopes": token.scopes,
        "models": token.models,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }
    audit.record(session, actor, "token.issued", subject=f"token:{token.id}", details=details)


async def _end(session: AsyncSession, actor: Actor, wanted: TokenInput) -> datetime | None:
    used = await queries.used(session, actor.token_id)
    if used is None or used.revoked_at is not None:
        raise NotAuthenticated("The token that you use was revoked. Ask for a new one.")
    now = await clock(session)
    end, too_late = rules.expiry(now, wanted.expires_in_days, used.expires_at)
    if too_late:
        raise NotAllowed(
            f"The token that you use ends at {used.expires_at:%Y-%m-%dT%H:%M:%SZ}, so it cannot "
            "issue one that lives longer. Leave `expires_in_days` out for the same end."
        )
    return end


async def revoke(session: AsyncSession, actor: Actor, token_id: UUID, if_match: str | None) -> None:
    """End a token for good, on every process within a second. A token may end itself and those
    that may do no more than itself. Once more is no change."""
    found = await queries.one(session, actor, token_id, lock=True)
    if found is None:
        raise no_token(token_id)
    token, holder, _ = found
    check_if_match(if_match, tag_of(token))
    excess = rules.beyond(actor.scopes, actor.token_models, token.scopes, token.models)
    if token.id != actor.token_id and excess is not None:
        raise NotAllowed(
            f"This token has {excess}, which the one that you use has not. Use a wider token."
        )
    if token.revoked_at is not None:
        return
    token.revoked_at = await clock(session)
    token.revoked_by = actor.name
    announce(session, RIGHTS)
    details = {"name": token.name, "identity": holder}
    audit.record(session, actor, "token.revoked", subject=f"token:{token.id}", details=details)


async def get(session: AsyncSession, actor: Actor, token_id: UUID) -> tuple[TokenOutput, str]:
    """A token with its ETag."""
    found = await queries.one(session, actor, token_id)
    if found is None:
        raise no_token(token_id)
    return TokenOutput.of(*found), tag_of(found[0])


async def page(
    session: AsyncSession, actor: Actor, *, identity: str | None, cursor: str | None, limit: int
) -> Page[TokenOutput]:
    """A page of the tokens that the actor can see, the oldest first."""
    after = cursor_id(cursor)
    found = await queries.page(session, actor, identity=identity, after=after, limit=limit)
    rows, more = cut(found, limit)
    return Page(
        items=[TokenOutput.of(*row) for row in rows],
        next_cursor=encode_cursor(rows[-1][0].id) if more else None,
    )


def tag_of(token: Token) -> str:
    """The ETag of a token: all that anybody changes of it is whether it is revoked. Its last use
    does not count, or a token could not be revoked by who has just looked at it."""
    return etag(1 if token.revoked_at is None else 2)


def no_token(token_id: UUID) -> NotFound:
    """The problem with an id that names no token of the actor's."""
    return NotFound(
        f"There is no token {token_id}, or it is hidden from you. `GET /tokens` lists yours."
    )
