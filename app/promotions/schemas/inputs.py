"""What requests about promotions look like."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.core.schemas import Input, Reason
from app.promotions.rules.words import Decision
from app.stages.schemas import VersionNumber

Comment = Annotated[str, Field(max_length=10_000)]


def _of_substance(reason: str) -> str:
    if len(reason.strip()) < 10:
        raise ValueError("must say why, in at least 10 characters: it is flagged for ever")
    return reason


class PromotionInput(Input):
    """A version to move to a stage."""

    to: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="The stage, in any case.", examples=["production"]
    )
    reason: Reason = Field(
        description="Why; reviewers read it, and it stands in the record.",
        examples=["auc +0.012 on the holdout of November."],
    )
    apply: bool = Field(
        default=False,
        description="Apply it at once where nothing is missing; else it stays open.",
        examples=[False],
    )


class ReviewInput(Input):
    """A verdict, or a remark."""

    decision: Decision = Field(
        description="`approve` or `reject`; `comment` leaves your verdict as it is; `withdraw` "
        "takes it back.",
        examples=["approve"],
        strict=False,
    )
    comment: Comment = Field(
        default="",
        description="What you looked at, or what is wrong.",
        examples=["The split and the metrics are sound."],
    )


class ApplyInput(Input):
    """Under which condition to apply; an empty body asks for none."""

    expected_incumbent: VersionNumber | None = Field(
        default=None,
        description="The number that you believe holds the stage, null for nobody; if another one "
        "does, nothing happens (409). Leave it out to not compare.",
        examples=[6],
    )


class CancelInput(Input):
    """Why the promotion is no longer wanted; may be left out."""

    reason: Reason | None = Field(
        default=None, description="Why.", examples=["Version 8 takes its place."]
    )


class OverrideInput(Input):
    """Why the rules are broken."""

    reason: Annotated[Reason, AfterValidator(_of_substance)] = Field(
        description="Why, in at least 10 characters. It is flagged for ever.",
        examples=["Production scores nothing since 09:10; no reviewer can be reached (INC-204)."],
    )
