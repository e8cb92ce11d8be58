"""Who takes part, as the tests know them: nothing here is read from the service."""

from dataclasses import dataclass

from tests.actors import Api, Team

RANKS = ("reader", "contributor", "reviewer", "maintainer", "admin")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a role on all models. `owner` is of a service account; `issuer` is who issued
    the token (None: somebody who has no part in anything)."""

    name: str
    role: str
    owner: str | None = None
    issuer: str | None = None

    @property
    def is_service(self) -> bool:
        return self.owner is not None

    def has(self, role: str) -> bool:
        """Whether they have this role or a higher one."""
        return RANKS.index(self.role) >= RANKS.index(role)

    @property
    def hands(self) -> frozenset[str]:
        """Those who act where this person does: the person, their owner, who issued the token."""
        return frozenset(name for name in (self.name, self.owner, self.issuer) if name)


CAST = {
    person.name: person
    for person in (
        Person("alice", "reviewer"),
        Person("bob", "reviewer"),
        Person("mia", "maintainer"),
        Person("dan", "contributor"),
        Person("ci", "contributor", owner="mia"),
        Person("ada", "admin"),
        Person("eve", "reviewer", issuer="ada"),
        Person("robot", "reviewer", owner="dan"),
        Person("carol", "reader"),
    )
}


async def enter(admin: Api, team: Team) -> dict[str, Api]:
    """All of the cast with their tokens."""
    stage: dict[str, Api] = {}
    for person in CAST.values():
        if person.owner is not None:
            owner = stage[person.owner]
            stage[person.name] = await team.service(person.name, owner, person.role)
        else:
            stage[person.name] = await team.person(person.name, person.role)
        if person.issuer is not None:
            issuer = Team(stage[person.issuer])
            stage[person.name] = await issuer.token(person.name)
    return stage
