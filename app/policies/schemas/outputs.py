"""What answers about policies look like."""

from typing import Any, Self

from pydantic import Field

from app.core.schemas import Output, Time
from app.policies.rules import ApprovalRule, Freeze, Policy, StageRule


class ApprovalRuleOutput(Output):
    """Who must approve. `roles`, `groups` and `identities` are alternatives; with none of them,
    any reviewer will do. One person counts once per rule and may fill several rules."""

    count: int = Field(description="How many people.", examples=[1])
    roles: list[str] = Field(
        default_factory=list,
        description="Of one of these roles, or a higher one.",
        examples=[["reviewer"]],
    )
    groups: list[str] = Field(
        default_factory=list, description="In one of these groups.", examples=[[]]
    )
    identities: list[str] = Field(
        default_factory=list,
        description="Or named here; a service account counts only so.",
        examples=[[]],
    )

    @classmethod
    def of(cls, rule: ApprovalRule) -> Self:
        """The rule as it is shown."""
        return cls(
            count=rule.count,
            roles=list(rule.roles),
            groups=list(rule.groups),
            identities=list(rule.identities),
        )


class StageRuleOutput(Output):
    """What it takes to enter one stage. In a model's own policy as it was set, null says that it
    adds nothing to the default there."""

    name: str = Field(description="The stage.", examples=["production"])
    from_: list[str] | None = Field(
        default=None,
        alias="from",
        description="The stages from which a version may come; no other way is allowed.",
        examples=[["staging"]],
    )
    exclusive: bool | None = Field(
        default=None, description="Whether at most one version holds it.", examples=[True]
    )
    incumbent: str | None = Field(
        default=None,
        description="What becomes of the holder when another version enters: `archive`, `keep`, "
        "or `refuse` (nobody enters while it is held).",
        examples=["archive"],
    )
    approvals: list[ApprovalRuleOutput] = Field(
        default_factory=list, description="All of these must be met."
    )
    allow_self_approval: bool | None = Field(
        default=None, description="Whether who asked may approve.", examples=[False]
    )
    allow_author_approval: bool | None = Field(
        default=None,
        description="Whether who wrote content of the version may approve.",
        examples=[False],
    )
    expires_after_hours: float | None = Field(
        default=None,
        description="After so many hours an undecided promotion expires; null: never.",
        examples=[72],
    )
    min_hours_in_source: float | None = Field(
        default=None,
        description="So many hours a version must have held the stage it comes from.",
        examples=[24],
    )
    gates: list[dict[str, Any]] = Field(
        default_factory=list,
        description="All of these must pass.",
        examples=[[{"type": "metric", "metric": "auc", "op": ">=", "value": 0.9}]],
    )

    @classmethod
    def of(cls, rule: StageRule) -> Self:
        """The rule as it is shown."""
        return cls(
            name=rule.name,
            from_=list(rule.from_stages),
            exclusive=rule.exclusive,
            incumbent=rule.incumbent,
            approvals=[ApprovalRuleOutput.of(each) for each in rule.approvals],
            allow_self_approval=rule.allow_self_approval,
            allow_author_approval=rule.allow_author_approval,
            expires_after_hours=rule.expires_after_hours,
            min_hours_in_source=rule.min_hours_in_source,
            gates=list(rule.gates),
        )


class FreezeOutput(Output):
    """A time in which promotions are not applied; a rollback and an override are."""

    from_: Time = Field(alias="from", description="Its beginning.")
    to: Time = Field(description="Its end; at this instant it is over.")
    reason: str = Field(description="Why.", examples=["Holiday season."])

    @classmethod
    def of(cls, window: Freeze) -> Self:
        """The freeze as it is shown."""
        return cls(from_=window.start, to=window.end, reason=window.reason)


class PolicyOutput(Output):
    """What promotions must satisfy."""

    stages: list[StageRuleOutput] = Field(description="What it takes to enter each stage.")
    protected_aliases: list[str] = Field(
        description="Aliases that only a maintainer sets or removes.", examples=[["champion"]]
    )
    freeze: list[FreezeOutput] = Field(description="When nothing is applied.")

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """The policy as it is shown."""
        return cls(
            stages=[StageRuleOutput.of(rule) for rule in policy.stages],
            protected_aliases=sorted(policy.protected_aliases),
            freeze=[FreezeOutput.of(window) for window in policy.freeze],
        )


class PolicyRevisionOutput(PolicyOutput):
    """One revision of a policy, as it was set. Revisions never change."""

    revision: int = Field(description="Its number; later ones are higher.", examples=[1])
    model: str | None = Field(
        description="The model that it belongs to; null for the default policy.", examples=[None]
    )
    replaces_default: bool = Field(
        description="Whether it stands instead of the default.", examples=[False]
    )
    loosened: bool = Field(
        description="Whether it allows what was not allowed before it: flagged for ever.",
        examples=[False],
    )
    removed: bool = Field(
        description="Whether it took the model's own policy away, so that the default alone holds.",
        examples=[False],
    )
    created_by: str = Field(description="Who set it.", examples=["stageward"])
    created_at: Time = Field(description="When it was set.")


class ModelPolicyOutput(PolicyOutput):
    """The policy in force for a model: what the default and the model's own make together."""

    model: str = Field(description="The model's name.", examples=["churn"])
    revision: int = Field(
        description="The latest revision that it is made of; promotions and reviews name it.",
        examples=[4],
    )
    default_revision: int = Field(
        description="The revision of the default policy that it is made of.", examples=[1]
    )
    own: PolicyRevisionOutput | None = Field(
        description="What the model adds to the default, as it was set; null for nothing."
    )
