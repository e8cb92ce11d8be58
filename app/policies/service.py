"""Which policy is in force."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.core.problems import NotFound
from app.models.tables import Model
from app.policies import queries
from app.policies.rules import Policy, parse
from app.policies.schemas import ModelPolicyOutput, PolicyOutput, PolicyRevisionOutput
from app.policies.tables import PolicyRevision

MAX_REVISION = 2**63 - 1


async def effective(
    session: AsyncSession, model: Model, *, at_revision: int | None = None
) -> tuple[Policy, int]:
    """The policy that a model's promotions must satisfy, and the revision that it stands under;
    with `at_revision`, as it was then. A model's promotions are decided under the model's lock,
    so this is read after taking it."""
    found = await _in_force(session, model, at_revision)
    return parse(found.body or {}), found.revision


async def _in_force(
    session: AsyncSession, _: Model | None, at_revision: int | None = None
) -> PolicyRevision:
    return await queries.latest_default(session, at_revision)


async def default(session: AsyncSession) -> PolicyRevisionOutput:
    """The default policy as it is shown."""
    return _shown(await _in_force(session, None), None)


async def of_model(session: AsyncSession, model: Model) -> ModelPolicyOutput:
    """The policy in force for a model as it is shown."""
    found = await _in_force(session, model)
    return ModelPolicyOutput(
        model=model.name, revision=found.revision, **_policy(found).model_dump()
    )


async def at(session: AsyncSession, actor: Actor, revision: int) -> PolicyRevisionOutput:
    """One revision, whether or not it is still in force; a 404 where it is not there or belongs
    to a model that is hidden."""
    found = await queries.by_revision(session, revision) if revision <= MAX_REVISION else None
    if found is None or (found[1] is not None and actor.role_on(found[1]) is None):
        raise NotFound(f"There is no revision {revision} of a policy, or it is hidden from you.")
    return _shown(*found)


def _shown(found: PolicyRevision, model: str | None) -> PolicyRevisionOutput:
    about: dict[str, Any] = {
        name: getattr(found, name)
        for name in ("revision", "replaces_default", "loosened", "created_by", "created_at")
    }
    return PolicyRevisionOutput(model=model, **about, **_policy(found).model_dump())


def _policy(found: PolicyRevision) -> PolicyOutput:
    return PolicyOutput.of(parse(found.body or {}))
