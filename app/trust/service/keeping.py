"""Making, changing and deleting trusts. Whatever ends or changes one ends its tokens."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import clock
from app.core.etags import check_if_match, etag
from app.core.pages import Page, cursor_id, cut, encode_cursor
from app.core.problems import InvalidRequest, NotFound
from app.core.requests import escape_pointer
from app.identities.moments import disabled
from app.identities.problems import unknown_subject
from app.identities.tables import Identity
from app.tokens import service as tokens
from app.trust import queries, rules
from app.trust.presets import PRESETS
from app.trust.schemas import TrustChange, TrustInput, TrustOutput
from app.trust.tables import Trust


async def create(
    session: AsyncSession, actor: Actor, wanted: TrustInput, base_url: str
) -> TrustOutput:
    """Trust the tokens of an issuer from now on. The issuer is not asked yet."""
    issuer = wanted.issuer or (PRESETS[wanted.preset].issuer if wanted.preset else None)
    if issuer is None:
        raise _invalid("/issuer", "Say whose tokens these are: an issuer, or a preset.")
    holder = await _service_account(session, wanted.identity)
    trust = Trust(
        name=wanted.name,
        preset=wanted.preset,
        issuer=issuer,
        audience=wanted.audience or base_url,
        claims=_checked(wanted.preset, wanted.claims),
        identity_id=holder.id,
        scopes=sorted(set(wanted.scopes)),
        models=None if wanted.models is None else sorted(set(wanted.models)),
        minutes=wanted.minutes,
        hands=sorted(tokens.hands(actor)),
        created_by=actor.name,
    )
    session.add(trust)
    await session.flush()
    _record(session, actor, "trust.created", trust, _rules_of(trust, holder.name))
    return TrustOutput.of(trust, holder.name)


async def change(
    session: AsyncSession, actor: Actor, name: str, wanted: TrustChange, if_match: str | None
) -> tuple[TrustOutput, str]:
    """Change what a trust says; the tokens that were exchanged under it end."""
    trust, identity = await _to_change(session, name, if_match)
    before = _rules_of(trust, identity)
    given = wanted.model_dump(exclude_unset=True)
    if given.get("identity", identity) != identity:
        trust.identity_id = (await _service_account(session, given["identity"])).id
        identity = given["identity"]
    for field in given.keys() & {"issuer", "audience", "minutes"}:
        setattr(trust, field, given[field])
    for field in given.keys() & {"scopes", "models"}:
        value = given[field]
        setattr(trust, field, None if value is None else sorted(set(value)))
    if wanted.claims is not None:
        trust.claims = _checked(trust.preset, wanted.claims)
    differs = audit.difference(before, _rules_of(trust, identity))
    if differs:
        trust.hands = sorted({*trust.hands, *tokens.hands(actor)})
        trust.revision += 1
        trust.updated_at = await clock(session)
        await session.flush()
        await tokens.end_exchanged(
            session, actor, trust_id=trust.id, reason=f"trust {name} was changed"
        )
        _record(session, actor, "trust.updated", trust, differs)
    return TrustOutput.of(trust, identity), etag(trust.revision)


async def remove(session: AsyncSession, actor: Actor, name: str, if_match: str | None) -> None:
    """Trust those tokens no more; what was exchanged for them ends."""
    trust, identity = await _to_change(session, name, if_match)
    await tokens.end_exchanged(
        session, actor, trust_id=trust.id, reason=f"trust {name} was deleted"
    )
    _record(session, actor, "trust.deleted", trust, _rules_of(trust, identity))
    await session.flush()
    await session.delete(trust)
    await session.flush()


async def get(session: AsyncSession, name: str) -> tuple[TrustOutput, str]:
    """A trust with its ETag."""
    found = await queries.one(session, name)
    if found is None:
        raise no_trust(name)
    return TrustOutput.of(*found), etag(found[0].revision)


async def page(session: AsyncSession, *, cursor: str | None, limit: int) -> Page[TrustOutput]:
    """A page of trusts, the oldest first."""
    rows, more = cut(await queries.page(session, after=cursor_id(cursor), limit=limit), limit)
    return Page(
        items=[TrustOutput.of(*row) for row in rows],
        next_cursor=encode_cursor(rows[-1][0].id) if more else None,
    )


@disabled.subscribe
async def end_tokens_of(session: AsyncSession, actor: Actor, identity: Identity) -> None:
    """End what was exchanged for a service account that was disabled: it does not come back to
    life with it."""
    await tokens.end_exchanged(
        session, actor, holder_id=identity.id, reason=f"{identity.name} was disabled"
    )


def no_trust(name: str) -> NotFound:
    """The problem with a path that names no trust."""
    return NotFound(f"There is no trust `{name[:128]}`. `GET /trust` lists them.")


async def _to_change(session: AsyncSession, name: str, if_match: str | None) -> tuple[Trust, str]:
    found = await queries.one(session, name, lock=True)
    if found is None:
        raise no_trust(name)
    check_if_match(if_match, etag(found[0].revision))
    return found[0], found[1]


async def _service_account(session: AsyncSession, name: str) -> Identity:
    holder = await queries.service_account(session, name)
    if holder is None:
        raise unknown_subject("/identity", f"There is no enabled service account `{name}`.")
    return holder


def _checked(preset: str | None, claims: dict[str, str | list[str]]) -> dict[str, list[str]]:
    """The rules in their one form, or the 422 that says what is wrong with them."""
    asked = {name: [one] if isinstance(one, str) else list(one) for name, one in claims.items()}
    found = rules.faults_of(preset, asked)
    if found:
        errors = [
            {"pointer": "/claims" + (f"/{escape_pointer(name)}" if name else ""), "detail": why}
            for name, why in found
        ]
        raise InvalidRequest("The rules on claims do not do.", errors=errors)
    return asked


def _invalid(pointer: str, detail: str) -> InvalidRequest:
    return InvalidRequest(detail, errors=[{"pointer": pointer, "detail": detail}])


def _rules_of(trust: Trust, identity: str) -> dict[str, Any]:
    return {
        "preset": trust.preset,
        "issuer": trust.issuer,
        "audience": trust.audience,
        "identity": identity,
        "claims": trust.claims,
        "scopes": trust.scopes,
        "models": trust.models,
        "minutes": trust.minutes,
    }


def _record(
    session: AsyncSession, actor: Actor, action: str, trust: Trust, details: dict[str, Any]
) -> None:
    audit.record(session, actor, action, subject=f"trust:{trust.name}", details=details)
