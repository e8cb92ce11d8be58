"""Shapes and types that the requests and answers of several rooms share."""

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
)
from pydantic_core import to_json

from app.core.canonical import MAX_SAFE_INTEGER, canonical

MAX_JSON_FIELD_BYTES = 256 * 1024
MAX_JSON_LEVELS = 20
GROWS = 8  # so much longer may canonical JSON be at most: it writes 1e20 with all its zeros


class Input(BaseModel):
    """A request body: unknown fields are refused, and types are not coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class Output(BaseModel):
    """An answer."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


def rfc3339(value: datetime) -> str:
    """An instant as every answer writes it: UTC, to the microsecond, with `Z`."""
    text = value.astimezone(UTC).isoformat(timespec="microseconds")
    return text.replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    Field(examples=["2026-11-23T09:30:00.000000Z"]),
]


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must lie between the years 1 and 9999, in UTC") from error


# An instant that somebody names: RFC 3339 with its offset.
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def _check_time(value: Any) -> Any:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("must be a time with its offset, such as 2026-12-20T00:00:00Z")
    return value


# The same in a body.
WrittenTime = Annotated[
    AwareDatetime, BeforeValidator(_check_time), Field(strict=False), AfterValidator(_in_utc)
]


def _no_control(value: str) -> str:
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", value):
        raise ValueError("must not hold control characters")
    return value


def _no_trailing_space(value: str) -> str:
    if value.endswith(" "):
        raise ValueError("must not end with a space")
    return value


MODEL_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,127}$"
ModelName = Annotated[
    str,
    Field(pattern=MODEL_NAME, examples=["churn"]),
    AfterValidator(_no_trailing_space),
]
Digest = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{64}$",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]


def _at_most_bytes(limit: int) -> AfterValidator:
    def check(value: str) -> str:
        if len(value.encode()) > limit:
            raise ValueError(f"must have at most {limit} bytes of UTF-8")
        return value

    return AfterValidator(check)


Description = Annotated[str, AfterValidator(_no_control), _at_most_bytes(64 * 1024)]
Line = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_no_control)]


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


Markdown = Annotated[Description, AfterValidator(_not_blank)]
Reason = Annotated[
    str,
    Field(min_length=1, max_length=10_000),
    AfterValidator(_no_control),
    AfterValidator(_not_blank),
]

TagKey = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(_no_control)]
TagValue = Annotated[str, Field(max_length=5000), AfterValidator(_no_control)]
Tags = Annotated[
    dict[TagKey, TagValue],
    Field(max_length=500, examples=[{"team": "fraud"}], description="Text to text."),
]


def finite(value: Any) -> Any:
    """A finite number, as it is (an int stays one); anything else is refused by name."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number: NaN and infinities cannot be compared or stored")
    if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER:
        raise ValueError("must be at most 2^53 - 1 in size, the largest that every client can read")
    return value


Number = Annotated[float, BeforeValidator(finite)]


def check_json(value: Any) -> Any:
    """A JSON value within the bounds of the contract: at most 20 levels and 256 KiB, finite
    numbers, integers that every JSON reader can hold."""
    _check_json_levels(value, 1)
    if len(to_json(value)) * GROWS > MAX_JSON_FIELD_BYTES and (
        len(canonical(value)) > MAX_JSON_FIELD_BYTES
    ):
        raise ValueError("must have at most 256 KiB as JSON")
    return value


def _check_json_levels(value: Any, level: int) -> None:
    if isinstance(value, dict | list):
        if level > MAX_JSON_LEVELS:
            raise ValueError(f"must have at most {MAX_JSON_LEVELS} levels")
        for item in value.values() if isinstance(value, dict) else value:
            _check_json_levels(item, level + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        finite(value)


JsonObject = Annotated[dict[str, Any], AfterValidator(check_json)]
