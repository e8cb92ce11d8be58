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


class TrendPoint(Output):
    """A metric of one version."""

    number: int = Field(description="The version's number.", examples=[3])
    name: str | None = Field(description="The version's name.", examples=["churn-2026-11"])
    value: float = Field(description="The metric's value.", examples=[0.934])
    stderr: float | None = Field(
        description="Its standard error, where somebody said it.", examples=[0.004]
    )
    n: int | None = Field(
        description="How many samples it was measured on, where somebody said it.",
        examples=[12000],
    )
    sha256: str | None = Field(
        description="With a data set: the digest of the data that it was measured on.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    at: Time = Field(
        description="When it was reported; of a version's own metric when it was registered."
    )
    stage: str = Field(
        description="The stage that the version holds; `none` for no stage.",
        examples=["production"],
    )
    status: str = Field(description="The version's status.", examples=["ready"])
    recalled: bool = Field(
        description="Whether the version is not to be used any more.", examples=[False]
    )


class TrendOutput(Output):
    """A metric over the versions of a model."""

    key: str = Field(description="The metric.", examples=["auc"])
    dataset: str | None = Field(
        description="The name of the data; null for the versions' own metrics.",
        examples=["holdout"],
    )
    sha256: str | None = Field(
        description="The digest of the data, where it was asked for.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    points: list[TrendPoint] = Field(description="One a version that has it, by number.")
    digests_differ: bool = Field(
        description="Whether these points were measured on different bytes, or on data of which "
        "some do not say the digest: then they do not compare.",
        examples=[False],
    )
    next_cursor: str | None = Field(
        description="Pass as `cursor` for the versions after these; null on the last page.",
        examples=["WyIzIl0"],
    )
