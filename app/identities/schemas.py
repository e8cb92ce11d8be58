"""What requests and answers about identities look like."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, field_validator

from app.core.schemas import Input, Output, Time
from app.identities.tables import Identity

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$", examples=["alice"])]
Kind = Literal["user", "service"]
Email = Annotated[str, Field(pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$", max_length=254)]
RoleName = Literal["reader", "contributor", "reviewer", "maintainer", "admin"]
ScopeName = Literal["read", "write", "review", "admin"]


class IdentityInput(Input):
    """An identity to make."""

    name: Name = Field(
        description="Letters, digits, `.`, `_`, `@`, `+`, `-`; 1 to 128 characters; unique among "
        "identities and groups, without regard to case."
    )
    kind: Kind = Field(
        description="`user`: a person. `service`: a machine, with a person as its owner.",
        examples=["user"],
    )
    email: Email | None = Field(
        default=None, description="Where to reach them.", examples=["alice@example.org"]
    )
    owner: str | None = Field(
        default=None,
        description="The user who answers for a service account and may issue its tokens; "
        "required for kind `service`, and only there.",
        examples=[None],
    )


class IdentityChange(Input):
    """What to change; what is left out stays."""

    disabled: bool | None = Field(
        default=None,
        description="True: none of its tokens works any more. False: they work again.",
        examples=[True],
    )
    email: Email | None = Field(
        default=None, description="The new address; null removes it.", examples=["a@example.org"]
    )
    owner: str | None = Field(
        default=None,
        description="Another user who answers for the service account.",
        examples=["bob"],
    )

    @field_validator("disabled", "owner")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null; leave it out to keep it as it is")
        return value


class IdentityOutput(Output):
    """A person or a service account."""

    name: str = Field(description="Its name.", examples=["alice"])
    kind: Kind = Field(description="A person or a service account.", examples=["user"])
    email: str | None = Field(description="Where to reach them.", examples=["alice@example.org"])
    owner: str | None = Field(
        description="The user who answers for a service account.", examples=[None]
    )
    owner_disabled: bool = Field(
        description="Whether that owner is disabled: the tokens of a service account work on then, "
        "and an admin should give it another owner.",
        examples=[False],
    )
    service_accounts: int = Field(
        description="How many enabled service accounts it owns; `GET /identities?owner=` lists "
        "them.",
        examples=[2],
    )
    disabled: bool = Field(description="Whether its tokens are refused.", examples=[False])
    disabled_at: Time | None = Field(description="Since when.", examples=[None])
    disabled_by: str | None = Field(description="Who disabled it.", examples=[None])
    created_by: str = Field(description="Who made it.", examples=["admin"])
    created_at: Time = Field(description="When it was made.")
    updated_at: Time = Field(description="When it last changed.")

    @classmethod
    def of(
        cls, identity: Identity, owner: str | None, owner_disabled: bool, service_accounts: int
    ) -> Self:
        """The identity, with the name of its owner, whether that one is disabled, and how many
        it owns itself."""
        return cls(
            name=identity.name,
            kind="service" if identity.kind == "service" else "user",
            email=identity.email,
            owner=owner,
            owner_disabled=owner_disabled,
            service_accounts=service_accounts,
            disabled=identity.disabled_at is not None,
            disabled_at=identity.disabled_at,
            disabled_by=identity.disabled_by,
            created_by=identity.created_by,
            created_at=identity.created_at,
            updated_at=identity.updated_at,
        )


class RoleHeld(Output):
    """A role on some models, and how it came to you."""

    role: RoleName = Field(description="Each role includes the ones before.", examples=["reviewer"])
    models: str = Field(description="The models it is for, as a glob.", examples=["fraud-*"])
    group: str | None = Field(
        description="The group that it was granted to; null: to you yourself.",
        examples=["risk-team"],
    )


class TokenUsed(Output):
    """The token that this request came with."""

    id: UUID = Field(
        description="Its id, for `DELETE /tokens/{id}`.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a81"],
    )
    name: str = Field(description="Its name.", examples=["laptop"])
    scopes: list[ScopeName] = Field(
        description="What it may be used for.", examples=[["read", "write"]]
    )
    models: list[str] | None = Field(
        description="The globs that it is narrowed to; null: all that its identity may use.",
        examples=[["churn"]],
    )
    expires_at: Time | None = Field(description="When it ends; null: never.")
    expires_soon: bool = Field(
        description="Whether it ends within 7 days and should be rotated by now "
        "(`POST /tokens/{id}/rotate`); then every answer to it bears `Token-Expires-Soon`.",
        examples=[False],
    )


class Me(Output):
    """Who you are to this server, and what you may do."""

    name: str = Field(description="Your name.", examples=["alice"])
    kind: Kind = Field(description="A person or a service account.", examples=["user"])
    email: str | None = Field(description="Your address.", examples=["alice@example.org"])
    owner: str | None = Field(
        description="The user who answers for a service account.", examples=[None]
    )
    groups: list[str] = Field(description="The groups you are in.", examples=[["risk-team"]])
    grants: list[RoleHeld] = Field(description="Your roles, before the token narrows them.")
    is_admin: bool = Field(
        description="Whether this request has the global role admin: it was granted, and the token "
        "has the scope `admin` and is not narrowed to some models.",
        examples=[False],
    )
    token: TokenUsed = Field(
        description="The token itself: what it may do is within what its identity may."
    )
