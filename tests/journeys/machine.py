"""What happens on a journey: random people try random things, and after each of them the service
must have answered, and must show, what the model says."""

from typing import Any

import httpx
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.journeys.comparing import (
    History,
    Looker,
    compare_promotion,
    compare_record,
    compare_unmet,
)
from tests.journeys.desk import Desk, slug_of
from tests.journeys.judging import Promotion
from tests.journeys.model import Refusals, Registry
from tests.journeys.people import CAST

# The first of each is what shrinking tends to.
ANYBODY = st.sampled_from(sorted(CAST))
WRITERS = st.sampled_from(["alice", "dan", "ci", "ada", "bob", "mia"])
REVIEWERS = st.sampled_from(["bob", "eve", "alice", "mia", "ada", "robot", "dan"])
MAINTAINERS = st.sampled_from(["mia", "ada", "bob"])
# Places in a list, counted around.
PLACES = st.integers(0, 7)
CARE = st.sampled_from(["finalize", "recall", "lift_recall", "delete"])
TEXTS = st.sampled_from(["What changed.", "Another text.", "A third one."])
STAGES = st.sampled_from(["staging", "production", "archived", "Production", "none", "beta"])
EXCLUSIVE = st.sampled_from(["production", "production", "production", "staging", "beta"])
ALIASES = st.sampled_from(["blue", "blue", "champion", "Production"])
DECISIONS = st.sampled_from(["approve", "reject", "withdraw", "comment"])
BELIEFS = st.sampled_from(["any", "any", "any", "right", "nobody", 1])


