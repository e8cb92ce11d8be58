"""What the model knows of one model of the registry, and how its stages change."""

from dataclasses import dataclass, field

from tests.journeys.gates import Version
from tests.journeys.judging import Promotion, Shown, judge, status_of
from tests.journeys.people import Person
from tests.journeys.rules import DEFAULT, Body, Policy, alone

SYSTEM = "stageward"


@dataclass(slots=True)
class Tenure:
    """A time in a stage, and what brought it about: `promotion` or `rollback`, by its place."""

    version: int
    stage: str
    cause: tuple[str, int]
    overridden: bool
    rolled_back: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """That a version went from one stage to another."""

    version: int
    kind: str
    source: str
    target: str
    actor: str
    cause: tuple[str, int]


@dataclass(slots=True)
class State:
    """One model of the registry with all that belongs to it."""

    revision: int
    policy: Policy = field(default_factory=lambda: alone(DEFAULT))
    own: Body | None = None
    replaces: bool = False
    protected: frozenset[str] = frozenset()
    is_frozen: bool = False
    versions: list[Version] = field(default_factory=list)
    promotions: list[Promotion] = field(default_factory=list)
    rollbacks: int = 0
    tenures: list[Tenure] = field(default_factory=list)
    held: dict[int, Tenure] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)

    def version(self, number: int) -> Version | None:
        """The version of a number, unless it was deleted."""
        found = self.versions[number - 1] if number <= len(self.versions) else None
        return None if found is None or found.deleted else found

    def holders(self, stage: str) -> set[int]:
        return {number for number, tenure in self.held.items() if tenure.stage == stage}

    def incumbent(self, stage: str) -> int | None:
        """Who holds an exclusive stage."""
        rule = self.policy.get(stage)
        if rule is None or not rule.exclusive:
            return None
        return next(iter(self.holders(stage)), None)

    @property
    def is_waiting(self) -> bool:
        """Whether some promotion is undecided."""
        return any(each.is_undecided for each in self.promotions)

    def shown(self, promotion: Promotion) -> Shown:
        """What is shown of a promotion: of one that has ended, what was at its end."""
        if promotion.last is not None:
            return promotion.last
        return judge(promotion, self.versions[promotion.version - 1], self.compared)

    def compared(self, name: str) -> Version | None:
        """Who holds an exclusive stage, or is behind an `@alias`."""
        number = self.aliases.get(name[1:]) if name[0] == "@" else self.incumbent(name)
        return None if number is None else self.versions[number - 1]

    def open_for(self, number: int) -> list[Promotion]:
        return [each for each in self.promotions if each.version == number and each.is_undecided]

    def bring(self, who: Person, promotion: Promotion, kind: str) -> None:
        incumbent = self.incumbent(promotion.target)
        leaving = [] if incumbent is None else [incumbent]
        self.end(promotion, "applied", who.name)
        cause = ("promotion", promotion.ordinal)
        self.move(who, promotion.version, promotion.target, kind, cause, leaving)

    def move(
        self,
        who: Person,
        number: int,
        stage: str,
        kind: str,
        cause: tuple[str, int],
        leaving: list[int],
    ) -> None:
        """Move a version, archive those that leave, and end what that makes pointless: what is
        about moving one of them from where it was, and what wants the stage that was taken."""
        before = {each.ordinal: self.shown(each) for each in self.promotions if each.is_undecided}
        of_leaving = "rollback" if kind == "rollback" else "succession"
        moves = [(number, stage, kind), *((each, "archived", of_leaving) for each in leaving)]
        for moved, target, how in moves:
            version, held = self.versions[moved - 1], self.held.get(moved)
            if held is not None:
                held.rolled_back = moved in leaving and kind == "rollback"
            transition = Transition(moved, how, version.stage, target, who.name, cause)
            self.transitions.append(transition)
            self.held[moved] = Tenure(moved, target, cause, overridden=how == "override")
            self.tenures.append(self.held[moved])
            version.stage = target
        for ordinal, shown in before.items():
            promotion = self.promotions[ordinal]
            if self.versions[promotion.version - 1].stage != promotion.source:
                self.end(promotion, "voided", who.name, shown)
            elif promotion.target == stage and self.policy[stage].exclusive:
                self.end(promotion, "superseded", who.name, shown)
        self.settle()

    def void(self, who: Person, promotions: list[Promotion]) -> None:
        for each in promotions:
            self.end(each, "voided", who.name)

    def settle(self, who: Person | None = None) -> None:
        """Let each status follow what is there now; a rejection is told as that of who made it."""
        for promotion in self.promotions:
            if not promotion.is_undecided:
                continue
            status = status_of(self.shown(promotion))
            if status == "rejected":
                self.end(promotion, status, who.name if who else SYSTEM)
            elif status != promotion.status:
                promotion.status = status
                told = "approved" if status == "approved" else "reopened"
                promotion.told.append((told, SYSTEM))

    def end(self, promotion: Promotion, status: str, by: str, shown: Shown | None = None) -> None:
        promotion.last = shown or self.shown(promotion)
        promotion.status, promotion.ended_by = status, by
        promotion.told.append((status, by))
