"""What requests and answers about evaluations look like."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field

from app.core.canonical import MAX_SAFE_INTEGER
from app.core.schemas import Description, Digest, Input, Line, Number, Output, Time, finite
from app.versions.schemas.inputs import Key, Uri

MAX_METRICS = 500
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class EvaluationDataset(Input):
    """The data that the version was measured on."""

    name: Line = Field(description="What the team calls it.", examples=["holdout-2026-10"])
    version: Line | None = Field(default=None, description="Its version.", examples=["2026-10-31"])
    sha256: Digest | None = Field(
        default=None,
        description="The SHA-256 of its bytes. Gates that compare versions look at evaluations on "
        "the same bytes only.",
    )


class Measurement(Input):
    """A metric, and how sure it is."""

    value: Number = Field(description="A finite number.", examples=[0.934])
    stderr: Annotated[float, Field(ge=0), BeforeValidator(finite)] | None = Field(
        default=None, description="Its standard error, 0 or more.", examples=[0.004]
    )
    n: int | None = Field(
        default=None,
        ge=1,
        le=MAX_SAFE_INTEGER,
        description="How many samples it was measured on.",
        examples=[12000],
    )


def _measurement(found: Any) -> Any:
    """A number alone stands for its `value`."""
    return found if isinstance(found, dict | Measurement) else {"value": found}


MeasurementInput = Annotated[
    Measurement, BeforeValidator(_measurement, json_schema_input_type=float | Measurement)
]


class EvaluationInput(Input):
    """How a version did on one data set."""

    dataset: EvaluationDataset = Field(description="The data that it was measured on.")
    metrics: dict[Key, MeasurementInput] = Field(
        min_length=1,
        max_length=MAX_METRICS,
        description="Metric to number, or to `{value, stderr?, n?}`: 1 to 500.",
        examples=[{"auc": {"value": 0.934, "stderr": 0.004, "n": 12000}, "log_loss": 0.21}],
    )
    source: Uri | None = Field(
        default=None,
        description="Where it was measured or written down, as a URI: stored, never fetched.",
        examples=["https://ci.example.com/risk/churn/runs/8121"],
    )
    notes: Description = Field(
        default="",
        description="What to know about it, in Markdown; up to 64 KiB.",
        examples=["Measured on the frozen holdout, without customers under 18."],
    )


class EvaluationDatasetOutput(Output):
    """The data that the version was measured on."""

    name: str = Field(description="What the team calls it.", examples=["holdout-2026-10"])
    version: str | None = Field(description="Its version.", examples=["2026-10-31"])
    sha256: str | None = Field(description="The SHA-256 of its bytes.", examples=[SHA])


class MeasurementOutput(Output):
    """A metric, and how sure it is."""

    value: float = Field(description="Its value.", examples=[0.934])
    stderr: float | None = Field(
        default=None, description="Its standard error; null where nobody said.", examples=[0.004]
    )
    n: int | None = Field(
        default=None,
        description="How many samples it was measured on; null where nobody said.",
        examples=[12000],
    )


class EvaluationOutput(Output):
    """A report of how a version did on one data set. It never changes."""

    id: UUID = Field(
        description="Events name it.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a86"]
    )
    model: str = Field(description="The model's name.", examples=["churn"])
    version: int = Field(description="The number of the version that was measured.", examples=[3])
    dataset: EvaluationDatasetOutput = Field(description="The data that it was measured on.")
    metrics: dict[str, MeasurementOutput] = Field(
        description="Metric to measurement.",
        examples=[{"auc": {"value": 0.934, "stderr": 0.004, "n": 12000}}],
    )
    source: str | None = Field(
        description="Where it was measured or written down.",
        examples=["https://ci.example.com/risk/churn/runs/8121"],
    )
    notes: str = Field(
        description="What to know about it, in Markdown.",
        examples=["Measured on the frozen holdout."],
    )
    manifest_sha256: str = Field(
        description="The digest of the version's manifest: which bytes were measured.",
        examples=[SHA],
    )
    reported_by: str = Field(description="Who reported it.", examples=["eval-bot"])
    at: Time = Field(description="When it was reported.")


class LatestMeasurement(MeasurementOutput):
    """The latest report of a metric on some data."""

    evaluation: UUID = Field(
        description="The report that says so.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a86"]
    )
    reported_by: str = Field(description="Who reported it.", examples=["eval-bot"])
    at: Time = Field(description="When it was reported.")


class DatasetEvaluations(Output):
    """All that was reported on some data, told by the latest report of each metric."""

    dataset: EvaluationDatasetOutput = Field(
        description="The data, as the last report calls it. Reports on one digest are on the same "
        "data whatever they call it; without a digest, name and version say."
    )
    metrics: dict[str, LatestMeasurement] = Field(
        description="Metric to its latest report.",
        examples=[
            {
                "auc": {
                    "value": 0.934,
                    "stderr": 0.004,
                    "n": 12000,
                    "reported_by": "eval-bot",
                    "evaluation": "0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a86",
                    "at": "2026-11-23T09:30:00.000000Z",
                }
            }
        ],
    )
    reports: int = Field(description="How many reports there are.", examples=[2])
    first_at: Time = Field(description="When the first report was made.")
    last_at: Time = Field(description="When the last report was made.")
