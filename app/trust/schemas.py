"""What requests and answers about trusts and exchanges look like."""

from typing import Annotated, Any, Literal, Self, cast
from uuid import UUID

from pydantic import AfterValidator, Field, field_validator

from app.core.schemas import Input, Output, Time
from app.issuers.addresses import fault_of_issuer
from app.issuers.rules import MOST_BYTES
from app.tokens.schemas import Glob
from app.trust.tables import Trust

PresetName = Literal["github", "gitlab"]
Scope = Literal["read", "write", "review"]
Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Patterns = Annotated[list[Line], Field(min_length=1, max_length=50)]
Claims = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=200)], Line | Patterns],
    Field(
        min_length=1,
        max_length=50,
        description="What the token must claim, all of it: the name of a claim → a pattern, or a "
        "list of which one must match. `*` is any run of characters, `?` any one, all else is "
        "itself, and case counts. A claim may be a text, a number (`5`), a truth value (`true`) or "
        "a list of such, of which one must match; a claim inside another one is not reached. A "
        "claim that a token lacks matches nothing.",
        examples=[{"repository_id": "74562938", "environment": "production"}],
    ),
]


def _an_issuer(value: str) -> str:
    if fault := fault_of_issuer(value):
        raise ValueError(f"an issuer that {fault} cannot be asked")
    return value


IssuerUrl = Annotated[str, Field(max_length=1000), AfterValidator(_an_issuer)]
Assertion = Annotated[str, Field(min_length=1, max_length=MOST_BYTES)]


