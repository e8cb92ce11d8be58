"""Whether what the service shows is what the model says."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from tests.journeys.desk import Desk
from tests.journeys.judging import Promotion, Shown
from tests.journeys.model import Registry

MOST_INSTANTS = 6
ENDS = {"applied", "rejected", "cancelled", "expired", "superseded", "voided"}


class History:
    """Who held what at instants of this test's own clock, as the model said then."""

    def __init__(self) -> None:
        self._instants: list[tuple[datetime, dict[str, set[int]]]] = []

    def remember(self, registry: Registry) -> None:
        """Note what is held now, where it is not what was held at last."""
        now = {stage: registry.holders(stage) for stage in registry.policy}
        if not self._instants or self._instants[-1][1] != now:
            self._instants.append((datetime.now(UTC), now))

    def compare(self, desk: Desk, stages: set[str]) -> None:
        """Ask the service who held each stage that is there at these instants: the latest ones."""
        for at, held in self._instants[-MOST_INSTANTS:]:
            for stage in sorted((held.keys() & stages) - {"archived"}):
                found = desk.read(desk.of_model(f"/stages/{stage}"), at=at.isoformat())
                holders = {each["number"] for each in found["holders"]}
                assert holders == held[stage], (stage, at, holders, held[stage])
                one = next(iter(holders)) if len(holders) == 1 else None
                assert found["number"] == one


class Looker:
    """Compares what is shown with the model. What the model has not changed since the last look is
    looked at again when it has, and at the end: each look takes a request."""

    def __init__(self) -> None:
        self._seen: dict[str, Any] = {}

    def look(self, desk: Desk, registry: Registry, ids: list[str], *, all_of_it: bool) -> None:
        promotions = [expected_promotion(p, registry.shown(p)) for p in registry.promotions]
        versions = expected_versions(registry)
        if self._is_news("promotions", promotions) or all_of_it:
            compare_promotions(desk, promotions, ids)
        if self._is_news("versions", versions) or all_of_it:
            compare_versions(desk, versions)
        if self._is_news("moves", (len(registry.transitions), registry.revision)) or all_of_it:
            compare_stages(desk, registry, ids)

    def _is_news(self, what: str, expected: Any) -> bool:
        was, self._seen[what] = self._seen.get(what), expected
        return bool(was != expected)


def compare_promotions(desk: Desk, expected: list[dict[str, Any]], ids: list[str]) -> None:
    """All promotions of the model."""
    listed = desk.read_all("/promotions", model=desk.model)
    assert [each["id"] for each in listed] == ids[::-1]
    assert [found_promotion(each) for each in reversed(listed)] == expected


def found_promotion(body: dict[str, Any]) -> dict[str, Any]:
    """All that is shown of a promotion but its times and its `available_actions`."""
    assert (body["ended_at"] is not None) == (body["status"] in ENDS)
    return {
        "version": body["version"],
        "from": body["from"],
        "to": body["to"],
        "status": body["status"],
        "requested_by": body["requested_by"],
        "ended_by": body["ended_by"],
        "opened_under": body["opened_under_revision"],
        "under": body["policy_revision"],
        "overridden": body["override"] is not None,
        "incumbent": body["incumbent"],
        "gates": [(each["type"], each["passed"]) for each in body["gates"]],
        "required": body["approvals"]["required"],
        "given": body["approvals"]["given"],
        "approvers": [tuple(rule["given_by"]) for rule in body["approvals"]["rules"]],
        "reviews": [
            (each["reviewer"], each["decision"], each["counts"], each["stale"])
            for each in body["reviews"]
        ],
    }


def expected_promotion(promotion: Promotion, shown: Shown) -> dict[str, Any]:
    """The same by the model."""
    return {
        "version": promotion.version,
        "from": promotion.source,
        "to": promotion.target,
        "status": promotion.status,
        "requested_by": promotion.asker,
        "ended_by": promotion.ended_by,
        "opened_under": promotion.opened_under,
        "under": promotion.under,
        "overridden": promotion.overridden,
        "incumbent": shown.incumbent,
        "gates": list(shown.gates),
        "required": shown.required,
        "given": shown.given,
        "approvers": list(shown.approvers),
        "reviews": [
            (review.reviewer, review.decision, counts, stale)
            for review, counts, stale in zip(
                promotion.reviews, shown.counts, shown.stale, strict=True
            )
        ],
    }


def compare_unmet(body: dict[str, Any], shown: Shown) -> None:
    """That a refusal for want of approval lists each thing that is missing."""
    assert Counter(each["kind"] for each in body["unmet"]) == shown.unmet, body["unmet"]


