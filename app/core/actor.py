"""Who acts in this request: an identity, narrowed by the token it came with."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.core.globs import matches

# The topic that whoever changes what somebody may do announces: nobody should go on believing
# what they knew of an actor.
RIGHTS = "rights"


class Role(StrEnum):
    """What an identity may do with the models that a grant names; each includes the ones before."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    REVIEWER = "reviewer"
    MAINTAINER = "maintainer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Its place in the order, lowest first."""
        return _RANKS[self]

    def includes(self, other: "Role") -> bool:
        """Whether whoever has this role may do all that the other one may."""
        return self.rank >= other.rank


_RANKS = {role: place for place, role in enumerate(Role)}


class Scope(StrEnum):
    """What a token may be used for. `write` and `review` include `read`; `admin` includes all."""

    READ = "read"
    WRITE = "write"
    REVIEW = "review"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on the models whose name matches a glob."""

    role: Role
    models: str


@dataclass(frozen=True, slots=True)
class Actor:
    """An identity with its grants, and what its token narrows them to.

    `issuers` are all who had a hand in the token: whoever issued it for this identity, the owner
    where that was a service account, and whoever issued the token that was used to do so. Where the
    token should be rotated by now, `token_ends_at` is when it ends.
    """

    identity_id: UUID
    name: str
    kind: str
    owner_id: UUID | None
    token_id: UUID | None
    scopes: frozenset[Scope]
    token_models: tuple[str, ...] | None
    grants: tuple[Grant, ...]
    group_ids: frozenset[UUID] = frozenset()
    issuers: frozenset[UUID] = field(default_factory=frozenset)
    token_ends_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the global admin role was granted and the token does not narrow it away."""
        return (
            any(g.role is Role.ADMIN for g in self.grants)
            and self.token_models is None
            and Scope.ADMIN in self.scopes
        )

    def has_scope(self, scope: Scope) -> bool:
        """Whether the token may be used for this; every scope includes `read`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes or scope is Scope.READ

    def role_on(self, model: str) -> Role | None:
        """The highest role on a model of this name; None where it is hidden."""
        if self.token_models is not None and not any(matches(g, model) for g in self.token_models):
            return None
        roles = [grant.role for grant in self.grants if matches(grant.models, model)]
        return max(roles, key=lambda role: role.rank, default=None)

    @property
    def visible_models(self) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """The globs of which a visible model matches one, and those of the token (None: any)."""
        return tuple(sorted({g.models for g in self.grants})), self.token_models
