"""What a changelog looks like."""

from typing import Literal

from pydantic import Field

from app.core.schemas import Output, Time
from app.versions.schemas import RecalledOutput


class MetricChange(Output):
    """One of a version's own metrics, and how it stands to the ready version before."""

    metric: str = Field(description="Which metric.", examples=["auc"])
    value: float = Field(description="Its value.", examples=[0.934])
    before: float | None = Field(
        description="The value of the ready version before; null where it has none.",
        examples=[0.921],
    )
    difference: float | None = Field(
        description="By how much it grew; null where there is nothing to compare.",
        examples=[0.013],
    )
    better: bool | None = Field(
        description="Whether that is better, by the gates of the policy, else by what the name of "
        "the metric says; null where nobody knows."
    )


class StageChange(Output):
    """That a version's stage changed."""

    at: Time = Field(description="When.")
    kind: Literal["promotion", "override", "succession", "rollback"] = Field(
        description="By what.", examples=["promotion"]
    )
    from_: str = Field(alias="from", description="The stage before.", examples=["staging"])
    to: str = Field(description="The stage after.", examples=["production"])
    actor: str = Field(description="Who.", examples=["bob"])
    reason: str = Field(description="Why.", examples=["AUC 0.934 instead of 0.921."])


class ChangeOutput(Output):
    """What a ready version brought."""

    number: int = Field(description="Its number.", examples=[7])
    name: str | None = Field(description="Its name.", examples=["churn-20261123-lr0.01-7"])
    description: str = Field(
        description="What changed and why, in Markdown.", examples=["Depth 6 instead of 4."]
    )
    created_by: str = Field(description="Who registered it.", examples=["alice"])
    ready_at: Time = Field(description="When it became ready.")
    recalled: RecalledOutput | None = Field(description="Set where it is not to be used any more.")
    overridden: bool = Field(
        description="Whether an admin's override ever moved it between stages."
    )
    metrics: list[MetricChange] = Field(description="Its own metrics, by name.")
    stages: list[StageChange] = Field(
        description="How its stage changed, the newest first; the last twenty times."
    )


class ChangelogOutput(Output):
    """A page of a changelog."""

    model: str = Field(description="The model's name.", examples=["churn"])
    items: list[ChangeOutput] = Field(description="Ready versions, the newest first.")
    next_cursor: str | None = Field(
        description="Pass as `cursor` for older ones; null on the last page.",
        examples=["WyI3Il0"],
    )
