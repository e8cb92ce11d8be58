"""What requests about versions look like."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from app.core.canonical import MAX_SAFE_INTEGER
from app.core.schemas import (
    Description,
    Digest,
    Input,
    JsonObject,
    Line,
    ModelName,
    Number,
    Reason,
    Tags,
    check_json,
)
from app.models.rules import check_version_name

VersionName = Annotated[str, AfterValidator(check_version_name)]
Key = Annotated[str, Field(min_length=1, max_length=250)]
Uri = Annotated[str, Field(min_length=1, max_length=2048)]
Json = Annotated[JsonValue, AfterValidator(check_json)]


class Code(Input):
    """The code that made the version."""

    repository: Line = Field(
        description="Where it is kept.", examples=["https://git.example.com/risk/churn.git"]
    )
    commit: Line = Field(
        description="The commit, in full.", examples=["3f2c9e1b7a5d4c8f9e0b1a2c3d4e5f6071829304"]
    )
    branch: Line | None = Field(default=None, description="The branch.", examples=["main"])
    dirty: bool | None = Field(
        default=None, description="Whether the working tree differed from the commit."
    )
    entrypoint: Line | None = Field(
        default=None, description="The command that was run.", examples=["python train.py"]
    )
    diff_sha256: Digest | None = Field(
        default=None, description="The SHA-256 of the uncommitted change, where there was one."
    )


class Dataset(Input):
    """Data that was used, and for what."""

    name: Line = Field(description="What the team calls it.", examples=["customers-2026-10"])
    role: Literal["train", "validation", "test", "other"] = Field(
        description="What it was used for.", examples=["train"]
    )
    version: Line | None = Field(default=None, description="Its version.", examples=["2026-10-31"])
    uri: Uri | None = Field(
        default=None,
        description="Where it is kept: stored, never fetched.",
        examples=["s3://data/customers/2026-10.parquet"],
    )
    sha256: Digest | None = Field(default=None, description="The SHA-256 of its bytes.")
    rows: int | None = Field(
        default=None, ge=0, le=MAX_SAFE_INTEGER, description="How many rows.", examples=[48213]
    )


class Preprocessing(Input):
    """A step between the data and the model."""

    name: Line = Field(description="What the step is called.", examples=["standard-scaler"])
    version: Line | None = Field(default=None, description="Its version.", examples=["1.9.1"])
    sha256: Digest | None = Field(default=None, description="The SHA-256 of its code or state.")
    description: Description | None = Field(
        default=None,
        description="What it does.",
        examples=["Zero mean and unit variance, fitted on the training split."],
    )


class Environment(Input):
    """What the version was made in."""

    python: Line = Field(description="The version of Python.", examples=["3.11.7"])
    platform: Line | None = Field(
        default=None, description="The operating system.", examples=["Linux-6.1-x86_64"]
    )
    packages: dict[Key, Line] = Field(
        default_factory=dict,
        max_length=5000,
        description="Package to version.",
        examples=[{"scikit-learn": "1.9.1", "numpy": "2.4.0"}],
    )
    container_image: Line | None = Field(
        default=None,
        description="The container image, best with its digest.",
        examples=["registry.example.com/train@sha256:4e1c…"],
    )
    hardware: Line | JsonObject | None = Field(
        default=None, description="The machine: text, or an object.", examples=["1x A100 80GB"]
    )


class Signature(Input):
    """What goes in and what comes out."""

    inputs: Json = Field(
        description="The inputs, in any JSON.", examples=[[{"name": "age", "type": "float"}]]
    )
    outputs: Json = Field(
        description="The outputs, in any JSON.", examples=[[{"name": "p", "type": "float"}]]
    )


class ParentInput(Input):
    """A version that this one was made from."""

    model: ModelName = Field(description="Its model.", examples=["churn"])
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | VersionName = Field(
        description="Its number or its name.", examples=[3]
    )


class Run(Input):
    """The run in an experiment tracker."""

    tracker: Line = Field(description="Which tracker.", examples=["mlflow"])
    id: Line = Field(description="The run's id there.", examples=["8f0c2d"])
    url: Uri | None = Field(
        default=None,
        description="Where to look at it.",
        examples=["https://mlflow.example.com/#/experiments/4/runs/8f0c2d"],
    )


class Recipe(Input):
    """Everything that made a version. All of it freezes when the version is ready."""

    params: JsonObject = Field(
        default_factory=dict,
        description="Hyperparameters: any JSON object, up to 256 KiB and 20 levels.",
        examples=[{"lr": 0.01, "depth": 6}],
    )
    metrics: dict[Key, Number] = Field(
        default_factory=dict,
        max_length=5000,
        description="Metric to finite number.",
        examples=[{"auc": 0.934, "log_loss": 0.21}],
    )
    code: Code | None = Field(default=None, description="The code that made it.")
    datasets: list[Dataset] = Field(
        default_factory=list, max_length=1000, description="The data that was used."
    )
    preprocessing: list[Preprocessing] = Field(
        default_factory=list,
        max_length=1000,
        description="The steps between data and model, in order.",
    )
    environment: Environment | None = Field(default=None, description="What it was made in.")
    seed: int | None = Field(
        default=None,
        ge=-MAX_SAFE_INTEGER,
        le=MAX_SAFE_INTEGER,
        description="The random seed.",
        examples=[7],
    )
    signature: Signature | None = Field(default=None, description="Inputs and outputs.")
    parents: list[ParentInput] = Field(
        default_factory=list, max_length=100, description="Versions that it was made from."
    )
    run: Run | None = Field(default=None, description="The run in an experiment tracker.")
    source: Uri | None = Field(
        default=None,
        description="A URI of bytes held elsewhere: stored, never fetched.",
        examples=["s3://models/churn/2026-11-20/"],
    )


class VersionInput(Recipe):
    """A version to register. Everything is optional."""

    name: VersionName | None = Field(
        default=None,
        description="A name of its own, instead of the one that the model's convention renders.",
        examples=["churn-2026-11-a"],
    )
    description: Description = Field(
        default="",
        description="What changed and why, in Markdown; up to 64 KiB.",
        examples=["Adds the tenure feature; depth 6 instead of 4."],
    )
    tags: Tags = Field(default_factory=dict)


class VersionChange(Recipe):
    """What to change of a version; what is left out stays, what is named is replaced as a whole."""

    name: VersionName | None = Field(
        default=None,
        description="A name; null takes it away.",
        examples=["churn-20261123-lr0.01-7"],
    )
    description: Description = Field(default="", description="Markdown; up to 64 KiB.")
    tags: Tags = Field(default_factory=dict)


# Answers have plain types: what was stored under an older rule can still be read.


SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class ReferenceInput(Input):
    """A reference to a version of a model."""

    model: str = Field(
        min_length=1, max_length=128, description="The model's name.", examples=["churn"]
    )
    ref: str = Field(
        min_length=1,
        max_length=128,
        description="As text: a number, `@alias`, `latest`, a stage in any case, or a name.",
        examples=["production"],
    )


class ResolveInput(Input):
    """Many references at once."""

    refs: list[ReferenceInput] = Field(
        min_length=1,
        max_length=500,
        description="The references, 1 to 500; the same one may be there several times.",
    )


class RecallInput(Input):
    """Why a version is not to be used."""

    reason: Reason = Field(description="Why.", examples=["trained on leaked labels"])