def compare_versions(desk: Desk, expected: dict[int, Any]) -> None:
    """Versions with their stages and aliases. Numbers have no gaps but those of deleted ones."""
    found = {
        each["number"]: (
            each["status"],
            each["stage"],
            sorted(each["aliases"]),
            each["recalled"] is not None,
            set(each["authors"]),
            each["description"],
        )
        for each in desk.read_all(desk.of_model("/versions"))
    }
    assert found == expected


def expected_versions(registry: Registry) -> dict[int, Any]:
    """What is to be shown of each version."""
    return {
        each.number: (
            "ready" if each.ready else "draft",
            each.stage,
            sorted(name for name, number in registry.aliases.items() if number == each.number),
            each.recalled,
            set(each.authors),
            each.description,
        )
        for each in registry.versions
        if not each.deleted
    }


def compare_policy(desk: Desk, registry: Registry) -> None:
    """What is in force for the model."""
    body = desk.read(desk.of_model("/policy"))
    found: dict[str, Any] = {
        each["name"]: (
            set(each["from"]),
            each["exclusive"],
            each["incumbent"],
            [(a["count"], tuple(a["roles"]), tuple(a["identities"])) for a in each["approvals"]],
            each["allow_self_approval"],
            each["allow_author_approval"],
            each["min_hours_in_source"],
            [gate["type"] for gate in each["gates"]],
        )
        for each in body["stages"]
    }
    assert found == {
        name: (
            set(rule.sources),
            rule.exclusive,
            rule.incumbent,
            [(each.count, each.roles, each.identities) for each in rule.approvals],
            rule.allow_self,
            rule.allow_author,
            rule.hours,
            [gate["type"] for gate in rule.gates],
        )
        for name, rule in registry.policy.items()
    }
    assert set(body["protected_aliases"]) == registry.protected
    assert body["revision"] == registry.revision


def compare_stages(desk: Desk, registry: Registry, ids: list[str]) -> None:
    """Who holds what, and that each came there by one cause: the model's."""
    stages = desk.read(desk.of_model("/stages"))["stages"]
    assert {each["stage"] for each in stages} == {"none", *registry.policy} - {"none"}
    for stage in stages:
        name = stage["stage"]
        assert stage["exclusive"] == registry.policy[name].exclusive
        assert stage["count"] == len(stage["holders"])
        assert not stage["exclusive"] or stage["count"] <= 1
        assert {each["number"] for each in stage["holders"]} == registry.holders(name)
        for holder in stage["holders"]:
            tenure = registry.held[holder["number"]]
            kind, place = tenure.cause
            assert (holder["promotion"] is None) != (holder["rollback"] is None)
            assert holder["overridden"] == tenure.overridden
            assert (holder["promotion"] is not None) == (kind == "promotion")
            assert kind == "rollback" or holder["promotion"] == ids[place]


def compare_record(desk: Desk, registry: Registry, ids: list[str]) -> None:
    """At the end: every transition is there, each with its event, and so is what became of each
    promotion."""
    transitions = desk.read_all(desk.of_model("/transitions"))[::-1]
    found = [
        (each["number"], each["kind"], each["from"], each["to"], each["actor"])
        for each in transitions
    ]
    assert found == [
        (each.version, each.kind, each.source, each.target, each.actor)
        for each in registry.transitions
    ]
    for each, moved in zip(transitions, registry.transitions, strict=True):
        assert (each["promotion"] is None) != (each["rollback"] is None)
        kind, place = moved.cause
        assert kind == "rollback" or each["promotion"] == ids[place]
    events = desk.read_all("/events", model=desk.model)
    told = [
        (e["version"], e["details"]["kind"], e["details"]["from"], e["details"]["to"], e["actor"])
        for e in events
        if e["action"] == "version.moved"
    ]
    assert told == found
    _compare_told(events, registry, ids)


def _compare_told(events: list[dict[str, Any]], registry: Registry, ids: list[str]) -> None:
    told: dict[str, list[tuple[str, str]]] = {each: [] for each in ids}
    for event in events:
        room, _, action = event["action"].partition(".")
        if room == "promotion":
            told[event["subject"].removeprefix("promotion:")].append((action, event["actor"]))
    for promotion_id, promotion in zip(ids, registry.promotions, strict=True):
        assert told[promotion_id] == promotion.told
    assert sum(each["action"] == "stage.rolled_back" for each in events) == registry.rollbacks
