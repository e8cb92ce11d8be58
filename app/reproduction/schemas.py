"""What a recipe looks like."""

from typing import Any, Literal

from pydantic import Field

from app.core.schemas import Output
from app.versions.schemas.outputs import (
    SHA,
    CodeOutput,
    DatasetOutput,
    EnvironmentOutput,
    ParentOutput,
    PreprocessingOutput,
    RecalledOutput,
    RedactedOutput,
    RunOutput,
    SignatureOutput,
)


class RecipeFile(Output):
    """A file that the training made."""

    path: str = Field(description="The path in the version.", examples=["model.joblib"])
    size: int = Field(description="Its size in bytes.", examples=[48211])
    sha256: str = Field(description="The SHA-256 of its bytes.", examples=[SHA])


class StepOutput(Output):
    """A step on the way to making the version again."""

    name: Literal["code", "environment", "data", "training", "comparison"] = Field(
        description="What it is about, in the order in which the steps are gone."
    )
    possible: bool = Field(description="Whether the script can go it by what is recorded.")
    detail: str = Field(
        description="What it does, or why it cannot be gone.",
        examples=["Check out 3f2c9e1b7a5d4c8f9e0b1a2c3d4e5f6071829304."],
    )


class MissingOutput(Output):
    """What is missing to make the version again."""

    field: str = Field(description="The field of the recipe.", examples=["code.commit"])
    why: str = Field(
        description="Why what is there does not do.", examples=["It is no commit in full."]
    )
    remedy: str = Field(
        description="What to record next time: a ready version does not change.",
        examples=["Record all that `git rev-parse HEAD` prints."],
    )


class ExpectedOutput(Output):
    """What the training should give."""

    metrics: dict[str, float] = Field(
        description="The version's own metrics.", examples=[{"auc": 0.934}]
    )


class RecipeOutput(Output):
    """All that it takes to make a version again, and what of it is missing."""

    model: str = Field(description="The model's name.", examples=["churn"])
    number: int = Field(description="The version's number.", examples=[3])
    name: str | None = Field(description="Its name.", examples=["churn-20261123-lr0.01-3"])
    recipe_sha256: str | None = Field(
        description="The digest of its recipe; null until it is ready.", examples=[SHA]
    )
    manifest_sha256: str | None = Field(
        description="The digest of its files; null until it is ready.", examples=[SHA]
    )
    completeness: float = Field(
        description="How much of what it takes is recorded, from 0 to 1.", examples=[0.85]
    )
    reproducible: bool = Field(
        description="Whether nothing is missing. A `fields` gate can require it."
    )
    missing: list[MissingOutput] = Field(description="What is missing, and what to do about it.")
    steps: list[StepOutput] = Field(description="What the script does, in order.")
    code: CodeOutput | None = Field(description="The code that made it.")
    command: list[str] | None = Field(
        description="The words of the entrypoint behind the interpreter, as the script runs them "
        "with `--run`; null where it runs none.",
        examples=[["train.py", "--lr", "0.1"]],
    )
    environment: EnvironmentOutput | None = Field(description="What it was made in.")
    datasets: list[DatasetOutput] = Field(
        description="The data that was used, in order: the script reads the place of a local copy "
        "of the first from `STAGEWARD_DATA_1`."
    )
    preprocessing: list[PreprocessingOutput] = Field(
        description="The steps between data and model."
    )
    params: dict[str, Any] = Field(description="Hyperparameters.", examples=[{"lr": 0.01}])
    seed: int | None = Field(description="The random seed.", examples=[7])
    signature: SignatureOutput | None = Field(description="Inputs and outputs.")
    parents: list[ParentOutput] = Field(
        description="Versions that it was made from, in models that you can see."
    )
    run: RunOutput | None = Field(description="The run in an experiment tracker.")
    source: str | None = Field(
        description="A URI of bytes held elsewhere.", examples=["s3://models/churn/2026-11-20/"]
    )
    files: list[RecipeFile] = Field(description="What the training made, by path.")
    expected: ExpectedOutput = Field(description="What to compare the training's results with.")
    recalled: RecalledOutput | None = Field(
        description="Set where the version is not to be used any more."
    )
    redacted: RedactedOutput | None = Field(
        description="Set where a secret was taken out of the recipe."
    )
