"""What requests and answers about series look like."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.core.canonical import MAX_SAFE_INTEGER
from app.core.schemas import Input, Number, Output, TagKey, Time, WrittenTime

POINTS_A_CALL = 10_000


def _not_blank(key: str) -> str:
    if not key.strip():
        raise ValueError("must not be blank")
    return key


SeriesKey = Annotated[TagKey, AfterValidator(_not_blank)]


class PointInput(Input):
    """A value at a step."""

    key: SeriesKey = Field(
        description="Which curve: 1 to 250 characters.", examples=["validation/loss"]
    )
    step: int = Field(
        ge=0,
        le=MAX_SAFE_INTEGER,
        description="A whole number from 0 to 2^53 - 1: a step, a batch or an epoch.",
        examples=[300],
    )
    value: Number = Field(description="A finite number.", examples=[0.25])
    time: WrittenTime | None = Field(
        default=None,
        description="When it was measured, RFC 3339 with its offset; now, where it is left out.",
        examples=["2026-11-23T09:30:00Z"],
    )


class PointsInput(Input):
    """Points of one or several curves."""

    points: list[PointInput] = Field(
        min_length=1, max_length=POINTS_A_CALL, description="1 to 10,000 points, in any order."
    )


class SeriesOutput(Output):
    """A curve of a version, and what its points come to."""

    key: str = Field(description="Which curve.", examples=["validation/loss"])
    count: int = Field(description="How many points it has.", examples=[12000])
    first_step: int = Field(description="Its lowest step.", examples=[0])
    last_step: int = Field(description="Its highest step.", examples=[11999])
    last_value: float = Field(description="The value at its highest step.", examples=[0.21])
    min: float = Field(description="Its lowest value.", examples=[0.2])
    max: float = Field(description="Its highest value.", examples=[1.9])
    updated_at: Time = Field(description="When a point was last added.")


class AddedOutput(Output):
    """What became of the points that were sent."""

    added: int = Field(description="How many points are new.", examples=[2])
    repeated: int = Field(
        description="How many were there already with the same value, or were sent twice.",
        examples=[0],
    )
    series: list[SeriesOutput] = Field(
        description="The curves that were named, as they are now, by key."
    )


class PointOutput(Output):
    """A value at a step."""

    step: int = Field(description="The step.", examples=[300])
    value: float = Field(description="The value there.", examples=[0.25])
    time: Time = Field(description="When it was measured.")


class CurveOutput(SeriesOutput):
    """A curve with its points, thinned out where it has more than were asked for."""

    points: list[PointOutput] = Field(
        description="By step. Every point is one that was sent; none is an average."
    )
    count_in_range: int = Field(
        description="How many points lie between `from_step` and `to_step`.", examples=[12000]
    )
    downsampled: bool = Field(description="Whether points were left out.", examples=[True])
