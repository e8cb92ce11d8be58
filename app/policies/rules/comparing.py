"""In what a policy allows more than the one before it."""

from datetime import datetime

from app.policies.rules.gates import implies
from app.policies.rules.policy import Incumbent, Policy, StageRule
from app.stages.rules import ARCHIVED, NO_STAGE


def loosenings(before: Policy, after: Policy, now: datetime) -> list[str]:
    """What the later policy allows and the earlier one did not, each as a sentence; none where it
    is at least as strict. A gate counts as taken away unless one is there that plainly asks for as
    much. A stage that is new or gone loosens nothing, nor does the way from a new one to
    `archived`, nor a detour, nor a freeze that is over.
    """
    found: list[str] = []
    known = {NO_STAGE, *(rule.name for rule in before.stages)}
    for rule in before.stages:
        later = after.rule_for(rule.name)
        if later is not None:
            ways = set(later.from_stages) - _as_before(rule, after, known)
            ways &= known if rule.name == ARCHIVED else ways
            found += [f"`{rule.name}` can now be entered from `{way}`." for way in sorted(ways)]
            found += [f"`{rule.name}` {what}." for what in _of_stage(rule, later)]
    lost = before.protected_aliases - after.protected_aliases
    found += [f"The alias `{alias}` is not protected any more." for alias in sorted(lost)]
    return found + [
        f"The freeze until {window.end:%Y-%m-%dT%H:%M:%SZ} is lifted or shortened."
        for window in before.freeze
        if window.end > now
        and not any(w.start <= max(window.start, now) and w.end >= window.end for w in after.freeze)
    ]


def _as_before(rule: StageRule, after: Policy, known: set[str]) -> set[str]:
    """From where a stage could be entered before, and the detours: new stages that are entered only
    from there, as a canary between staging and production."""
    found, size = set(rule.from_stages), -1
    while size < len(found):
        size = len(found)
        found |= {
            each.name
            for each in after.stages
            if each.name not in known and found.issuperset(each.from_stages)
        }
    return found


def _of_stage(before: StageRule, after: StageRule) -> list[str]:
    """What became easier about entering one stage, but for the ways there; without its name."""
    found = [
        f"does not ask any more for {rule.count} approval(s) as it did"
        for rule in before.approvals
        if not any(each.implies(rule) for each in after.approvals)
    ]
    found += [
        f"has no `{gate['type']}` gate any more as it had"
        for gate in before.gates
        if not any(implies(each, gate) for each in after.gates)
    ]
    return found + [what for is_looser, what in _limits(before, after) if is_looser]


def _limits(before: StageRule, after: StageRule) -> list[tuple[bool, str]]:
    expires, expired = after.expires_after_hours, before.expires_after_hours
    waits, waited = after.min_hours_in_source or 0, before.min_hours_in_source or 0
    refused = before.incumbent is Incumbent.REFUSE and after.incumbent is not Incumbent.REFUSE
    return [
        (before.exclusive and not after.exclusive, "may be held by several versions at once"),
        (refused, "can be entered while it is held"),
        (
            after.allow_self_approval and not before.allow_self_approval,
            "may be approved by who asked for it",
        ),
        (
            after.allow_author_approval and not before.allow_author_approval,
            "may be approved by who wrote the version",
        ),
        (expired is not None and (expires is None or expires > expired), "leaves more time"),
        (waits < waited, "asks for less time in the stage before it"),
    ]
