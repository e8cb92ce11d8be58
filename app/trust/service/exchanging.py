"""Exchanging a token of an issuer for one of ours."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import structlog
from sqlalchemy import Row, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.db import clock
from app.core.problems import InvalidRequest
from app.core.queue import periodic
from app.core.runtime import Runtime
from app.identities.tables import Identity
from app.issuers.rules import audiences_of, take_apart
from app.issuers.service import Issuers
from app.tokens import service as tokens
from app.trust import queries, rules
from app.trust.problems import AssertionUsed, NotTrusted
from app.trust.schemas import ExchangeInput, Scope, TokenExchanged
from app.trust.tables import Trust, UsedAssertion

log = structlog.get_logger()
Candidates = Sequence[Row[Trust, Identity]]


async def exchange(runtime: Runtime, issuers: Issuers, wanted: ExchangeInput) -> TokenExchanged:
    """A token of ours for whoever brings one that a trust fits, once. What it says of itself is
    read only to find who may have signed it; the issuer is asked outside of any transaction."""
    taken = take_apart(wanted.token)
    issuer = taken.claims.get("iss")
    if not isinstance(issuer, str):
        raise _not_trusted("no issuer", None, ())
    async with runtime.db.reading() as session:
        candidates = await queries.of_issuer(session, issuer, wanted.trust)
    if not candidates:
        raise _not_trusted("no trust in the issuer", issuer, ())
    audiences = {trust.audience for trust, _ in candidates}
    claims = await issuers.verify(wanted.token, issuer, audiences)
    async with runtime.db.transaction() as session:
        trust, holder = await _fitting(session, issuer, wanted.trust, claims)
        await _use_up(session, issuer, claims, taken.signed)
        key = runtime.settings.signing_key
        return await _issue(session, trust, holder, claims, key)


async def _fitting(
    session: AsyncSession, issuer: str, name: str | None, claims: Mapping[str, Any]
) -> tuple[Trust, Identity]:
    """The one trust that fits, held against being changed until the token is issued."""
    candidates = await queries.of_issuer(session, issuer, name, hold=True)
    meant = audiences_of(claims)
    found = [
        (trust, holder)
        for trust, holder in candidates
        if trust.audience in meant and not rules.mismatches(trust.claims, claims)
    ]
    if not found:
        raise _not_trusted("no trust fits", issuer, candidates, claims)
    if len(found) > 1:
        names = ", ".join(sorted(f"`{trust.name}`" for trust, _ in found))
        detail = f"Several trusts fit this token: {names}. Say which one you mean."
        raise InvalidRequest(detail, errors=[{"pointer": "/trust", "detail": detail}])
    return found[0]


async def _use_up(
    session: AsyncSession, issuer: str, claims: Mapping[str, Any], signed: bytes
) -> None:
    """Note that the token was exchanged; of two at once, the second waits here and is refused."""
    noted = await session.execute(
        insert(UsedAssertion)
        .values(
            digest=rules.digest_of_use(issuer, claims, signed),
            expires_at=rules.counts_until(claims),
        )
        .on_conflict_do_nothing()
        .returning(UsedAssertion.expires_at)
    )
    if noted.first() is None:
        raise AssertionUsed("This token was exchanged already. Ask the issuer for a fresh one.")


async def _issue(
    session: AsyncSession,
    trust: Trust,
    holder: Identity,
    claims: Mapping[str, Any],
    signing_key: bytes,
) -> TokenExchanged:
    ends = await clock(session) + timedelta(minutes=trust.minutes)
    token, secret = await tokens.make(
        session,
        holder,
        name=rules.label(trust.preset, trust.name, claims),
        scopes=trust.scopes,
        models=trust.models,
        expires_at=ends,
        issuers=trust.hands,
        issued_by=None,
        signing_key=signing_key,
        origin="exchanged",
        trust_id=trust.id,
    )
    more = {
        "trust": trust.name,
        "issuer": trust.issuer,
        "subject": next(iter(rules.texts(claims.get("sub"))), None),
        "claims": rules.told(trust.claims, claims),
    }
    actor = _actor(holder)
    tokens.record_issue(session, actor, holder, token, action="token.exchanged", more=more)
    return TokenExchanged(
        id=token.id,
        name=token.name,
        trust=trust.name,
        identity=holder.name,
        scopes=cast("list[Scope]", token.scopes),
        models=token.models,
        expires_at=ends,
        secret=secret,
    )


def _actor(holder: Identity) -> Actor:
    """The service account as the one who acts, with no right at all: for the event alone."""
    return Actor(
        identity_id=holder.id,
        name=holder.name,
        kind=holder.kind,
        owner_id=holder.owner_id,
        token_id=None,
        scopes=frozenset(),
        token_models=None,
        grants=(),
    )


def _not_trusted(
    reason: str,
    issuer: str | None,
    candidates: Candidates,
    claims: Mapping[str, Any] | None = None,
) -> NotTrusted:
    """The refusal, which says nothing of the rules; the log says it to whoever set them."""
    said = claims or {}
    compared = {
        trust.name: {
            name: rules.told({name: []}, {name: said.get(name)}).get(name)
            for name in rules.mismatches(trust.claims, said)
        }
        if trust.audience in audiences_of(said)
        else "another audience"
        for trust, _ in candidates
    }
    log.warning(
        "exchange_refused",
        reason=reason,
        issuer=(issuer or "")[:200],
        subject=next(iter(rules.texts(said.get("sub"))), "")[:200],
        mismatches=compared,
    )
    return NotTrusted(
        "No trust fits this token: its issuer, its audience and its claims are tied to no service "
        "account. An admin sees in the server's log what did not match."
    )


@periodic("trust.sweep", cron="*/10 * * * *")
async def sweep(runtime: Runtime) -> None:
    """Forget the tokens that nobody would take any more for their age."""
    async with runtime.db.transaction() as session:
        await session.execute(
            delete(UsedAssertion).where(
                UsedAssertion.expires_at < func.now() - timedelta(minutes=10)
            )
        )
