"""What requests and answers about groups look like."""

from pydantic import Field

from app.core.schemas import Description, Input, Output, Time
from app.identities.schemas import Name


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


class GroupOutput(Output):
    """A group and who is in it."""

    name: str = Field(description="Its name.", examples=["risk-team"])
    description: str = Field(description="Who they are.", examples=["Second line of defence."])
    members: list[str] = Field(
        description="The identities in it, by name.", examples=[["alice", "bob"]]
    )
    created_by: str = Field(description="Who made it.", examples=["admin"])
    created_at: Time = Field(description="When it was made.")
