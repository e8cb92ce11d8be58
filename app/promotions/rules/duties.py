"""Who may approve: separation of duties, and whom an approval rule means."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.core.actor import Role
from app.policies.rules import ApprovalRule


class Tie(StrEnum):
    """What keeps somebody from approving: their part in the request or in the version."""

    ASKED = "asked for it"
    OWNS_ASKER = "owns the service account that asked for it"
    WROTE = "wrote content of the version"
    OWNS_WRITER = "owns a service account that wrote content of the version"


class Through(StrEnum):
    """How a tie reaches a reviewer."""

    SELF = "self"
    OWNER = "owner"
    TOKEN = "token"  # noqa: S105 (a word)


@dataclass(frozen=True, slots=True)
class Parties:
    """Who had a part in the request and in the version. An owner is of a service account."""

    askers: frozenset[UUID]
    owners_of_askers: frozenset[UUID] = frozenset()
    writers: frozenset[UUID] = frozenset()
    owners_of_writers: frozenset[UUID] = frozenset()

    def tie_of(self, identity: UUID, rule: "Leniency") -> Tie | None:
        """The part that an identity had and that the policy does not overlook."""
        if not rule.allow_self_approval:
            if identity in self.askers:
                return Tie.ASKED
            if identity in self.owners_of_askers:
                return Tie.OWNS_ASKER
        if not rule.allow_author_approval:
            if identity in self.writers:
                return Tie.WROTE
            if identity in self.owners_of_writers:
                return Tie.OWNS_WRITER
        return None


@dataclass(frozen=True, slots=True)
class Leniency:
    """What a policy overlooks."""

    allow_self_approval: bool = False
    allow_author_approval: bool = False


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Somebody who gives a verdict, as they stand now. `issuers` are those of the token that they
    gave it with."""

    identity_id: UUID
    name: str
    is_person: bool
    owner_id: UUID | None
    issuers: frozenset[UUID]
    role: Role | None
    groups: frozenset[str]
    disabled: bool = False

    def has(self, role: Role) -> bool:
        """Whether they have this role on the model, or a higher one."""
        return self.role is not None and self.role.includes(role)

    @property
    def may_review(self) -> bool:
        """Whether their word counts at all on this model."""
        return not self.disabled and self.has(Role.REVIEWER)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a reviewer cannot approve: a part that they had, or that reaches them."""

    tie: Tie
    through: Through
    party: UUID


def conflict_of(reviewer: Reviewer, parties: Parties, rule: Leniency) -> Conflict | None:
    """What part in the promotion the reviewer had: they themselves, who owns them, or who had a
    hand in the token that they use. Whatever their role."""
    reached = [(reviewer.identity_id, Through.SELF)]
    if reviewer.owner_id is not None:
        reached.append((reviewer.owner_id, Through.OWNER))
    reached += [(issuer, Through.TOKEN) for issuer in sorted(reviewer.issuers)]
    for identity, through in reached:
        tie = parties.tie_of(identity, rule)
        if tie is not None:
            return Conflict(tie, through, identity)
    return None


def fits(reviewer: Reviewer, rule: ApprovalRule) -> bool:
    """Whether an approval rule means this reviewer. A service account is meant only by name."""
    if reviewer.name.lower() in {name.lower() for name in rule.identities}:
        return True
    if not reviewer.is_person:
        return False
    if not (rule.roles or rule.groups or rule.identities):
        return True
    groups = {name.lower() for name in rule.groups}
    return any(map(reviewer.has, rule.roles)) or any(g.lower() in groups for g in reviewer.groups)


def is_named(reviewer: Reviewer, rules: Iterable[ApprovalRule]) -> bool:
    """Whether some rule names this identity."""
    return any(reviewer.name.lower() == name.lower() for r in rules for name in r.identities)
