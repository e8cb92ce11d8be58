"""Which policy is in force."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.etags import etag, since_redaction
from app.core.problems import NotFound
from app.models.tables import Model
from app.policies import queries
from app.policies.queries import Revisions
from app.policies.rules import Policy, compose, parse, parse_addition
from app.policies.schemas import ModelPolicyOutput, PolicyOutput, PolicyRevisionOutput
from app.policies.tables import PolicyRevision

MAX_REVISION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy, the revision that it stands under, and what is flagged about it for ever:
    `loosened`, `replaces_default`."""

    policy: Policy
    revision: int
    flags: tuple[str, ...] = ()


async def in_force(
    session: AsyncSession, model: Model, *, at_revision: int | None = None
) -> InForce:
    """The policy that a model's promotions must satisfy; with `at_revision`, as it was then. A
    model's promotions are decided under the model's lock, so this is read after taking it."""
    found = await queries.revisions(session, model.id, at_revision)
    return InForce(put_together(found), found.latest, found.flags)


def put_together(found: Revisions) -> Policy:
    """What the default and a model's own policy make together."""
    if (own := found.addition) is None:
        return parse(found.default.body or {})
    return together(found.default, own.body or {}, replaces=own.replaces_default)


def together(default: PolicyRevision, body: dict[str, Any], *, replaces: bool) -> Policy:
    """What the default and this policy of a model make together."""
    if replaces:
        return parse(body)
    return compose(parse(default.body or {}), parse_addition(body))


def tag_of(found: Revisions) -> str:
    """The ETag of the policy that these make together; only a redaction rewrites a revision."""
    rows = [row for row in (found.default, found.own) if row is not None]
    rewritten = [since_redaction(row.redaction_id) for row in rows]
    return etag(found.latest, *(number for each in rewritten for number in each))


async def default(session: AsyncSession) -> tuple[PolicyRevisionOutput, str]:
    """The default policy as it is shown, and its ETag."""
    found = await queries.revisions(session, None)
    about, shown = _about(found.default, None), _shown(parse(found.default.body or {}))
    return PolicyRevisionOutput(**about, **shown), tag_of(found)


async def of_model(session: AsyncSession, model: Model) -> tuple[ModelPolicyOutput, str]:
    """The policy in force for a model as it is shown, with what the model adds to the default, and
    its ETag."""
    found = await queries.revisions(session, model.id)
    own = found.addition
    shown = ModelPolicyOutput(
        model=model.name,
        revision=found.latest,
        default_revision=found.default.revision,
        own=None if own is None else _as_set(own, model.name),
        **_shown(put_together(found)),
    )
    return shown, tag_of(found)


async def at(
    session: AsyncSession, actor: Actor, revision: int
) -> tuple[PolicyRevisionOutput, str]:
    """One revision and its ETag, whether or not it is still in force; a 404 where it is not there
    or belongs to a model that is hidden."""
    found = await queries.by_revision(session, revision) if revision <= MAX_REVISION else None
    if found is None or (found[1] is not None and actor.role_on(found[1]) is None):
        raise NotFound(f"There is no revision {revision} of a policy, or it is hidden from you.")
    row, model = found
    tag = etag(row.revision, *since_redaction(row.redaction_id))
    if model is None or row.replaces_default:
        return PolicyRevisionOutput(**_about(row, model), **_shown(parse(row.body or {}))), tag
    return _as_set(row, model), tag


def _as_set(row: PolicyRevision, model: str) -> PolicyRevisionOutput:
    """An addition as it was set: what it does not name, it leaves to the default."""
    body = row.body or {}
    return PolicyRevisionOutput.model_validate(
        {"stages": [], "protected_aliases": [], "freeze": [], **body, **_about(row, model)}
    )


def _about(row: PolicyRevision, model: str | None) -> dict[str, Any]:
    names = ("revision", "replaces_default", "loosened", "created_by", "created_at")
    about: dict[str, Any] = {name: getattr(row, name) for name in names}
    return {"model": model, "removed": row.body is None, **about}


def _shown(policy: Policy) -> dict[str, Any]:
    return PolicyOutput.of(policy).model_dump()
