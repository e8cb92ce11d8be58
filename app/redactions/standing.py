"""What must still be so after a redaction: that the service can read all that it rewrote, and that
no policy in force asks for something else."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.canonical import canonical
from app.models.rules import parse_template
from app.policies.rules import parse, parse_addition
from app.redactions import queries
from app.redactions.problems import refused
from app.redactions.queries import RewrittenPolicy


async def check(session: AsyncSession, redaction_id: UUID, marker: str) -> None:
    """Refuse a redaction after which something could not be read, or means something else."""
    for model, template in await queries.rewritten_templates(session, marker):
        if not _can(parse_template, template):
            why = f"The naming convention of the model {model} would not be one any more."
            raise refused("models.name_template", why)
    for policy in await queries.rewritten_policies(session, redaction_id):
        _check_policy(policy, marker)
    recalled = await queries.recalled_at(session, redaction_id, marker)
    if recalled is not None:
        why = f"The version {recalled[1]} of the model {recalled[0]} was recalled at that time."
        raise refused("versions.recalled", why)


def _check_policy(policy: RewrittenPolicy, marker: str) -> None:
    whose = f"the model {policy.model}" if policy.model else "the default"
    if not _can(parse_addition if policy.adds else parse, policy.body):
        why = f"Nobody could read revision {policy.revision} of the policy ({whose}) any more."
        raise refused("policy_revisions.body", why)
    if policy.in_force and marker.encode() in canonical(_without_reasons(policy.body)):
        why = (
            f"The policy in force ({whose}, revision {policy.revision}) would ask for something "
            "else. Set one that does not bear the text first."
        )
        raise refused("policy_revisions.body", why)


def _can(read: Callable[[Any], object], kept: Any) -> bool:
    try:
        read(kept)
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _without_reasons(body: dict[str, Any]) -> dict[str, Any]:
    """What a policy asks for: the reason of a freeze is its only free text."""
    return {**body, "freeze": [{**each, "reason": ""} for each in body.get("freeze", ())]}
