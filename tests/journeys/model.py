"""A model of governance in plain Python, written from the contract and not from the service.

Each method is something that somebody tries. It answers every reason for which the service may
refuse it (which of them is told first is the service's choice), and does it where there is none.
"""

from tests.journeys.gates import Version
from tests.journeys.judging import Promotion, Review, brings_further
from tests.journeys.people import Person
from tests.journeys.rules import DEFAULT, Body, Policy, Rule, alone, baselines, is_sound, together
from tests.journeys.state import SYSTEM, Tenure
from tests.journeys.versions import (
    CONFLICT,
    INVALID,
    NOT_ALLOWED,
    NOT_FOUND,
    Refusals,
    Versions,
)


class Registry(Versions):
    """One model of the registry with all that belongs to it."""

    def actions(self, who: Person, promotion: Promotion) -> list[str]:
        """What somebody can do with a promotion now."""
        if not promotion.is_undecided:
            return []
        reviews = who.has("reviewer")
        approves = not promotion.keeps_from_approving(who) and (
            not who.is_service or promotion.rule.names(who)
        )
        possible = {
            "approve": reviews and approves,
            "reject": reviews,
            "comment": reviews,
            "withdraw": reviews and promotion.verdict_of(who.name) is not None,
            "apply": who.has("contributor") and not self._hindrances(who, promotion),
            "cancel": who.has("contributor") and self._may_cancel(who, promotion),
            "override": who.has("admin"),
        }
        return [action for action, is_possible in possible.items() if is_possible]

    def inbox(self, who: Person) -> list[Promotion]:
        """What an approval of theirs would bring further, newest first."""
        undecided = [each for each in reversed(self.promotions) if each.is_undecided]
        return [each for each in undecided if brings_further(each, self.shown(each), who)]

    # Policies

    def policy_of(self, body: Body | None, *, replaces: bool) -> Policy:
        """What would be in force with this policy of its own, or with none."""
        if body is None:
            return alone(DEFAULT)
        return alone(body) if replaces else together(alone(DEFAULT), body)

    def refuse_policy(self, who: Person, body: Body | None, *, replaces: bool) -> Refusals:
        """Why a policy cannot be set; without a body, why it cannot be taken away."""
        loosens = replaces or self.replaces
        if not who.has("admin" if loosens else "maintainer"):
            return {NOT_ALLOWED}
        if body is None and self.own is None:
            return {NOT_FOUND}
        policy = self.policy_of(body, replaces=replaces)
        refusals: Refusals = set()
        if body is not None and not is_sound(policy, body):
            refusals.add(INVALID)
        if {alias.lower() for alias in self.aliases} & set(policy):
            refusals.add((409, "stage-name-taken"))
        held = {tenure.stage: len(self.holders(tenure.stage)) for tenure in self.held.values()}
        if any(s not in policy or (policy[s].exclusive and held[s] > 1) for s in held):
            refusals.add((409, "stage-in-use"))
        return refusals

    def adopt_policy(self, body: Body | None, *, replaces: bool, revision: int) -> None:
        """Set a policy, which has got this revision: what is open follows where its rule is another
        one now, and is voided where its stage is gone."""
        self.own, self.replaces, self.revision = body, replaces, revision
        self.policy = self.policy_of(body, replaces=replaces)
        self.protected = baselines(self.policy) | set((body or {}).get("protected_aliases", ()))
        self.is_frozen = bool((body or {}).get("freeze"))
        for promotion in self.promotions:
            rule = self.policy.get(promotion.target)
            if not promotion.is_undecided:
                continue
            if rule is None:
                self.end(promotion, "voided", SYSTEM)
            elif not rule.means_the_same(promotion.rule):
                promotion.under = revision
                promotion.told.append(("policy_changed", SYSTEM))
            promotion.rule = rule or promotion.rule
        self.settle()

    # Promotions

    def ask(self, who: Person, number: int, to: str, *, apply: bool) -> Refusals:
        if refusals := self.missing(who, "contributor", number):
            return refusals
        version, target = self.versions[number - 1], to.lower()
        rule = self.policy.get(target)
        if refusals := self._unpromotable(who, version, target, rule):
            return refusals
        assert rule is not None
        promotion = Promotion(
            ordinal=len(self.promotions),
            version=number,
            source=version.stage,
            target=target,
            asker=who.name,
            authors=frozenset(version.authors),
            opened_under=self.revision,
            under=self.revision,
            rule=rule,
            told=[("requested", who.name)],
        )
        self.promotions.append(promotion)
        self.settle()
        if apply and not self._hindrances(who, promotion):
            self.bring(who, promotion, "promotion")
        return set()

    def review(self, who: Person, promotion: Promotion, decision: str) -> Refusals:
        if not who.has("reviewer"):
            return {NOT_ALLOWED}
        if not promotion.is_undecided:
            return {(409, "promotion-ended")}
        refusals: Refusals = set()
        if decision == "approve":
            if promotion.keeps_from_approving(who):
                refusals.add((403, "separation-of-duties"))
            if who.is_service and not promotion.rule.names(who):
                refusals.add((403, "only-people-approve"))
        if decision == "withdraw" and promotion.verdict_of(who.name) is None:
            refusals.add((409, "verdict-not-given"))
        if not refusals:
            saw = (self.versions[promotion.version - 1].description, promotion.under)
            promotion.reviews.append(Review(who.name, decision, saw))
            promotion.told.append(("reviewed", who.name))
            self.settle(who)
        return refusals

    def apply(
        self, who: Person, promotion: Promotion, *, expected: int | str | None = "any"
    ) -> Refusals:
        """`expected` is the incumbent that the caller believes in, or `any`."""
        if not who.has("contributor"):
            return {NOT_ALLOWED}
        if not promotion.is_undecided:
            return {(409, "promotion-ended")}
        refusals = self._hindrances(who, promotion)
        if expected not in ("any", self.incumbent(promotion.target)):
            refusals.add((409, "incumbent-changed"))
        if not refusals:
            self.bring(who, promotion, "promotion")
        return refusals

    def override(self, who: Person, promotion: Promotion) -> Refusals:
        if not who.has("admin"):
            return {NOT_ALLOWED}
        if not promotion.is_undecided:
            return {(409, "promotion-ended")}
        promotion.overridden = True
        promotion.told.append(("overridden", who.name))
        self.bring(who, promotion, "override")
        return set()

    def cancel(self, who: Person, promotion: Promotion) -> Refusals:
        refusals: Refusals = set()
        if not who.has("contributor") or not self._may_cancel(who, promotion):
            refusals.add(NOT_ALLOWED)
        if not promotion.is_undecided:
            refusals.add((409, "promotion-ended"))
        if not refusals:
            self.end(promotion, "cancelled", who.name)
        return refusals

    # Stages

    def candidates(self, stage: str) -> list[Tenure]:
        """Who could return to a stage: its earlier holders by their latest time there, the latest
        first."""
        latest: dict[int, Tenure] = {}
        for tenure in reversed(self.tenures):
            if tenure.stage == stage and tenure.version != self.incumbent(stage):
                latest.setdefault(tenure.version, tenure)
        return list(latest.values())

    def was_approved(self, stage: str, number: int) -> bool:
        """Whether a version ever came to a stage by an approved promotion."""
        return any(
            (t.version, t.stage, t.cause[0], t.overridden) == (number, stage, "promotion", False)
            for t in self.tenures
        )

    def roll_back(
        self, who: Person, stage: str, to: int | None, *, expected: int | str | None = "any"
    ) -> Refusals:
        if not who.has("maintainer"):
            return {NOT_ALLOWED}
        if stage not in self.policy:
            return {NOT_FOUND}
        if not self.policy[stage].exclusive:
            return {(409, "stage-not-exclusive")}
        refusals: Refusals = set()
        incumbent = self.incumbent(stage)
        if expected not in ("any", incumbent):
            refusals.add((409, "incumbent-changed"))
        chosen = self._choose(stage, to)
        if chosen is None:
            refusals.add((409, "cannot-roll-back"))
        if chosen is not None and not refusals:
            self.rollbacks += 1
            leaving = [] if incumbent is None else [incumbent]
            self.move(who, chosen, stage, "rollback", ("rollback", self.rollbacks - 1), leaving)
        return refusals

    # What they have in common

    def _unpromotable(
        self, who: Person, version: Version, target: str, rule: Rule | None
    ) -> Refusals:
        refusals: Refusals = set()
        if not version.ready:
            refusals.add((409, "version-not-ready"))
        if version.recalled:
            refusals.add((409, "version-recalled"))
        if target == version.stage:
            refusals.add(CONFLICT)
        elif rule is None:
            refusals.add((409, "transition-not-allowed") if target == "none" else INVALID)
        elif version.stage not in rule.sources:
            refusals.add((409, "transition-not-allowed"))
        if any(each.target == target for each in self.open_for(version.number)):
            refusals.add((409, "promotion-already-open"))
        if self._would_empty(who, version.number):
            refusals.add((403, "stage-would-be-emptied"))
        return refusals

    def _would_empty(self, who: Person, number: int) -> bool:
        """Whether moving a version takes the holder out of an exclusive stage, and this is not a
        maintainer."""
        rule = self.policy.get(self.versions[number - 1].stage)
        return rule is not None and rule.exclusive and not who.has("maintainer")

    def _hindrances(self, who: Person, promotion: Promotion) -> Refusals:
        refusals: Refusals = set()
        if promotion.status != "approved":
            refusals.add((409, "promotion-not-approved"))
        if self.is_frozen:
            refusals.add((409, "stage-frozen"))
        if self._would_empty(who, promotion.version):
            refusals.add((403, "stage-would-be-emptied"))
        return refusals

    @staticmethod
    def _may_cancel(who: Person, promotion: Promotion) -> bool:
        return who.name == promotion.asker or who.has("maintainer")

    def _choose(self, stage: str, to: int | None) -> int | None:
        """Who returns. One that cannot is not replaced by another silently."""
        earlier = self.candidates(stage)
        if to is None:
            numbers = [each.version for each in earlier if not each.rolled_back]
        else:
            asked = [each.version for each in earlier if each.version == to]
            numbers = [each for each in asked if self.was_approved(stage, each)]
        return numbers[0] if numbers and self.versions[numbers[0] - 1].usable else None
