"""What happens on a journey: random people try random things, and after each of them the service
must have answered, and must show, what the model says."""

from typing import Any

import httpx
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.journeys.catalogue import BASES, body_of
from tests.journeys.choices import ADDED, AUCS, STEPS, WRITERS, Step
from tests.journeys.comparing import (
    History,
    Looker,
    compare_policy,
    compare_record,
    compare_unmet,
    expected_promotion,
    found_promotion,
)
from tests.journeys.desk import Desk, slug_of
from tests.journeys.gates import Report
from tests.journeys.judging import Promotion
from tests.journeys.model import Registry
from tests.journeys.people import CAST
from tests.journeys.versions import Refusals


class Journey(RuleBasedStateMachine):
    """One model of the registry, from its beginning."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.registry = Registry(revision=desk.read("/policy")["revision"])
        self.ids: list[str] = []
        self.history = History()
        self.looker = Looker()

    @initialize(
        writers=st.lists(WRITERS, min_size=2, max_size=4),
        held=st.booleans(),
        measured=st.lists(AUCS, max_size=2),
        pieces=ADDED,
    )
    def begin(
        self, writers: list[str], held: bool, measured: list[float], pieces: list[str]
    ) -> None:
        """With a few versions, the first of them in production where it is `held`, some `measured`
        on the same data, and a policy."""
        self.desk.begin()
        for who in writers:
            self.register_version(who, "What changed.", ready=True, auc=0.9)
        if held:
            self.send_to_production("dan", ["bob", "mia", "eve"], 1, apply=True)
        for number, auc in enumerate(measured, 1):
            self.report_auc("ci", number, auc, "a" * 64)
        if pieces:
            self.set_policy("ada", pieces, "", {})

    def teardown(self) -> None:
        if self.desk.model and self.registry.versions:
            self.compare(all_of_it=True)
            compare_record(self.desk, self.registry, self.ids)
            self.history.compare(self.desk, set(self.registry.policy))
            self.desk.met.update(f"promotion {p.status}" for p in self.registry.promotions)

    @rule(step=STEPS)
    def happens(self, step: Step) -> None:
        """One thing after another, all of them equally free. As rules of their own, half of them
        would be turned off in each journey."""
        if self.registry.is_waiting or step.what == "look" or "promotion" not in step.choices:
            getattr(self, step.what)(**step.choices)

    # What is tried

    def register(self, who: str, text: str, ready: bool, auc: float | None) -> None:
        self.register_version(who, text, ready=ready, auc=auc)
        self.compare()

    def describe(self, who: str, version: int, text: str) -> None:
        number = self.number(version)
        refusals = self.registry.describe(CAST[who], number, text)
        answer = self.send(who, "PATCH", self.of_version(number), {"description": text})
        self.expect(answer, 200, refusals)

    def care_for(self, who: str, version: int, how: str) -> None:
        """What happens to a version beside its way through the stages."""
        number = self.number(version)
        method, path, body, status = {
            "finalize": ("POST", "/finalize", None, 200),
            "recall": ("POST", "/recall", {"reason": "The data leaked."}, 200),
            "lift_recall": ("DELETE", "/recall", None, 200),
            "delete": ("DELETE", "", None, 204),
        }[how]
        refusals: Refusals = getattr(self.registry, how)(CAST[who], number)
        self.expect(self.send(who, method, self.of_version(number, path), body), status, refusals)

    def report(self, who: str, version: int, found: float | str, sha256: str | None) -> None:
        """A measurement on a data set or, where a word was found, a check."""
        number = self.number(version)
        if isinstance(found, str):
            self.report_check(who, number, found)
        else:
            self.report_auc(who, number, found, sha256)

    def set_policy(self, who: str, pieces: list[str], base: str, more: dict[str, Any]) -> None:
        """What the model adds to the default or, upon a base, has instead of it; or nothing."""
        replaces = base in BASES
        body = None if base == "nothing" else body_of(pieces, base, more)
        refusals = self.registry.refuse_policy(CAST[who], body, replaces=replaces)
        path = self.desk.of_model("/policy")
        if body is None:
            answer = self.send(who, "DELETE", path)
        else:
            answer = self.send(who, "PUT", path, body | {"replaces_default": replaces})
        if answer.is_success:
            revision = self.desk.read(path)["revision"]
            assert revision > self.registry.revision
            self.registry.adopt_policy(body, replaces=replaces, revision=revision)
            compare_policy(self.desk, self.registry)
        self.expect(answer, 204 if body is None else 200, refusals)

    def ask(self, who: str, version: int, to: str, apply: bool) -> None:
        self.ask_for(who, self.number(version, waits=False), to, apply=apply)

    def go_to_production(self, asker: str, version: int, reviewers: list[str], apply: bool) -> None:
        """What happens most: by staging to production, each step as a step of its own."""
        number = self.number(version, waits=False)
        self.send_to_production(asker, reviewers, number, apply=apply)

    def review(self, who: str, promotion: int, decision: str) -> None:
        self.say(who, self.promotion(promotion), decision)

    def apply(self, who: str, promotion: int, expected: str | int) -> None:
        self.apply_one(who, self.promotion(promotion), expected)

    def end(self, who: str, promotion: int, how: str) -> None:
        """Take it back, or break the glass."""
        found = self.promotion(promotion)
        refusals: Refusals = getattr(self.registry, how)(CAST[who], found)
        body = {"reason": "Nobody can be reached."}
        self.expect(self.send(who, "POST", self.of(found, f"/{how}"), body), 200, refusals)

    def roll_back(self, who: str, stage: str, to: int, expected: str | int) -> None:
        number = None if to < 0 else self.number(to)
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

    def set_alias(self, who: str, alias: str, version: int) -> None:
        """Point it at a version, or remove it."""
        path = self.desk.of_model(f"/aliases/{alias}")
        if version < 0:
            refusals = self.registry.remove_alias(CAST[who], alias)
            self.expect(self.send(who, "DELETE", path), 204, refusals)
        else:
            number = self.number(version)
            refusals = self.registry.point(CAST[who], alias, number)
            self.expect(self.send(who, "PUT", path, {"version": number}), 200, refusals)

    def look(self, who: str, promotion: int) -> None:
        """A promotion, and what this person is told that they can do; or their inbox."""
        if promotion < 0 or not self.registry.promotions:
            page = self.desk.read("/promotions", who, reviewable=True, model=self.desk.model)
            expected = [self.ids[each.ordinal] for each in self.registry.inbox(CAST[who])]
            assert [each["id"] for each in page["items"]] == expected
        else:
            found = self.promotion(promotion)
            body = self.desk.read(self.of(found), who)
            assert found_promotion(body) == expected_promotion(found, self.registry.shown(found))
            assert body["available_actions"] == self.registry.actions(CAST[who], found)

    # How it is tried

    def register_version(
        self, who: str, text: str, *, ready: bool, auc: float | None = None
    ) -> None:
        refusals = self.registry.register(CAST[who], text, ready=ready, auc=auc)
        body = {"description": text, "finalize": ready, "metrics": {"auc": auc} if auc else {}}
        answer = self.send(who, "POST", self.desk.of_model("/versions"), body)
        assert answer.status_code == 201, answer.text
        assert not refusals
        assert answer.json()["number"] == len(self.registry.versions)

    def send_to_production(
        self, asker: str, reviewers: list[str], number: int, *, apply: bool
    ) -> None:
        found = self.registry.version(number)
        if found is not None and found.stage != "staging":
            self.ask_for(asker, number, "staging", apply=True)
        waiting = [p for p in self.registry.open_for(number) if p.target == "production"]
        asked = waiting[0] if waiting else self.ask_for(asker, number, "production")
        if asked is not None:
            for reviewer in reviewers:
                self.say(reviewer, asked, "approve")
            if apply:
                self.apply_one(asker, asked)

    def report_auc(self, who: str, number: int, auc: float, sha256: str | None) -> None:
        report = Report(who, "holdout", sha256=sha256, value=auc)
        refusals = self.registry.measure(CAST[who], number, report)
        body = {"dataset": {"name": "holdout", "sha256": sha256}, "metrics": {"auc": auc}}
        path = self.of_version(number, "/evaluations")
        self.expect(self.send(who, "POST", path, body), 201, refusals)

    def report_check(self, who: str, number: int, status: str) -> None:
        """Who says again what they said last is answered what there is."""
        report = Report(who, "ci/unit", status=status)
        checks = self.registry.versions[number - 1].checks
        code = 200 if checks and checks[-1] == report else 201
        refusals = self.registry.check(CAST[who], number, report)
        path = self.of_version(number, "/checks/ci/unit")
        self.expect(self.send(who, "PUT", path, {"status": status}), code, refusals)

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

    def number(self, place: int, *, waits: bool = True) -> int:
        """Of one of the versions: first those for which something is open (or, if asked, for which
        nothing is), the newest first; those that were deleted come last."""
        newest = sorted(
            self.registry.versions,
            key=lambda v: (v.deleted, bool(self.registry.open_for(v.number)) != waits, -v.number),
        )
        return newest[place % len(newest)].number

    def promotion(self, place: int) -> Promotion:
        """One of those that are undecided, the newest first, or the last one that has ended."""
        newest = self.registry.promotions[::-1]
        ended = [each for each in newest if not each.is_undecided]
        found = [each for each in newest if each.is_undecided] + ended[:1]
        return found[place % len(found)]

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
