"""What a policy asks for, as the tests know it from the contract."""

from dataclasses import dataclass

from tests.journeys.people import Person


@dataclass(frozen=True, slots=True)
class Approvals:
    """So many people of a role or a higher one, or named."""

    count: int
    roles: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()

    def means(self, who: Person) -> bool:
        if who.name in self.identities:
            return True
        if who.is_service:
            return False
        return any(map(who.has, self.roles)) or not (self.roles or self.identities)


@dataclass(frozen=True, slots=True)
class Rule:
    """What it takes to enter a stage."""

    sources: frozenset[str]
    exclusive: bool = False
    approvals: tuple[Approvals, ...] = ()
    allow_self: bool = False
    allow_author: bool = False

    @property
    def required(self) -> int:
        return sum(each.count for each in self.approvals)

    def names(self, who: Person) -> bool:
        return any(who.name in each.identities for each in self.approvals)


DEFAULT = {
    "staging": Rule(frozenset({"none", "archived"})),
    "production": Rule(frozenset({"staging"}), True, (Approvals(1, ("reviewer",)),)),
    "archived": Rule(frozenset({"none", "staging", "production"})),
}
PROTECTED: frozenset[str] = frozenset()