class Journey(RuleBasedStateMachine):
    """One model of the registry, from its beginning."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.registry = Registry(revision=desk.read("/policy")["revision"])
        self.ids: list[str] = []
        self.history = History()
        self.looker = Looker()

    @initialize(writers=st.lists(WRITERS, min_size=2, max_size=3), held=st.booleans())
    def begin(self, writers: list[str], held: bool) -> None:
        """With a few versions; and where production is `held`, the first of them is there."""
        self.desk.begin()
        for who in writers:
            self.register_version(who, "What changed.", ready=True)
        if held:
            self.send_to_production("dan", "mia", 1)

    def teardown(self) -> None:
        if self.desk.model and self.registry.versions:
            self.compare(all_of_it=True)
            compare_record(self.desk, self.registry, self.ids)
            self.history.compare(self.desk)
            self.desk.met.update(f"promotion {p.status}" for p in self.registry.promotions)

    # What is tried

    @rule(who=WRITERS, text=TEXTS, ready=st.booleans())
    def register(self, who: str, text: str, ready: bool) -> None:
        self.register_version(who, text, ready=ready)
        self.compare()

    @rule(who=WRITERS, version=PLACES, text=TEXTS)
    def describe(self, who: str, version: int, text: str) -> None:
        number = self.number(version)
        refusals = self.registry.describe(CAST[who], number, text)
        answer = self.send(who, "PATCH", self.of_version(number), {"description": text})
        self.expect(answer, 200, refusals)

    @rule(who=MAINTAINERS, version=PLACES, what=CARE)
    def care_for(self, who: str, version: int, what: str) -> None:
        """What happens to a version beside its way through the stages."""
        number = self.number(version)
        method, path, body, status = {
            "finalize": ("POST", "/finalize", None, 200),
            "recall": ("POST", "/recall", {"reason": "The data leaked."}, 200),
            "lift_recall": ("DELETE", "/recall", None, 200),
            "delete": ("DELETE", "", None, 204),
        }[what]
        refusals: Refusals = getattr(self.registry, what)(CAST[who], number)
        self.expect(self.send(who, method, self.of_version(number, path), body), status, refusals)

    @rule(who=ANYBODY, version=PLACES, to=STAGES, apply=st.booleans())
    def ask(self, who: str, version: int, to: str, apply: bool) -> None:
        self.ask_for(who, self.number(version), to, apply=apply)

    @rule(asker=WRITERS, reviewer=REVIEWERS, version=PLACES)
    def go_to_production(self, asker: str, reviewer: str, version: int) -> None:
        """What happens most: by staging to production, each step as a step of its own."""
        self.send_to_production(asker, reviewer, self.number(version))

    @precondition(lambda self: self.registry.is_waiting)
    @rule(who=REVIEWERS, promotion=PLACES, decision=DECISIONS)
    def review(self, who: str, promotion: int, decision: str) -> None:
        self.say(who, self.promotion(promotion), decision)

    @precondition(lambda self: self.registry.is_waiting)
    @rule(who=ANYBODY, promotion=PLACES, expected=BELIEFS)
    def apply(self, who: str, promotion: int, expected: str | int) -> None:
        self.apply_one(who, self.promotion(promotion), expected)

    @precondition(lambda self: self.registry.is_waiting)
    @rule(who=ANYBODY, promotion=PLACES)
    def cancel(self, who: str, promotion: int) -> None:
        found = self.promotion(promotion)
        refusals = self.registry.cancel(CAST[who], found)
        self.expect(self.send(who, "POST", self.of(found, "/cancel")), 200, refusals)

    @precondition(lambda self: self.registry.is_waiting)
    @rule(who=st.sampled_from(["ada", "mia"]), promotion=PLACES)
    def override(self, who: str, promotion: int) -> None:
        found = self.promotion(promotion)
        refusals = self.registry.override(CAST[who], found)
        body = {"reason": "Nobody can be reached."}
        self.expect(self.send(who, "POST", self.of(found, "/override"), body), 200, refusals)

    @rule(who=MAINTAINERS, stage=EXCLUSIVE, to=st.none() | PLACES, expected=BELIEFS)
    def roll_back(self, who: str, stage: str, to: int | None, expected: str | int) -> None:
        number = None if to is None else self.number(to)
        body: dict[str, Any] = {"stage": stage, "reason": "It fails."}
        if number is not None:
            body["to"] = number
        believed = self.believed(stage, expected)
        if believed != "any":
            body["expected_incumbent"] = believed
        could = [
            each.version
            for each in self.registry.candidates(stage)
            if self.registry.versions[each.version - 1].usable
            and self.registry.was_approved(stage, each.version)
        ]
        refusals = self.registry.roll_back(CAST[who], stage, number, expected=believed)
        answer = self.send(who, "POST", self.desk.of_model("/rollback"), body)
        if slug_of(answer) == "cannot-roll-back":
            assert answer.json()["alternatives"] == could
        self.expect(answer, 200, refusals)

    @rule(who=WRITERS, alias=ALIASES, version=st.none() | PLACES)
    def set_alias(self, who: str, alias: str, version: int | None) -> None:
        """Point it at a version, or remove it."""
        path = self.desk.of_model(f"/aliases/{alias}")
        if version is None:
            refusals = self.registry.remove_alias(CAST[who], alias)
            self.expect(self.send(who, "DELETE", path), 204, refusals)
        else:
            number = self.number(version)
            refusals = self.registry.point(CAST[who], alias, number)
            self.expect(self.send(who, "PUT", path, {"version": number}), 200, refusals)

    @precondition(lambda self: self.registry.promotions)
    @rule(who=ANYBODY, promotion=PLACES)
    def look(self, who: str, promotion: int) -> None:
        """A promotion, and what this person is told that they can do."""
        found = self.promotion(promotion)
        body = self.desk.read(self.of(found), who)
        compare_promotion(body, found, self.registry.shown(found))
        assert body["available_actions"] == self.registry.actions(CAST[who], found)

    @rule(who=REVIEWERS)
    def open_the_inbox(self, who: str) -> None:
        body = self.desk.read("/promotions", who, reviewable=True, model=self.desk.model)
        expected = [self.ids[each.ordinal] for each in self.registry.inbox(CAST[who])]
        assert [each["id"] for each in body["items"]] == expected

    # How it is tried

    def register_version(self, who: str, text: str, *, ready: bool) -> None:
        refusals = self.registry.register(CAST[who], text, ready=ready)
        body = {"description": text, "finalize": ready}
        answer = self.send(who, "POST", self.desk.of_model("/versions"), body)
        assert answer.status_code == 201, answer.text
        assert not refusals
        assert answer.json()["number"] == len(self.registry.versions)

    def send_to_production(self, asker: str, reviewer: str, number: int) -> None:
        found = self.registry.version(number)
        if found is not None and found.stage != "staging":
            self.ask_for(asker, number, "staging", apply=True)
        asked = self.ask_for(asker, number, "production")
        if asked is not None:
            self.say(reviewer, asked, "approve")
            self.apply_one(asker, asked)

    def ask_for(self, who: str, number: int, to: str, *, apply: bool = False) -> Promotion | None:
        refusals = self.registry.ask(CAST[who], number, to, apply=apply)
        body = {"to": to, "reason": "It is better.", "apply": apply}
        answer = self.send(who, "POST", self.of_version(number, "/promotions"), body)
        if answer.status_code == 201:
            self.ids.append(answer.json()["id"])
        self.expect(answer, 201, refusals)
        return None if refusals else self.registry.promotions[-1]

    def say(self, who: str, promotion: Promotion, decision: str) -> None:
        refusals = self.registry.review(CAST[who], promotion, decision)
        path = self.of(promotion, "/reviews")
        self.expect(self.send(who, "POST", path, {"decision": decision}), 201, refusals)

    def apply_one(self, who: str, promotion: Promotion, expected: str | int = "any") -> None:
        believed = self.believed(promotion.target, expected)
        body = {} if believed == "any" else {"expected_incumbent": believed}
        shown = self.registry.shown(promotion)
        refusals = self.registry.apply(CAST[who], promotion, expected=believed)
        answer = self.send(who, "POST", self.of(promotion, "/apply"), body)
        if slug_of(answer) == "promotion-not-approved":
            compare_unmet(answer.json(), shown)
        self.expect(answer, 200, refusals)

    def believed(self, stage: str, expected: str | int) -> str | int | None:
        """Who somebody believes to hold a stage."""
        if expected == "right":
            return self.registry.incumbent(stage)
        return None if expected == "nobody" else expected

    def number(self, place: int) -> int:
        """Of one of the versions, the newest first; those that were deleted come last."""
        newest = sorted(self.registry.versions, key=lambda v: (v.deleted, -v.number))
        return newest[place % len(newest)].number

    def promotion(self, place: int) -> Promotion:
        """One of those that are undecided, or else have ended, the newest of each first."""
        newest = sorted(self.registry.promotions, key=lambda p: (not p.is_undecided, -p.ordinal))
        return newest[place % len(newest)]

    def of_version(self, number: int, path: str = "") -> str:
        return self.desk.of_model(f"/versions/{number}{path}")

    def of(self, promotion: Promotion, path: str = "") -> str:
        return f"/promotions/{self.ids[promotion.ordinal]}{path}"

    def send(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.desk.send(who, method, path, body)

    def expect(self, answer: httpx.Response, status: int, refusals: Refusals) -> None:
        """That it was answered as the model says and, where something was done, that everything is
        as it says. What a refusal would have changed shows then too, or at the end."""
        slug = slug_of(answer)
        if refusals:
            note(f"    expected one of {sorted(refusals)}")
            assert (answer.status_code, slug) in refusals, answer.text
        else:
            assert answer.status_code == status, answer.text
        self.desk.met[slug or "done"] += 1
        if not refusals:
            self.compare()

    def compare(self, *, all_of_it: bool = False) -> None:
        self.history.remember(self.registry)
        self.looker.look(self.desk, self.registry, self.ids, all_of_it=all_of_it)
