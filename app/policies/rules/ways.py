"""The ways between the stages of a policy."""

from app.policies.rules.policy import Policy
from app.stages.rules import NO_STAGE


def unreachable(policy: Policy) -> list[str]:
    """The stages that no version can ever enter, however it is promoted."""
    reached, grew = {NO_STAGE}, True
    while grew:
        found = {
            rule.name for rule in policy.stages if not reached.isdisjoint(rule.from_stages)
        } - reached
        reached |= found
        grew = bool(found)
    return [rule.name for rule in policy.stages if rule.name not in reached]
