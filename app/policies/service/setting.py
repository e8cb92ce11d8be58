"""Setting policies: each time a revision, and what the stages are follows it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import check
from app.access.table import Permission
from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import clock
from app.core.etags import check_if_match
from app.core.problems import InvalidRequest, NotFound
from app.models import service as models
from app.models.tables import Counter, Model
from app.policies import queries
from app.policies.moments import changed, default_changed
from app.policies.queries import Revisions
from app.policies.rules import Policy, StageRule, loosenings, parse
from app.policies.schemas import PolicyInput
from app.policies.service.checking import as_body, check_whole
from app.policies.service.reading import put_together, tag_of, together
from app.policies.tables import PolicyRevision
from app.stages import service as stages
from app.stages.problems import StageInUse
from app.stages.rules import ARCHIVED, StageKind

MOST_NAMED = 20


async def set_default(
    session: AsyncSession, actor: Actor, wanted: PolicyInput, if_match: str | None
) -> None:
    """Set the default policy. Every model is held meanwhile, so that nothing is decided under the
    old one once the new one is there."""
    if wanted.replaces_default:
        raise InvalidRequest(
            "The default policy cannot stand instead of itself.",
            errors=[
                {
                    "pointer": "/replaces_default",
                    "detail": "Leave it out; it is for the policy of a model.",
                }
            ],
        )
    await models.lock_every(session)
    before = await queries.revisions(session, None)
    check_if_match(if_match, tag_of(before))
    body = await as_body(session, wanted)
    whole = parse(body)
    check_whole(wanted, whole, None)
    looser = await _looser(session, None, before, whole)
    row = await _add(session, actor, None, body, loosened=bool(looser))
    await _lay_out_every(session, before.default, row, whole)
    audit.record(
        session,
        actor,
        "policy.set",
        subject="policy:default",
        details=_details(before.default.revision, row, looser),
    )
    await session.flush()
    await default_changed.tell(session, actor)


async def _lay_out_every(
    session: AsyncSession, before: PolicyRevision, default: PolicyRevision, whole: Policy
) -> None:
    """The stages that every model has, and those of models that add to them."""
    await stages.lay_out(session, None, _kinds(whole))
    adding = [row for row in await queries.of_every_model(session) if not row.replaces_default]
    await _check_left_alone(session, adding, parse(before.body or {}), whole)
    there = await stages.laid_out(session)
    for own in adding:
        theirs = _kinds(together(default, own.body or {}, replaces=False))
        if own.model_id is not None and there.get(own.model_id) != theirs:
            await stages.lay_out(session, own.model_id, theirs)


async def _check_left_alone(
    session: AsyncSession, adding: list[PolicyRevision], before: Policy, whole: Policy
) -> None:
    """Refuse a default that would leave what a model adds to a stage as the whole of its rule, or
    that protects an alias which is a stage of a model."""
    given_up = {rule.name for rule in before.stages} - {rule.name for rule in whole.stages}
    protected = {alias.lower() for alias in whole.protected_aliases}
    found = {
        own.model_id: touched
        for own in adding
        if own.model_id is not None
        and (touched := {s["name"] for s in (own.body or {})["stages"]} & (given_up | protected))
    }
    if found:
        names = await queries.model_names(session, list(found)[:MOST_NAMED])
        listed = "; ".join(f"`{names[m]}` ({', '.join(sorted(found[m]))})" for m in names)
        raise StageInUse(
            "Policies of models name stages that this default gives up, or whose name it protects "
            f"as an alias: {listed}. Change these policies first.",
            extra={"models": {names[m]: sorted(found[m]) for m in names}},
        )


async def set_own(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    wanted: PolicyInput,
    if_match: str | None,
) -> None:
    """Set what a model adds to the default. To stand instead of the default, or to give that up,
    takes an admin."""
    counter, before = await _hold(session, actor, model, if_match, wanted.replaces_default)
    whole, body = await _whole(session, before, wanted)
    await _change(session, actor, model, counter, before, whole, body, wanted.replaces_default)


async def tried(session: AsyncSession, model: Model, wanted: PolicyInput) -> Policy:
    """The policy that would be in force for a model if this were its own, where it could be set:
    whether what it names is there and makes sense. Nothing is changed."""
    try:
        return (await _whole(session, await queries.revisions(session, model.id), wanted))[0]
    except InvalidRequest as problem:
        errors = [
            {**error, "pointer": f"/policy{error['pointer']}"} for error in problem.errors or ()
        ]
        raise InvalidRequest(problem.detail, errors=errors) from problem


async def _whole(
    session: AsyncSession, before: Revisions, wanted: PolicyInput
) -> tuple[Policy, dict[str, Any]]:
    body = await as_body(session, wanted)
    whole = together(before.default, body, replaces=wanted.replaces_default)
    base = None if wanted.replaces_default else parse(before.default.body or {})
    check_whole(wanted, whole, base)
    return whole, body


async def remove_own(
    session: AsyncSession, actor: Actor, model: Model, if_match: str | None
) -> None:
    """Take a model's own policy away, so that the default alone holds."""
    counter, before = await _hold(session, actor, model, if_match, False)
    if before.addition is None:
        raise NotFound(f"The model `{model.name}` has no policy of its own.")
    whole = parse(before.default.body or {})
    await _change(session, actor, model, counter, before, whole, None, False)


