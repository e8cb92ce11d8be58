"""What requests and answers about tokens look like."""

from datetime import datetime
from typing import Annotated, Literal, Self, cast
from uuid import UUID

from pydantic import Field

from app.core.globs import GLOB_PATTERN
from app.core.schemas import Input, Output, Time
from app.identities.schemas import ScopeName
from app.tokens import rules
from app.tokens.tables import Token

MOST_DAYS = 3650
MOST_GRACE_MINUTES = 7 * 24 * 60
Origin = Literal["issued", "exchanged", "signed_in"]
Status = Literal["active", "expired", "revoked"]
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


class RotationInput(Input):
    """How to replace a token by a new one."""

    grace_minutes: int = Field(
        default=0,
        ge=0,
        le=MOST_GRACE_MINUTES,
        description="How many minutes the old token still works, so that all who use it can change "
        "over. 0: it is revoked now.",
        examples=[60],
    )
    expires_in_days: float | None = Field(
        default=None,
        gt=0,
        le=MOST_DAYS,
        allow_inf_nan=False,
        description="How many days the new token lives, fractions allowed; never beyond the end of "
        "the token that you use. Left out, as long again as the old one was to live, or until the "
        "end of the token that you use, whichever is first.",
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
        description="Who issued it; null: no identity did, but the first start of the server, its "
        "operator, an exchange or a sign-in.",
        examples=["alice"],
    )
    issuers: list[str] = Field(
        description="All who had a hand in it: who issued it or a token that it comes from, and "
        "the owners of those. Whatever they had a part in is not approved with it.",
        examples=[["alice"]],
    )
    origin: Origin = Field(
        description="How it came about: `issued` by another token, `exchanged` for a machine's "
        "OIDC token by a trust, or at a person's sign-in (`signed_in`).",
        examples=["issued"],
    )
    trust_id: UUID | None = Field(
        description="The trust that it was exchanged by, or that the token was which issued it.",
        examples=[None],
    )
    status: Status = Field(
        description="`active`, or why it works no more. An active token of a disabled identity "
        "works no more either, until that is enabled.",
        examples=["active"],
    )
    created_at: Time = Field(description="When it was issued.")
    expires_at: Time | None = Field(description="When it ends; null: never.")
    expires_soon: bool = Field(
        description="Whether it ends within 7 days and should be rotated by now: only of a token "
        "that was to live for more than 14 days, or that was replaced and lives on for a grace.",
        examples=[False],
    )
    last_used_at: Time | None = Field(
        description="When it was last seen, to within ten minutes; null: not yet."
    )
    revoked_at: Time | None = Field(
        description="When it was revoked; null: it was not.", examples=[None]
    )
    revoked_by: str | None = Field(description="Who revoked it.", examples=[None])
    rotated_to: UUID | None = Field(
        description="The token that took its place; null: none did.", examples=[None]
    )

    @classmethod
    def of(
        cls,
        token: Token,
        identity: str,
        issuer: str | None,
        hands: list[str] | None,
        now: datetime,
    ) -> Self:
        """The token as it is now, with the names of whose it is, who issued it and who had a hand
        in it."""
        return cls(
            id=token.id,
            name=token.name,
            identity=identity,
            hint=token.hint,
            scopes=cast("list[ScopeName]", token.scopes),
            models=token.models,
            issued_by=issuer,
            issuers=hands or [],
            origin=cast("Origin", token.origin),
            trust_id=token.trust_id,
            status=cast("Status", rules.status(token.revoked_at, token.expires_at, now)),
            created_at=token.created_at,
            expires_at=token.expires_at,
            expires_soon=expires_soon(token, now),
            last_used_at=token.last_used_at,
            revoked_at=token.revoked_at,
            revoked_by=token.revoked_by,
            rotated_to=token.rotated_to,
        )


def expires_soon(token: Token, now: datetime) -> bool:
    """Whether a token works and should be rotated by now."""
    return token.revoked_at is None and rules.expires_soon(
        now, token.created_at, token.expires_at, was_rotated=token.rotated_to is not None
    )


class TokenIssued(TokenOutput):
    """A token that was just issued, with its secret."""

    secret: str = Field(
        repr=False,
        description="Send it as `Authorization: Bearer <secret>`. It is shown here once and stored "
        "nowhere; a replay under an `Idempotency-Key` leaves it out.",
        examples=["swd_4fK2…"],
    )
