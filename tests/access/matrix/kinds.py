"""Every kind of actor, and what is true of each."""

from dataclasses import dataclass

from app.core.actor import Role, Scope

R, S = Role, Scope
READ_ONLY = frozenset({S.READ})
NO_ADMIN = frozenset({S.READ, S.WRITE, S.REVIEW})
EVERYTHING = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of actor: its role where it has one, on which models, and what its token may do."""

    name: str
    known: bool = True
    role: Role | None = None
    models: str = "churn*"
    scopes: frozenset[Scope] = EVERYTHING
    narrowed: str | None = None

    @property
    def identity(self) -> str:
        """The name of its identity."""
        return self.name.replace(" ", "-")

    @property
    def sees(self) -> bool:
        """Whether the models of the scene (`churn…`) are not hidden from it."""
        return self.role is not None and "other*" not in (self.models, self.narrowed)

    @property
    def is_global_admin(self) -> bool:
        return self.role is R.ADMIN and S.ADMIN in self.scopes and self.narrowed is None

    def has(self, role: Role) -> bool:
        """Whether it has this role, or a higher one, on the models of the scene."""
        return self.sees and self.role is not None and self.role.includes(role)

    def may_use(self, scope: Scope) -> bool:
        return scope is S.READ or scope in self.scopes or S.ADMIN in self.scopes


def nobody(name: str) -> Kind:
    """Somebody whose token is none, or is one no more. Its role would be the highest."""
    return Kind(name, known=False, role=R.ADMIN, models="*")


KINDS = {
    kind.name: kind
    for kind in (
        nobody("without a token"),
        nobody("with a malformed token"),
        nobody("with another scheme"),
        nobody("with an unknown token"),
        nobody("with an expired token"),
        nobody("with a revoked token"),
        nobody("disabled"),
        Kind("granted nothing"),
        Kind("a maintainer of other models", role=R.MAINTAINER, models="other*"),
        Kind("narrowed to other models", role=R.MAINTAINER, models="*", narrowed="other*"),
        Kind("an admin narrowed to other models", role=R.ADMIN, models="*", narrowed="other*"),
        Kind("a reader", role=R.READER),
        Kind("a contributor", role=R.CONTRIBUTOR),
        Kind("a reviewer", role=R.REVIEWER),
        Kind("a maintainer", role=R.MAINTAINER),
        Kind("a maintainer who may only read", role=R.MAINTAINER, scopes=READ_ONLY),
        Kind("a maintainer who may not review", role=R.MAINTAINER, scopes=READ_ONLY | {S.WRITE}),
        Kind("a maintainer who may only review", role=R.MAINTAINER, scopes=READ_ONLY | {S.REVIEW}),
        Kind("an admin", role=R.ADMIN, models="*"),
        Kind("an admin without the scope", role=R.ADMIN, models="*", scopes=NO_ADMIN),
        Kind("an admin narrowed to the models", role=R.ADMIN, models="*", narrowed="churn*"),
    )
}
