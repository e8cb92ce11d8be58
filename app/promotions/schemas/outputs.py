"""What answers about promotions look like."""

from typing import Any
from uuid import UUID

from pydantic import Field

from app.core.schemas import Digest, Output, Time
from app.policies.schemas.outputs import FreezeOutput
from app.promotions.rules.words import Decision, Status
from app.promotions.schemas.changes import ChangesOutput


class ApprovalRuleState(Output):
    """One approval rule and how far it is met. `roles`, `groups` and `identities` are
    alternatives."""

    count: int = Field(description="How many people it asks for.", examples=[1])
    roles: list[str] = Field(
        description="Of one of these roles, or higher.", examples=[["reviewer"]]
    )
    groups: list[str] = Field(description="In one of these groups.", examples=[[]])
    identities: list[str] = Field(description="Or named here.", examples=[[]])
    given: int = Field(description="How many approvals count for it.", examples=[0])
    missing: int = Field(description="How many more it takes.", examples=[1])
    given_by: list[str] = Field(description="Whose approvals count for it.", examples=[[]])


class ApprovalsState(Output):
    """How many approvals are there, summed over the rules: one person may fill several."""

    required: int = Field(description="How many are asked for in all.", examples=[1])
    given: int = Field(description="How many count.", examples=[0])
    missing: int = Field(description="How many are still missing.", examples=[1])
    rules: list[ApprovalRuleState] = Field(description="The same for each rule.")


class ReviewOutput(Output):
    """A review, and whether it counts."""

    id: UUID = Field(description="The review.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a83"])
    reviewer: str = Field(description="Who gave it.", examples=["bob"])
    decision: Decision = Field(description="What it says.", examples=["approve"])
    comment: str = Field(
        description="What they wrote.", examples=["Checked against last month's data."]
    )
    at: Time = Field(description="When.")
    counts: bool = Field(
        description="Whether it has weight: an approval that fills a rule, or a rejection that "
        "blocks. For an ended promotion, as it was then."
    )
    stale: bool = Field(
        description="Whether something changed since it was given: the description, or the policy."
    )
    note: str | None = Field(
        description="Why it does not count, or what changed since.",
        examples=["the description was edited since"],
    )
    manifest_sha256: Digest = Field(description="The files that it saw.")
    recipe_sha256: Digest = Field(description="The recipe that it saw.")
    policy_revision: int = Field(description="The policy revision that it saw.", examples=[1])


class OverrideState(Output):
    """That an admin broke the rules, and which."""

    reason: str = Field(
        description="Why.",
        examples=["Production answers nonsense, and no reviewer can be reached."],
    )
    by: str = Field(description="Who.", examples=["admin"])
    unmet: list[dict[str, str]] = Field(description="What was missing: `kind` and `detail`.")


class PromotionOutput(Output):
    """A promotion."""

    id: UUID = Field(
        description="The promotion.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"]
    )
    model: str = Field(description="The model's name.", examples=["churn"])
    version: int = Field(description="The version's number.", examples=[7])
    version_name: str | None = Field(
        description="The version's name, if it has one.", examples=[None]
    )
    from_: str = Field(
        alias="from",
        description="The stage that the version held when it was asked.",
        examples=["staging"],
    )
    to: str = Field(description="The stage it is to enter.", examples=["production"])
    status: Status = Field(
        description="`open`; `approved` while every gate passes and every approval rule is met; "
        "`applied`; or ended: `rejected`, `cancelled`, `expired`, `superseded` (another version "
        "took the exclusive stage), `voided` (the version was deleted, recalled or left its "
        "stage, or the target stage is gone).",
        examples=["open"],
    )
    reason: str = Field(
        description="Why it was asked.",
        examples=["AUC 0.934 instead of 0.921 on the same held-out data."],
    )
    requested_by: str = Field(description="Who asked.", examples=["alice"])
    manifest_sha256: Digest = Field(description="The files that it is about.")
    recipe_sha256: Digest = Field(description="The recipe that it is about.")
    policy_revision: int = Field(description="The policy that it must satisfy.", examples=[1])
    opened_under_revision: int = Field(
        description="The policy revision at the time it was asked.", examples=[1]
    )
    policy_flags: list[str] = Field(
        description="What is flagged about that policy: `loosened` (it allows what an earlier "
        "one did not, and no later one took that back), `replaces_default`.",
        examples=[[]],
    )
    incumbent: int | None = Field(
        description="Who holds the exclusive target stage; for an ended promotion, who held it "
        "then. Null for nobody, or where several may hold it.",
        examples=[6],
    )
    gates: list[dict[str, Any]] = Field(
        description="Each gate: its `type` and settings, `passed`, and `detail`, a sentence. What "
        "else the stage asks for stands here too: `from`, `min_hours_in_source`, `incumbent`.",
        examples=[
            [
                {
                    "type": "metric",
                    "metric": "auc",
                    "op": ">=",
                    "value": 0.9,
                    "passed": True,
                    "detail": "auc is 0.934; 0.9 or more is asked for.",
                }
            ]
        ],
    )
    freeze: FreezeOutput | None = Field(
        description="The freeze that keeps it from being applied now; an override still is."
    )
    approvals: ApprovalsState = Field(description="How many approvals there are.")
    reviews: list[ReviewOutput] = Field(description="All reviews, the oldest first.")
    changes: ChangesOutput | None = Field(
        description="How the version differs from the one that it would replace, as far as that is "
        "known now; for an ended promotion, as it was then. Null in lists, and where the version "
        "was deleted. The `ETag` does not cover it: see the route of a single promotion."
    )
    available_actions: list[str] = Field(
        description="What you can do with it now: `approve`, `reject`, `comment`, `withdraw`, "
        "`apply`, `cancel`, `override`.",
        examples=[["approve", "reject", "comment"]],
    )
    override: OverrideState | None = Field(
        description="Set for ever where an admin applied it against the rules."
    )
    created_at: Time = Field(description="When it was asked.")
    expires_at: Time | None = Field(description="When it expires if undecided; null: never.")
    ended_at: Time | None = Field(description="When it was applied or ended otherwise.")
    ended_by: str | None = Field(
        description="Who applied or ended it; `stageward` where a rule did.", examples=[None]
    )
    ended_because: str | None = Field(
        description="Why it ended; null where it was applied.",
        examples=["Version 8 took the stage production."],
    )
