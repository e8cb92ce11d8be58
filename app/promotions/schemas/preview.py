"""What a policy would do to a version, as it is told."""

from typing import Any, Literal

from pydantic import Field

from app.core.schemas import Output, Time
from app.policies.schemas.outputs import FreezeOutput
from app.promotions.schemas.outputs import ApprovalsState


class PreviewOutput(Output):
    """What would become of a promotion that you asked for now. Nothing was asked or changed."""

    model: str = Field(description="The model's name.", examples=["churn"])
    version: int = Field(description="The version's number.", examples=[7])
    from_: str = Field(alias="from", description="The stage that it holds.", examples=["staging"])
    to: str = Field(description="The stage that it would enter.", examples=["production"])
    outcome: Literal["applies", "waits", "refused"] = Field(
        description="`applies`: nothing is missing, so it could be applied at once; `waits`: it "
        "would stay open until what is `unmet` is there; `refused`: it could not be asked for.",
        examples=["waits"],
    )
    policy_revision: int | None = Field(
        description="The revision that decides; null for a policy that you gave.", examples=[4]
    )
    incumbent: int | None = Field(
        description="Who holds the exclusive stage now, and would make room.", examples=[6]
    )
    gates: list[dict[str, Any]] = Field(
        description="Each gate: its `type` and settings, `passed`, and `detail`, a sentence.",
        examples=[
            [{"type": "stored", "passed": True, "detail": "All its files are held here, proven."}]
        ],
    )
    approvals: ApprovalsState = Field(description="Who would have to approve.")
    unmet: list[dict[str, str]] = Field(
        description="Everything that would stand in the way: `kind` and `detail`.",
        examples=[
            [
                {
                    "kind": "approval",
                    "detail": "One more approval is missing, by a reviewer or higher.",
                }
            ]
        ],
    )
    freeze: FreezeOutput | None = Field(
        description="The freeze that would keep it from being applied now."
    )
    expires_at: Time | None = Field(
        description="When it would expire if it were asked for now; null: never."
    )
