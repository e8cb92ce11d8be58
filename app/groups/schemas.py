"""What requests and answers about groups look like."""

from typing import Annotated, Any

from pydantic import Field, field_validator

from app.core.schemas import Description, Input, Output, Time
from app.identities.schemas import Name

Claim = Annotated[
    str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["ml-risk"])
]


class GroupInput(Input):
    """A group to make."""

    name: Name = Field(
        description="Letters, digits, `.`, `_`, `@`, `+`, `-`; 1 to 128 characters; unique among "
        "identities and groups, without regard to case.",
        examples=["risk-team"],
    )
    description: Description = Field(
        default="", description="Who they are; up to 64 KiB.", examples=["Second line of defence."]
    )
    claim: Claim | None = Field(
        default=None,
        description="What the OIDC provider calls it: whoever signs in is in the group just as "
        "long as the provider lists this among their groups. Null: nobody is by claim.",
    )


class GroupChange(Input):
    """What to change; what is left out stays."""

    description: Description | None = Field(
        default=None,
        description="Who they are; up to 64 KiB.",
        examples=["Second line of defence."],
    )
    claim: Claim | None = Field(
        default=None,
        description="What the OIDC provider calls it; null removes it. Whoever is in the group by "
        "the claim before leaves it at once.",
    )

    @field_validator("description")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null; leave it out to keep it as it is")
        return value


class GroupOutput(Output):
    """A group and who is in it."""

    name: str = Field(description="Its name.", examples=["risk-team"])
    description: str = Field(description="Who they are.", examples=["Second line of defence."])
    members: list[str] = Field(
        description="The identities in it, by name.", examples=[["alice", "bob"]]
    )
    claim: str | None = Field(
        description="What the OIDC provider calls it; null: nobody is in it by claim.",
        examples=["ml-risk"],
    )
    members_by_claim: list[str] = Field(
        description="Those of the members who are in it because the provider said so when they "
        "last signed in, by name.",
        examples=[["bob"]],
    )
    created_by: str = Field(description="Who made it.", examples=["admin"])
    created_at: Time = Field(description="When it was made.")
