"""What requests and answers of sign-in look like."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.core.schemas import Input, Output, Time

Text = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")]
ISSUER = "https://id.example.org/realms/team"


class LinkInput(Input):
    """An account at a provider."""

    issuer: Text = Field(description="The provider, as it names itself (`iss`).", examples=[ISSUER])
    subject: Annotated[str, Field(max_length=255)] = Field(
        min_length=1,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="What the provider calls the account for ever (`sub`).",
        examples=["f3a1c2d4"],
    )


class LinkOutput(Output):
    """An account at a provider that is this identity."""

    issuer: str = Field(description="The provider.", examples=[ISSUER])
    subject: str = Field(description="The account there.", examples=["f3a1c2d4"])
    linked_by: str = Field(
        description="Who said so; `stageward`: a sign-in did.", examples=["stageward"]
    )
    linked_at: Time = Field(description="Since when.")


class Links(Output):
    """The accounts that are an identity."""

    items: list[LinkOutput] = Field(description="The accounts, by provider and subject.")


class SignedIn(BaseModel):
    """A token of a sign-in (RFC 6749)."""

    access_token: str = Field(
        repr=False,
        description="The token: send it as `Authorization: Bearer <token>`. It is shown once.",
        examples=["swd_4fK2…"],
    )
    token_type: str = Field(default="Bearer", description="Always `Bearer`.", examples=["Bearer"])
    expires_in: int = Field(description="How long it lives, in seconds.", examples=[3600])
    scope: str = Field(
        description="What it may be used for, with spaces between.", examples=["read review write"]
    )
