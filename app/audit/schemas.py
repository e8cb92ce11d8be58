"""What answers about events look like."""

from typing import Any
from uuid import UUID

from pydantic import Field

from app.core.pages import Page
from app.core.schemas import Digest, Output, Time


class EventOutput(Output):
    """One recorded fact."""

    id: int = Field(
        description="Its number. Numbers rise, with gaps, and are not the order of the record: "
        "that is the order of the list.",
        examples=[1071],
    )
    cursor: str = Field(
        description="Its place in the record: pass it as `after` to read on from here.",
        examples=["WyIxIiwiNzQyIiwiMTA3MSJd"],
    )
    at: Time = Field(description="When it was recorded.")
    action: str = Field(description="What was done.", examples=["promotion.applied"])
    actor: str = Field(
        description="Who did it; `stageward` is the service itself.", examples=["alice"]
    )
    token_id: UUID | None = Field(
        description="The token they used.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a81"]
    )
    model: str | None = Field(
        description="The model it concerns; null where it concerns none.", examples=["churn"]
    )
    version: int | None = Field(
        description="The number of the version it concerns, if one.", examples=[3]
    )
    subject: str = Field(
        description="What it was done to.",
        examples=["promotion:0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"],
    )
    request_id: str | None = Field(
        description="The `X-Request-ID` of the request that did it; null: no request did.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"],
    )
    address: str | None = Field(
        description="The address that the request came from.", examples=["10.0.0.7"]
    )
    details: dict[str, Any] = Field(
        description="What differed: as a rule `from` and `to` of each field, or its values.",
        examples=[{"stage": {"from": "staging", "to": "production"}}],
    )
    payload_sha256: Digest = Field(
        description="The SHA-256 of a secret salt and the details in canonical JSON (RFC 8785). It "
        "stays when the details must be redacted."
    )


class EventPage(Page[EventOutput]):
    """One page of the record."""

    next_after: str = Field(
        description="Pass as `after` to read what comes later than all this, now or when there is "
        "something; also on an empty page.",
        examples=["WyIxIiwiNzQzIiwiMCJd"],
    )
