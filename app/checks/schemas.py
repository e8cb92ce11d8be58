"""What requests and answers about checks look like."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from app.checks.rules import CHECK_NAME, MAX_NAME, check_name, check_web_address
from app.core.schemas import Description, Digest, Input, Output, Time

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
Status = Literal["pending", "success", "failure"]
CheckName = Annotated[
    str,
    AfterValidator(check_name),
    Field(
        json_schema_extra={
            "pattern": f"^{CHECK_NAME.pattern}$",
            "minLength": 1,
            "maxLength": MAX_NAME,
        },
        examples=["ci/unit"],
    ),
]
WebAddress = Annotated[
    str,
    Field(max_length=2048, json_schema_extra={"pattern": r"^https?://[^\s/?#]\S*$"}),
    AfterValidator(check_web_address),
]


class CheckInput(Input):
    """A machine's verdict on the files of a version."""

    status: Status = Field(
        description="`pending` while it runs, then `success` or `failure`.", examples=["success"]
    )
    summary: Annotated[Description, Field(max_length=10_000)] = Field(
        default="",
        description="What was found, in a few words; up to 10,000 characters.",
        examples=["412 passed, 0 failed"],
    )
    url: WebAddress | None = Field(
        default=None,
        description="Where a person reads more: an http or https address, never fetched.",
        examples=["https://ci.example.com/risk/churn/runs/8121"],
    )
    manifest_sha256: Digest | None = Field(
        default=None,
        description="The digest of the manifest that was checked. Say it: a version with other "
        "bytes then refuses the report (409).",
    )


class CheckOutput(Output):
    """A report of a check. It never changes: a later one of the same name takes its place."""

    id: UUID = Field(
        description="Events name it.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a88"]
    )
    model: str = Field(description="The model's name.", examples=["churn"])
    version: int = Field(description="The version's number.", examples=[3])
    name: str = Field(description="What the check is called.", examples=["ci/unit"])
    status: Status = Field(description="The verdict.", examples=["success"])
    summary: str = Field(description="What was found.", examples=["412 passed, 0 failed"])
    url: str | None = Field(
        description="Where a person reads more.",
        examples=["https://ci.example.com/risk/churn/runs/8121"],
    )
    manifest_sha256: str = Field(
        description="The digest of the manifest of the version: which bytes it is about.",
        examples=[SHA],
    )
    reported_by: str = Field(description="Who reported it.", examples=["ci"])
    at: Time = Field(description="When it was reported.")
    is_latest: bool = Field(
        description="Whether it is the latest report of its name on this version.",
        examples=[True],
    )
