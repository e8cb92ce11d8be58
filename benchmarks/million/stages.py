"""Who held which stage, and by which promotions: planned from the numbers of versions, and written
as rows once it is known when those versions were made."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from benchmarks.million.population import (
    PEOPLE,
    REVIEWER,
    Population,
    person,
    ready_at_or_before,
    row_id,
)

STAGED_AFTER, PROMOTED_AFTER = timedelta(hours=1), timedelta(days=1)
HOLDERS, HOLDERS_OF_BIG = 4, 40
TO_STAGING, TO_PRODUCTION = 1, 2  # parts of the ids of promotions
REASON = "Better on every slice of the holdout."
_RULE = {"count": 1, "roles": ["reviewer"], "groups": [], "identities": []}


class Known(NamedTuple):
    """What is known of a version that holds a stage, once it is made."""

    id: UUID
    at: datetime
    manifest: str
    recipe: str
    description: str


@dataclass
class Plan:
    """Who has held production in a model, in order, and who holds staging."""

    model: int
    holders: list[int]
    staged: int = 0
    known: dict[int, Known] = field(default_factory=dict)

    @property
    def numbers(self) -> set[int]:
        """The versions that must be known to write the rows."""
        return {*self.holders, self.staged} - {0}

    @property
    def holder(self) -> int:
        """Who holds production; 0 for nobody."""
        return self.holders[-1] if self.holders else 0


def plans(population: Population) -> list[Plan]:
    """A plan for each model: a sixth of them have nothing in production yet."""
    return [_plan(model, count) for model, count in enumerate(population.counts)]


def _plan(model: int, count: int) -> Plan:
    wanted = HOLDERS if model else HOLDERS_OF_BIG
    if model % 6 == 5:
        wanted = 0
    found = {
        ready_at_or_before(model, (count - 2) * place // wanted) for place in range(1, wanted + 1)
    }
    holders = sorted(found - {0})
    staged = ready_at_or_before(model, count)
    return Plan(model, holders, staged if staged > max(holders, default=0) else 0)


@dataclass
class Rows:
    """Rows by their table, each a tuple in the order of `COLUMNS`."""

    promotions: list[tuple[Any, ...]] = field(default_factory=list)
    reviews: list[tuple[Any, ...]] = field(default_factory=list)
    tenures: list[tuple[Any, ...]] = field(default_factory=list)
    transitions: list[tuple[Any, ...]] = field(default_factory=list)
    aliases: list[tuple[Any, ...]] = field(default_factory=list)
    alias_changes: list[tuple[Any, ...]] = field(default_factory=list)


COLUMNS = {
    "promotions": "id model_id version_id from_stage to_stage status reason requested_by_id "
    "requested_by manifest_sha256 recipe_sha256 policy_revision opened_under_revision created_at "
    "expires_at ended_at ended_by_id ended_by findings revision",
    "reviews": "id promotion_id reviewer_id reviewer decision manifest_sha256 recipe_sha256 "
    "description_sha256 policy_revision at",
    "tenures": "id model_id version_id stage exclusive held promotion_id",
    "transitions": "model_id version_id kind from_stage to_stage promotion_id reason actor_id "
    "actor at",
    "aliases": "model_id name version_id set_by set_at",
    "alias_changes": "model_id name to_number actor at",
}


@dataclass(frozen=True, slots=True)
class Writer:
    """Turns plans into rows. `models` and `people` are identifiers by place and by name."""

    models: list[UUID]
    people: dict[str, UUID]
    policy: int
    rows: Rows = field(default_factory=Rows)

    def write(self, plan: Plan) -> None:
        """All rows of one model."""
        for place in range(len(plan.holders)):
            until = None
            if place + 1 < len(plan.holders):
                until = plan.known[plan.holders[place + 1]].at + PROMOTED_AFTER
            self._bring_to_production(plan, place, until)
        if plan.staged:
            self._stage(plan, plan.staged, None)
        for alias, number in (("champion", plan.holder), ("candidate", plan.staged)):
            if number:
                self._set_alias(plan, alias, number)

    def _stage(self, plan: Plan, number: int, until: datetime | None) -> None:
        since = plan.known[number].at + STAGED_AFTER
        cause = self._promotion(plan, number, "none", "staging", since, None)
        self._tenure(plan, number, "staging", since, until, cause)

    def _bring_to_production(self, plan: Plan, place: int, until: datetime | None) -> None:
        number = plan.holders[place]
        before = plan.holders[place - 1] if place else None
        since = plan.known[number].at + PROMOTED_AFTER
        self._stage(plan, number, since)
        cause = self._promotion(plan, number, "staging", "production", since, before)
        self._tenure(plan, number, "production", since, until, cause)
        if before is not None:
            self._tenure(plan, before, "archived", since, None, cause)
            self._transition(plan, before, "succession", "production", "archived", cause, since)

    def _promotion(
        self,
        plan: Plan,
        number: int,
        source: str,
        target: str,
        at: datetime,
        incumbent: int | None,
    ) -> UUID:
        known, who = plan.known[number], PEOPLE[person(plan.model, number)]
        reviewed = target == "production"
        cause = row_id(at, plan.model, number, TO_PRODUCTION if reviewed else TO_STAGING)
        asked = at - timedelta(minutes=30)
        findings = _findings(incumbent, cause if reviewed else None)
        self.rows.promotions.append(
            (
                *(cause, self.models[plan.model], known.id, source, target, "applied", REASON),
                *(self.people[who], who, known.manifest, known.recipe, self.policy, self.policy),
                *(asked, at + timedelta(days=7), at, self.people[who], who),
                *(json.dumps(findings), 3),
            )
        )
        if reviewed:
            saw = hashlib.sha256(known.description.encode()).hexdigest()
            self.rows.reviews.append(
                (
                    *(_review_id(cause), cause, self.people[REVIEWER], REVIEWER, "approve"),
                    *(known.manifest, known.recipe, f"\\x{saw}", self.policy),
                    at - timedelta(minutes=5),
                )
            )
        self._transition(plan, number, "promotion", source, target, cause, at)
        return cause

    def _tenure(
        self,
        plan: Plan,
        number: int,
        stage: str,
        since: datetime,
        until: datetime | None,
        cause: UUID,
    ) -> None:
        held = f'["{since.isoformat()}",' + (f'"{until.isoformat()}")' if until else ")")
        self.rows.tenures.append(
            (
                *(row_id(since, plan.model, number, len(stage)), self.models[plan.model]),
                *(plan.known[number].id, stage, stage == "production", held, cause),
            )
        )

    def _transition(
        self,
        plan: Plan,
        number: int,
        kind: str,
        source: str,
        target: str,
        cause: UUID,
        at: datetime,
    ) -> None:
        who = PEOPLE[person(plan.model, number)]
        self.rows.transitions.append(
            (
                *(self.models[plan.model], plan.known[number].id, kind, source, target, cause),
                *(REASON, self.people[who], who, at),
            )
        )

    def _set_alias(self, plan: Plan, alias: str, number: int) -> None:
        known, who = plan.known[number], PEOPLE[person(plan.model, number)]
        at = known.at + 2 * PROMOTED_AFTER
        model = self.models[plan.model]
        self.rows.aliases.append((model, alias, known.id, who, at))
        self.rows.alias_changes.append((model, alias, number, who, at))

    def tables(self) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
        """The rows of each table in the order in which they may be written, the oldest first."""
        self.rows.transitions.sort(key=lambda row: row[-1])
        self.rows.alias_changes.sort(key=lambda row: row[-1])
        self.rows.promotions.sort(key=lambda row: row[0])
        for table in COLUMNS:
            yield table, getattr(self.rows, table)


def _review_id(promotion: UUID) -> UUID:
    return UUID(int=promotion.int ^ 1)


def _findings(incumbent: int | None, reviewed: UUID | None) -> dict[str, Any]:
    """What was found of a promotion when it was applied, under the default policy."""
    rules = [{**_RULE, "given": 1, "missing": 0, "given_by": [REVIEWER]}] if reviewed else []
    return {
        "gates": [],
        "approvals": {"required": len(rules), "given": len(rules), "missing": 0, "rules": rules},
        "rejected_by": [],
        "counting": [str(_review_id(reviewed))] if reviewed else [],
        "stale": {},
        "notes": {},
        "incumbent": incumbent,
        "empties": False,
        "allow_self_approval": False,
        "allow_author_approval": False,
    }
