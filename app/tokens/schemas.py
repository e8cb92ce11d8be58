"""What requests and answers about tokens look like."""

from typing import Annotated, Self, cast
from uuid import UUID

from pydantic import Field

from app.core.globs import GLOB_PATTERN
from app.core.schemas import Input, Output, Time
from app.identities.schemas import ScopeName
from app.tokens.tables import Token

MOST_DAYS = 3650
Glob = Annotated[str, Field(pattern=GLOB_PATTERN, examples=["fraud-*"])]


class TokenInput(Input):
    """A token to issue."""

    name: str = Field(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="What it is for, by which you recognise it in the list.",
        examples=["laptop"],
    )
    identity: str | None = Field(
        default=None,
        description="Whose token it is: a service account that you own or, for an admin, anybody. "
        "Left out, it is your own.",
        examples=["ci"],
    )
    scopes: list[ScopeName] = Field(
        min_length=1,
        max_length=4,
        description="What it may be used for; `write` and `review` include `read`, `admin` "
        "includes all. They only narrow what its identity may do.",
        examples=[["read", "write"]],
    )
    models: list[Glob] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Narrow it to the models whose name matches one of these globs. Left out, it "
        "is as wide as the token that you use now.",
        examples=[["churn", "fraud-*"]],
    )
    expires_in_days: float | None = Field(
        default=None,
        gt=0,
        le=MOST_DAYS,
        allow_inf_nan=False,
        description="How many days it lives, fractions allowed. Left out, it lives as long as the "
        "token that you use now.",
        examples=[90],
    )


class TokenOutput(Output):
    """A token, without its secret."""

    id: UUID = Field(description="Its id.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a81"])
    name: str = Field(description="What it is for.", examples=["laptop"])
    identity: str = Field(description="Whose token it is.", examples=["ci"])
    hint: str = Field(description="How its secret begins.", examples=["swd_4fK2"])
    scopes: list[ScopeName] = Field(
        description="What it may be used for.", examples=[["read", "write"]]
    )
    models: list[str] | None = Field(
        description="The globs that it is narrowed to; null: not narrowed.", examples=[["churn"]]
    )
    issued_by: str | None = Field(
        description="Who issued it; null: the server itself, at its first start.",
        examples=["alice"],
    )
    created_at: Time = Field(description="When it was issued.")
    expires_at: Time | None = Field(description="When it ends; null: never.")
    last_used_at: Time | None = Field(
        description="When it was last seen, to within ten minutes; null: not yet."
    )
    revoked_at: Time | None = Field(
        description="When it was revoked; null: it was not.", examples=[None]
    )
    revoked_by: str | None = Field(description="Who revoked it.", examples=[None])

    @classmethod
    def of(cls, token: Token, identity: str, issuer: str | None) -> Self:
        """The token, with the names of whose it is and who issued it."""
        return cls(
            id=token.id,
            name=token.name,
            identity=identity,
            hint=token.hint,
            scopes=cast("list[ScopeName]", token.scopes),
            models=token.models,
            issued_by=issuer,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
            revoked_at=token.revoked_at,
            revoked_by=token.revoked_by,
        )


class TokenIssued(TokenOutput):
    """A token that was just issued, with its secret."""

    secret: str = Field(
        description="Send it as `Authorization: Bearer <secret>`. It is shown here once and stored "
        "nowhere; a replay under an `Idempotency-Key` leaves it out.",
        examples=["swd_4fK2…"],
    )
