"""What people try with versions and aliases, beside promoting them."""

from tests.journeys.gates import Report, Version
from tests.journeys.people import Person
from tests.journeys.state import State

Refusal = tuple[int, str]
Refusals = set[Refusal]
NOT_ALLOWED: Refusal = (403, "not-allowed")
NOT_FOUND: Refusal = (404, "not-found")
CONFLICT: Refusal = (409, "conflict")
INVALID: Refusal = (422, "invalid-request")


class Versions(State):
    """What happens to versions while they stay where they are."""

    def register(
        self, who: Person, description: str, *, ready: bool, auc: float | None = None
    ) -> Refusals:
        if not who.has("contributor"):
            return {NOT_ALLOWED}
        number = len(self.versions) + 1
        self.versions.append(Version(number, {who.name}, description, ready, auc))
        return set()

    def describe(self, who: Person, number: int, description: str) -> Refusals:
        """Editing the description; who edits a draft's is one of its authors."""
        if refusals := self.missing(who, "contributor", number):
            return refusals
        version = self.versions[number - 1]
        if version.description != description:
            version.description = description
            if not version.ready:
                version.authors.add(who.name)
            self.settle()
        return set()

    def finalize(self, who: Person, number: int) -> Refusals:
        """A second time does nothing, and is no fault."""
        if refusals := self.missing(who, "contributor", number):
            return refusals
        self.versions[number - 1].ready = True
        return set()

    def recall(self, who: Person, number: int) -> Refusals:
        if refusals := self.missing(who, "maintainer", number):
            return refusals
        if self.versions[number - 1].recalled:
            return {CONFLICT}
        self.versions[number - 1].recalled = True
        self.void(who, self.open_for(number))
        return set()

    def lift_recall(self, who: Person, number: int) -> Refusals:
        if refusals := self.missing(who, "maintainer", number):
            return refusals
        if not self.versions[number - 1].recalled:
            return {CONFLICT}
        self.versions[number - 1].recalled = False
        return set()

    def delete(self, who: Person, number: int) -> Refusals:
        if refusals := self.missing(who, "maintainer", number):
            return refusals
        version = self.versions[number - 1]
        if version.stage not in ("none", "archived") or number in self.aliases.values():
            return {(409, "version-in-use")}
        version.deleted = True
        self.held.pop(number, None)
        self.void(who, self.open_for(number))
        return set()

    def measure(self, who: Person, number: int, report: Report) -> Refusals:
        """Also one that was recalled can be measured."""
        if refusals := self._unmeasurable(who, number):
            return refusals
        self.versions[number - 1].evaluations.append(report)
        self.settle()
        return set()

    def check(self, who: Person, number: int, report: Report) -> Refusals:
        if refusals := self._unmeasurable(who, number):
            return refusals
        self.versions[number - 1].checks.append(report)
        self.settle()
        return set()

    def point(self, who: Person, alias: str, number: int) -> Refusals:
        refusals = self._alias_refusals(who, alias)
        version = self.version(number)
        if version is None:
            refusals.add(INVALID)
        elif not version.usable:
            refusals.add((409, "version-unusable"))
        if not refusals:
            self.aliases[alias] = number
            self.settle()
        return refusals

    def remove_alias(self, who: Person, alias: str) -> Refusals:
        refusals = self._alias_refusals(who, alias)
        if alias not in self.aliases:
            refusals.add(NOT_FOUND)
        if not refusals:
            del self.aliases[alias]
            self.settle()
        return refusals

    def missing(self, who: Person, role: str, number: int) -> Refusals:
        refusals = set() if who.has(role) else {NOT_ALLOWED}
        return refusals if self.version(number) else refusals | {NOT_FOUND}

    def _unmeasurable(self, who: Person, number: int) -> Refusals:
        refusals = self.missing(who, "contributor", number)
        is_draft = not refusals and not self.versions[number - 1].ready
        return {(409, "version-not-ready")} if is_draft else refusals

    def _alias_refusals(self, who: Person, alias: str) -> Refusals:
        role = "maintainer" if alias in self.protected else "contributor"
        refusals = set() if who.has(role) else {NOT_ALLOWED}
        if alias.lower() in {*self.policy, "none"}:
            refusals.add((409, "alias-is-stage"))
        return refusals