async def _hold(
    session: AsyncSession, actor: Actor, model: Model, if_match: str | None, replaces: bool
) -> tuple[Counter, Revisions]:
    counter = await models.lock(session, model)
    before = await queries.revisions(session, model.id)
    check_if_match(if_match, tag_of(before))
    if replaces or (before.addition is not None and before.addition.replaces_default):
        check(actor, Permission.POLICY_LOOSEN, model.name)
    return counter, before


async def _change(
    session: AsyncSession,
    actor: Actor,
    model: Model,
    counter: Counter,
    before: Revisions,
    whole: Policy,
    body: dict[str, Any] | None,
    replaces: bool,
) -> None:
    looser = await _looser(session, model.id, before, whole)
    if replaces:
        looser = ["It stands instead of the default.", *looser]
    row = await _add(session, actor, model, body, loosened=bool(looser), replaces=replaces)
    await stages.lay_out(session, model.id, _kinds(whole) if body is not None else ())
    counter.revision += 1
    audit.record(
        session,
        actor,
        "policy.set" if body is not None else "policy.removed",
        subject=f"policy:{model.name}",
        model_id=model.id,
        model=model.name,
        details=_details(before.latest, row, looser),
    )
    await session.flush()
    await changed.tell(session, actor, model)


async def _looser(
    session: AsyncSession, model_id: UUID | None, before: Revisions, whole: Policy
) -> list[str]:
    """What the policy allows that the one before it did not, nor the last one that was not flagged
    itself: a looser policy is not cleared by setting it twice."""
    now = await clock(session)
    found: list[str] = []
    for earlier in (before, await queries.last_unflagged(session, model_id, before)):
        policy = await _with_former(session, model_id, put_together(earlier), whole)
        found += loosenings(policy, whole, now)
    return list(dict.fromkeys(found))


async def _with_former(
    session: AsyncSession, model_id: UUID | None, policy: Policy, whole: Policy
) -> Policy:
    """A policy with the stages that it lacks and the later one has, as they once were: a stage that
    comes back is compared with itself, and may lead to `archived` as a new one may."""
    former: list[StageRule] = []
    for rule in whole.stages:
        if policy.rule_for(rule.name) is None:
            body = await queries.last_with_stage(session, model_id, rule.name)
            was = parse(body or {}).rule_for(rule.name)
            former += [was] if was else []
    names = tuple(rule.name for rule in former)
    kept = [
        replace(rule, from_stages=(*rule.from_stages, *names)) if rule.name == ARCHIVED else rule
        for rule in policy.stages
    ]
    return replace(policy, stages=(*kept, *former))


async def _add(
    session: AsyncSession,
    actor: Actor,
    model: Model | None,
    body: dict[str, Any] | None,
    *,
    loosened: bool,
    replaces: bool = False,
) -> PolicyRevision:
    row = PolicyRevision(
        model_id=model.id if model else None,
        body=body,
        replaces_default=replaces,
        loosened=loosened,
        created_by=actor.name,
    )
    session.add(row)
    await session.flush()
    return row


def _kinds(policy: Policy) -> list[StageKind]:
    return [StageKind(rule.name, rule.exclusive) for rule in policy.stages]


def _details(before: int, row: PolicyRevision, looser: list[str]) -> dict[str, Any]:
    return {
        "from": before,
        "to": row.revision,
        "replaces_default": row.replaces_default,
        "loosened": looser,
    }