class TrustInput(Input):
    """Whose tokens to trust, and for what."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
        description="Letters, digits, `.`, `_`, `-`; unique without regard to case.",
        examples=["churn-ci"],
    )
    preset: PresetName | None = Field(
        default=None,
        description="Where the tokens come from, if from one of these: it sets the issuer, knows "
        "which claims there are, and asks for one that says whose pipeline it is.",
        examples=["github"],
    )
    issuer: IssuerUrl | None = Field(
        default=None,
        description="The OIDC issuer, exactly as its tokens name it (`iss`). Left out, it is the "
        "preset's: GitHub's or GitLab's own; say it for a server of your own.",
        examples=["https://token.actions.githubusercontent.com"],
    )
    audience: Line | None = Field(
        default=None,
        description="For whom the tokens must be (`aud`). Left out, it is the address of this "
        "server, which nobody else should take a token for.",
        examples=["https://models.example.com"],
    )
    identity: str = Field(
        max_length=128,
        description="The service account that whoever brings such a token acts as.",
        examples=["ci"],
    )
    claims: Claims
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=3,
        description="What the exchanged token may be used for; never `admin`. They only narrow "
        "what the service account may do.",
        examples=[["read", "write"]],
    )
    models: list[Glob] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Narrow the exchanged token to the models whose name matches one of these "
        "globs.",
        examples=[["churn"]],
    )
    minutes: int = Field(
        default=15,
        ge=1,
        le=60,
        description="How long the exchanged token lives, in minutes.",
        examples=[15],
    )


class TrustChange(Input):
    """What to change; what is left out stays."""

    issuer: IssuerUrl | None = Field(
        default=None,
        description="Another issuer.",
        examples=["https://token.actions.githubusercontent.com"],
    )
    audience: Line | None = Field(
        default=None, description="Another audience.", examples=["https://models.example.com"]
    )
    identity: Annotated[str, Field(max_length=128)] | None = Field(
        default=None, description="Another service account.", examples=["ci"]
    )
    claims: Claims | None = Field(
        default=None,
        description="All rules anew.",
        examples=[{"repository_id": "74562938", "environment": "production"}],
    )
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=3)] | None = Field(
        default=None, description="Other scopes.", examples=[["read", "write"]]
    )
    models: Annotated[list[Glob], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Other globs; null: not narrowed.", examples=[["churn"]]
    )
    minutes: Annotated[int, Field(ge=1, le=60)] | None = Field(
        default=None, description="Another life, in minutes.", examples=[15]
    )

    @field_validator("issuer", "audience", "identity", "claims", "scopes", "minutes")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null; leave it out to keep it as it is")
        return value


class TrustOutput(Output):
    """A trust."""

    id: UUID = Field(
        description="Its id, the `trust_id` of the tokens that came of it.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a83"],
    )
    name: str = Field(description="Its name.", examples=["churn-ci"])
    preset: PresetName | None = Field(
        description="Where the tokens come from.", examples=["github"]
    )
    issuer: str = Field(
        description="Who signs the tokens.",
        examples=["https://token.actions.githubusercontent.com"],
    )
    audience: str = Field(
        description="For whom the tokens must be.", examples=["https://models.example.com"]
    )
    identity: str = Field(description="The service account.", examples=["ci"])
    claims: dict[str, list[str]] = Field(
        description="What the tokens must claim: one pattern of each list must match.",
        examples=[{"repository_id": ["74562938"], "environment": ["production"]}],
    )
    scopes: list[Scope] = Field(
        description="What the exchanged token may be used for.", examples=[["read", "write"]]
    )
    models: list[str] | None = Field(
        description="The globs that it is narrowed to; null: not narrowed.", examples=[["churn"]]
    )
    minutes: int = Field(description="How long it lives, in minutes.", examples=[15])
    created_by: str = Field(description="Who made the trust.", examples=["admin"])
    created_at: Time = Field(description="When it was made.")
    updated_at: Time = Field(description="When it last changed.")

    @classmethod
    def of(cls, trust: Trust, identity: str) -> Self:
        """The trust, with the name of its service account."""
        return cls(
            id=trust.id,
            name=trust.name,
            preset=cast("PresetName | None", trust.preset),
            issuer=trust.issuer,
            audience=trust.audience,
            identity=identity,
            claims=trust.claims,
            scopes=cast("list[Scope]", trust.scopes),
            models=trust.models,
            minutes=trust.minutes,
            created_by=trust.created_by,
            created_at=trust.created_at,
            updated_at=trust.updated_at,
        )


class TryInput(Input):
    """A token to try a trust with."""

    token: Assertion = Field(
        repr=False,
        description="A token of the issuer's, of at most 16 KiB. It is not used up.",
        examples=["eyJhbGciOiJSUzI1NiIs…"],
    )


class ClaimTried(Output):
    """One rule, and what the token says to it."""

    claim: str = Field(description="The claim's name.", examples=["ref"])
    patterns: list[str] = Field(
        description="What one of must match.", examples=[["refs/heads/main"]]
    )
    values: list[str] = Field(
        description="What the token claims; none: it has no such claim, or none that can be "
        "compared.",
        examples=[["refs/heads/feature"]],
    )
    matches: bool = Field(description="Whether the rule is met.", examples=[False])


class TrustTried(Output):
    """What an exchange of the token under this trust would come to."""

    fits: bool = Field(description="Whether it would be exchanged.", examples=[False])
    problem: str | None = Field(
        description="Why the token does not count at all, whatever it claims; null: it counts.",
        examples=[None],
    )
    used: bool = Field(description="Whether it was exchanged already.", examples=[False])
    claims: list[ClaimTried] = Field(
        description="Each rule of the trust; empty where the token does not count."
    )


class ExchangeInput(Input):
    """A token of an OIDC issuer, to be exchanged for one of ours."""

    token: Assertion = Field(
        repr=False,
        description="The token that the CI platform signed for this job, of at most 16 KiB.",
        examples=["eyJhbGciOiJSUzI1NiIs…"],
    )
    trust: str | None = Field(
        default=None,
        max_length=128,
        description="The trust that is meant; needed only where several fit.",
        examples=["churn-ci"],
    )


class TokenExchanged(Output):
    """A token of ours for minutes."""

    id: UUID = Field(
        description="The token's id.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a81"]
    )
    name: str = Field(description="The token's name.", examples=["github: acme/churn"])
    trust: str = Field(description="The trust that fitted.", examples=["churn-ci"])
    identity: str = Field(description="The service account that you act as.", examples=["ci"])
    scopes: list[Scope] = Field(
        description="What it may be used for.", examples=[["read", "write"]]
    )
    models: list[str] | None = Field(
        description="The globs that it is narrowed to; null: not narrowed.", examples=[["churn"]]
    )
    expires_at: Time = Field(description="When it ends.")
    secret: str = Field(
        repr=False,
        description="Send it as `Authorization: Bearer <secret>`. It is shown here once and stored "
        "nowhere.",
        examples=["swd_4fK2…"],
    )
