"""What answers about versions look like."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.core.schemas import Output, Time

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

# The headers that say which version was found, where the answer itself does not.
RESOLVED = {
    "Version-Number": {
        "description": "The number that the reference resolved to.",
        "schema": {"type": "integer"},
    },
    "Version-Recalled": {
        "description": "`true` where the version is not to be used any more; else left out.",
        "schema": {"type": "string"},
    },
}


class ParentOutput(Output):
    """A version that this one was made from."""

    model: str = Field(description="Its model.", examples=["churn"])
    version: int = Field(description="Its number.", examples=[3])


class CodeOutput(Output):
    """The code that made the version."""

    repository: str = Field(
        description="Where it is kept.", examples=["https://git.example.com/risk/churn.git"]
    )
    commit: str = Field(
        description="The commit.", examples=["3f2c9e1b7a5d4c8f9e0b1a2c3d4e5f6071829304"]
    )
    branch: str | None = Field(default=None, description="The branch.", examples=["main"])
    dirty: bool | None = Field(
        default=None,
        description="Whether the working tree differed from the commit.",
        examples=[False],
    )
    entrypoint: str | None = Field(
        default=None, description="The command that was run.", examples=["python train.py"]
    )
    diff_sha256: str | None = Field(
        default=None, description="The SHA-256 of the uncommitted change.", examples=[None]
    )


class DatasetOutput(Output):
    """Data that was used, and for what."""

    name: str = Field(description="What the team calls it.", examples=["customers-2026-10"])
    role: str = Field(description="What it was used for.", examples=["train"])
    version: str | None = Field(default=None, description="Its version.", examples=["2026-10-31"])
    uri: str | None = Field(
        default=None,
        description="Where it is kept.",
        examples=["s3://data/customers/2026-10.parquet"],
    )
    sha256: str | None = Field(
        default=None, description="The SHA-256 of its bytes.", examples=[SHA]
    )
    rows: int | None = Field(default=None, description="How many rows.", examples=[48213])


class PreprocessingOutput(Output):
    """A step between the data and the model."""

    name: str = Field(description="What the step is called.", examples=["standard-scaler"])
    version: str | None = Field(default=None, description="Its version.", examples=["1.9.1"])
    sha256: str | None = Field(
        default=None, description="The SHA-256 of its code or state.", examples=[SHA]
    )
    description: str | None = Field(
        default=None, description="What it does.", examples=["Zero mean, unit variance."]
    )


class EnvironmentOutput(Output):
    """What the version was made in."""

    python: str = Field(description="The version of Python.", examples=["3.11.7"])
    platform: str | None = Field(
        default=None, description="The operating system.", examples=["Linux-6.1-x86_64"]
    )
    packages: dict[str, str] = Field(
        default_factory=dict,
        description="Package to version.",
        examples=[{"scikit-learn": "1.9.1"}],
    )
    container_image: str | None = Field(
        default=None,
        description="The container image.",
        examples=["registry.example.com/train@sha256:…"],
    )
    hardware: Any = Field(
        default=None, description="The machine: text, or an object.", examples=["1x A100 80GB"]
    )


class SignatureOutput(Output):
    """What goes in and what comes out."""

    inputs: Any = Field(
        description="The inputs, in any JSON.", examples=[[{"name": "age", "type": "float"}]]
    )
    outputs: Any = Field(
        description="The outputs, in any JSON.", examples=[[{"name": "p", "type": "float"}]]
    )


class RunOutput(Output):
    """The run in an experiment tracker."""

    tracker: str = Field(description="Which tracker.", examples=["mlflow"])
    id: str = Field(description="The run's id there.", examples=["8f0c2d"])
    url: str | None = Field(
        default=None,
        description="Where to look at it.",
        examples=["https://mlflow.example.com/#/runs/8f0c2d"],
    )


class RecalledOutput(Output):
    """That a version is not to be used, and why."""

    reason: str = Field(description="Why.", examples=["trained on leaked labels"])
    by: str = Field(description="Who recalled it.", examples=["carol"])
    at: Time = Field(description="When.")


class RedactedOutput(Output):
    """That a text was taken out of a version for good, and why."""

    id: UUID = Field(
        description="The redaction.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a90"]
    )
    reason: str = Field(description="Why.", examples=["A database password in a description."])
    at: Time = Field(description="When.")


class BytesOutput(Output):
    """Bytes as they are told apart."""

    sha256: str = Field(
        description="Their SHA-256.",
        examples=[SHA],
    )
    size: int = Field(description="How many, in bytes.", examples=[48211])


class FailedFileOutput(Output):
    """A file whose bytes are not those that were declared."""

    path: str = Field(description="The path in the version.", examples=["weights.safetensors"])
    expected: BytesOutput = Field(description="What was declared.")
    found: BytesOutput | None = Field(
        description="What the store gave back; null where it gave back nothing."
    )


class FailureOutput(Output):
    """Why a version failed."""

    detail: str = Field(
        description="What happened, and what to do, in a sentence.",
        examples=["The bytes that came are not those that were declared: weights.safetensors. …"],
    )
    files: list[FailedFileOutput] = Field(
        description="The files that are to be sent again (the first hundred), by path."
    )


class ReferenceProblem(Output):
    """Why a reference means no version: what a GET of it would be refused with."""

    type: str = Field(
        description="The problem's page.",
        examples=["https://stageward.example.com/problems/not-found"],
    )
    title: str = Field(description="The problem, in short.", examples=["Not found"])
    status: int = Field(
        description="404: absent, or hidden from you. 409: several versions hold the stage.",
        examples=[404],
    )
    detail: str = Field(
        description="What is wrong, in a sentence.",
        examples=["The model `churn` has no version `production`."],
    )


class ResolvedOutput(Output):
    """What one reference means."""

    model: str = Field(description="The model, as it was asked for.", examples=["churn"])
    ref: str = Field(description="The reference, as it was asked for.", examples=["production"])
    number: int | None = Field(
        description="The version's number; null where there is a problem.", examples=[3]
    )
    stage: str | None = Field(
        description="The stage that the version holds; null where there is a problem.",
        examples=["production"],
    )
    manifest_sha256: str | None = Field(
        description="The SHA-256 of its manifest; null until it is ready, and where there is a "
        "problem.",
        examples=[SHA],
    )
    recalled: bool | None = Field(
        description="Whether the version is not to be used any more; null where there is a "
        "problem.",
        examples=[False],
    )
    problem: ReferenceProblem | None = Field(
        default=None, description="Why it means no version; left out where it means one."
    )


class ResolvedList(Output):
    """What many references mean."""

    items: list[ResolvedOutput] = Field(description="One for each reference, in their order.")


class VersionOutput(Output):
    """A version as it is shown: its whole recipe, and where it stands."""

    model: str = Field(description="The model's name.", examples=["churn"])
    number: int = Field(description="1, 2, 3 … in order of creation; never reused.", examples=[3])
    name: str | None = Field(
        description="Its name: given, or rendered by the model's convention.",
        examples=["churn-20261123-lr0.01-3"],
    )
    status: Literal["draft", "verifying", "ready", "failed", "discarded"] = Field(
        description="Where it is on its way; nothing leaves `ready`."
    )
    failure: FailureOutput | None = Field(
        description="Set where it is `failed`: which files are not what was declared."
    )
    bytes_verified: int | None = Field(
        description="While it is `verifying`: how many bytes are proven so far.", examples=[16384]
    )
    bytes_to_verify: int | None = Field(
        description="While it is `verifying`: how many bytes there are to prove in all.",
        examples=[48211],
    )
    stage: str = Field(description="The stage it holds.", examples=["production"])
    aliases: list[str] = Field(description="The aliases that point at it.", examples=[["champion"]])
    description: str = Field(
        description="What changed and why, in Markdown.", examples=["Depth 6 instead of 4."]
    )
    tags: dict[str, str] = Field(description="Text to text.", examples=[{"team": "fraud"}])
    params: dict[str, Any] = Field(description="Hyperparameters.", examples=[{"lr": 0.01}])
    metrics: dict[str, float] = Field(description="Metric to number.", examples=[{"auc": 0.934}])
    code: CodeOutput | None = Field(description="The code that made it.")
    datasets: list[DatasetOutput] = Field(description="The data that was used.")
    preprocessing: list[PreprocessingOutput] = Field(
        description="The steps between data and model."
    )
    environment: EnvironmentOutput | None = Field(description="What it was made in.")
    seed: int | None = Field(description="The random seed.", examples=[7])
    signature: SignatureOutput | None = Field(description="Inputs and outputs.")
    parents: list[ParentOutput] = Field(
        description="Versions that it was made from, in models that you can see."
    )
    run: RunOutput | None = Field(description="The run in an experiment tracker.")
    source: str | None = Field(
        description="A URI of bytes held elsewhere.", examples=["s3://models/churn/2026-11-20/"]
    )
    files_count: int = Field(description="How many files it has.", examples=[2])
    size: int = Field(description="The sizes of its files together, in bytes.", examples=[48211])
    manifest_sha256: str | None = Field(
        description="SHA-256 over the lines of `sha256sum` for its files, sorted by path; null "
        "until it is ready.",
        examples=[SHA],
    )
    recipe_sha256: str | None = Field(
        description="SHA-256 over the canonical JSON (RFC 8785) of the frozen fields of its recipe "
        "and `source`; null until it is ready. Where `redacted` is set it may cover what is not "
        "shown any more.",
        examples=[SHA],
    )
    stored: bool = Field(
        description="Whether all its content is held here and proven: it is ready, has files, and "
        "names no `source` elsewhere."
    )
    recalled: RecalledOutput | None = Field(
        description="Set where the version is not to be used any more."
    )
    redacted: RedactedOutput | None = Field(
        description="Set where a secret was taken out of it: a marker stands in its place. The "
        "digests are those of before. The latest, where it happened several times."
    )
    overridden: bool = Field(
        description="Whether an admin's override ever moved it between stages: flagged for ever.",
        examples=[False],
    )
    authors: list[str] = Field(
        description="All who wrote content before it was ready.", examples=[["alice"]]
    )
    created_by: str = Field(description="Who registered it.", examples=["alice"])
    created_at: Time = Field(description="When it was registered.")
    updated_at: Time = Field(description="When it last changed.")
    ready_at: Time | None = Field(description="When it became ready.")
