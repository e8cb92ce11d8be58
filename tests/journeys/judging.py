"""What follows for a promotion from its reviews, as the contract says it."""

from collections import Counter
from dataclasses import dataclass, field

from tests.journeys.gates import Holder, Version, pass_gates
from tests.journeys.people import CAST, Person
from tests.journeys.rules import Rule

UNDECIDED = ("open", "approved")


@dataclass(frozen=True, slots=True)
class Review:
    """A word on a promotion, and what there was to see."""

    reviewer: str
    decision: str
    saw: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a promotion. `approvers` are of each approval rule; `counts` and `stale` of
    each review."""

    incumbent: int | None
    gates: tuple[tuple[str, bool], ...]
    required: int
    given: int
    approvers: tuple[tuple[str, ...], ...]
    counts: tuple[bool, ...]
    stale: tuple[bool, ...]
    unmet: Counter[str] = field(hash=False)

    @property
    def rejected(self) -> bool:
        return self.unmet["rejection"] > 0


@dataclass(slots=True, eq=False)
class Promotion:
    """A promotion. `tied` are those who asked or wrote, by which of the two. `last` is what was
    shown when it ended; `told` are its events."""

    ordinal: int
    version: int
    source: str
    target: str
    asker: str
    authors: frozenset[str]
    opened_under: int
    under: int
    rule: Rule
    status: str = "open"
    reviews: list[Review] = field(default_factory=list)
    overridden: bool = False
    ended_by: str | None = None
    last: Shown | None = None
    told: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_undecided(self) -> bool:
        return self.status in UNDECIDED

    def keeps_from_approving(self, who: Person) -> bool:
        """Whether the person, their owner or their token's issuer asked for it or wrote the
        version, or owns a service account that did."""
        tied: set[str | None] = set()
        if not self.rule.allow_self:
            tied |= {self.asker, CAST[self.asker].owner}
        if not self.rule.allow_author:
            tied |= {*self.authors, *(CAST[each].owner for each in self.authors)}
        return bool(who.hands & tied)

    def verdict_of(self, who: str) -> str | None:
        """Their latest word that is more than a comment, unless they took it back."""
        words = [r.decision for r in self.reviews if r.reviewer == who and r.decision != "comment"]
        return words[-1] if words and words[-1] != "withdraw" else None


def judge(promotion: Promotion, version: Version, holder: Holder) -> Shown:
    """What is to be shown of an undecided promotion."""
    rule = promotion.rule
    gates = pass_gates(rule, version, promotion.source, promotion.target, holder)
    incumbent = holder(promotion.target)
    latest = {
        each.reviewer: at for at, each in enumerate(promotion.reviews) if each.decision != "comment"
    }
    stale = tuple(
        each.decision in ("approve", "reject")
        and each.saw != (version.description, promotion.under)
        for each in promotion.reviews
    )
    counts = tuple(
        latest.get(each.reviewer) == at
        and (
            each.decision == "reject"
            or (each.decision == "approve" and not stale[at] and _weighs(promotion, each.reviewer))
        )
        for at, each in enumerate(promotion.reviews)
    )
    counting = [r for r, counted in zip(promotion.reviews, counts, strict=True) if counted]
    approving = sorted(r.reviewer for r in counting if r.decision == "approve")
    approvers = tuple(
        tuple(name for name in approving if each.means(CAST[name])) for each in rule.approvals
    )
    given = [
        min(len(names), each.count) for names, each in zip(approvers, rule.approvals, strict=True)
    ]
    unmet = Counter(
        gate=sum(not passed for _, passed in gates),
        approval=sum(a < each.count for a, each in zip(given, rule.approvals, strict=True)),
        rejection=sum(r.decision == "reject" for r in counting),
    )
    return Shown(
        incumbent=None if incumbent is None else incumbent.number,
        gates=gates,
        required=rule.required,
        given=sum(given),
        approvers=approvers,
        counts=counts,
        stale=stale,
        unmet=+unmet,
    )


def _weighs(promotion: Promotion, name: str) -> bool:
    who, rule = CAST[name], promotion.rule
    if promotion.keeps_from_approving(who):
        return False
    return not rule.approvals or any(each.means(who) for each in rule.approvals)


def status_of(shown: Shown) -> str:
    """What becomes of an undecided promotion: a rejection closes it where at most one approval is
    asked in all, else it blocks."""
    if shown.rejected:
        return "rejected" if shown.required <= 1 else "open"
    return "open" if shown.unmet else "approved"


def brings_further(promotion: Promotion, shown: Shown, who: Person) -> bool:
    """Whether their approval is among those that are missing."""
    return (
        promotion.status == "open"
        and who.has("reviewer")
        and not promotion.keeps_from_approving(who)
        and any(
            each.means(who) and len(names) < each.count and who.name not in names
            for each, names in zip(promotion.rule.approvals, shown.approvers, strict=True)
        )
    )
