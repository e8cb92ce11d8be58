"""What an answer says about how a promoted version differs from another."""

from typing import Any, Literal

from pydantic import Field

from app.core.schemas import Digest, Output
from app.promotions.rules.changes import Change

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
OTHER_SHA = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"


class ComparedOutput(Output):
    """The version that a promoted one is compared with."""

    version: int = Field(description="Its number.", examples=[6])
    name: str | None = Field(description="Its name, if it has one.", examples=[None])
    stage: str = Field(
        description="The stage that it holds; for an ended promotion, just before its end.",
        examples=["production"],
    )
    because: str = Field(
        description="Why this one: `holds production` (the incumbent, or of several holders the "
        "one that came last), `held production last` or `the version before it`. For an ended "
        "promotion `held production then` instead of `holds`.",
        examples=["holds production"],
    )


def _change_field() -> Any:
    return Field(description="How it differs.", examples=["changed"])


class ChangedValue(Output):
    """A value that differs."""

    key: str = Field(
        description="Which one. Nested names are joined with dots; a name with a dot or a backtick "
        "in it stands in backticks, as in ``optimizer.`adam.beta` ``.",
        examples=["optimizer.name"],
    )
    change: Literal[Change.ADDED, Change.GONE, Change.CHANGED] = _change_field()
    from_: Any = Field(
        alias="from", description="What it was; null where it was `added`.", examples=["sgd"]
    )
    to: Any = Field(description="What it is; null where it is `gone`.", examples=["adam"])


class ChangedMetric(Output):
    """A metric of the versions' own that differs."""

    key: str = Field(description="Which one.", examples=["auc"])
    change: Literal[Change.ADDED, Change.GONE, Change.CHANGED] = _change_field()
    from_: float | None = Field(
        alias="from", description="What it was; null where it was `added`.", examples=[0.921]
    )
    to: float | None = Field(description="What it is; null where it is `gone`.", examples=[0.934])
    difference: float | None = Field(
        description="`to` - `from`, in decimals; null where one of them is missing.",
        examples=[0.013],
    )


class MeasuredOnSame(Output):
    """What both versions were measured to have on the same data, whether or not it differs."""

    dataset: str = Field(description="What the data set is called.", examples=["holdout-2026-11"])
    sha256: Digest = Field(description="The SHA-256 of its bytes, the same for both.")
    metric: str = Field(description="Which metric.", examples=["auc"])
    from_: float = Field(
        alias="from", description="The newest report on the other version.", examples=[0.921]
    )
    to: float = Field(description="The newest report on this version.", examples=[0.934])
    difference: float | None = Field(
        description="`to` - `from`, in decimals; null where no number can hold it.",
        examples=[0.013],
    )


class DatasetState(Output):
    """A data set as a version names it."""

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


class ChangedDataset(Output):
    """A data set that differs."""

    role: str = Field(description="What it is used for.", examples=["train"])
    name: str = Field(description="What it is called.", examples=["customers"])
    change: Literal[Change.ADDED, Change.GONE, Change.CHANGED] = _change_field()
    from_: DatasetState | None = Field(
        alias="from", description="What it was; null where it was `added`."
    )
    to: DatasetState | None = Field(description="What it is; null where it is `gone`.")


class StepState(Output):
    """A step of preprocessing as a version names it."""

    position: int = Field(description="Its place among the steps, from 1.", examples=[2])
    version: str | None = Field(default=None, description="Its version.", examples=["1.9.1"])
    sha256: str | None = Field(
        default=None, description="The SHA-256 of its code or state.", examples=[SHA]
    )
    description: str | None = Field(
        default=None, description="What it does.", examples=["Zero mean, unit variance."]
    )


class ChangedStep(Output):
    """A step of preprocessing that differs, or that stands elsewhere among those that stayed."""

    name: str = Field(description="What it is called.", examples=["standard-scaler"])
    change: Change = _change_field()
    from_: StepState | None = Field(
        alias="from", description="What it was; null where it was `added`."
    )
    to: StepState | None = Field(description="What it is; null where it is `gone`.")


class FileState(Output):
    """The bytes of a file."""

    sha256: Digest = Field(description="Their SHA-256.")
    size: int = Field(description="How many, in bytes.", examples=[48211])


class ChangedFile(Output):
    """A path whose bytes differ; `from` is null where it was added, `to` where it is gone."""

    path: str = Field(description="The path in the version.", examples=["model.safetensors"])
    from_: FileState | None = Field(alias="from", description="What it was.")
    to: FileState | None = Field(description="What it is.")


class FileCounts(Output):
    """How many paths there are of each kind, also where fewer are listed."""

    changed: int = Field(description="With other bytes.", examples=[1])
    added: int = Field(description="That only this version has.", examples=[0])
    gone: int = Field(description="That only the other version has.", examples=[0])


class FilesChange(Output):
    """How the files differ: by path, at most 1,000 of each kind."""

    same: int = Field(description="How many paths have the same bytes in both.", examples=[3])
    same_bytes: int = Field(description="The sizes of these together, in bytes.", examples=[5120])
    changed: list[ChangedFile] = Field(description="Paths with other bytes.")
    added: list[ChangedFile] = Field(description="Paths that only this version has.")
    gone: list[ChangedFile] = Field(description="Paths that only the other version has.")
    counts: FileCounts = Field(description="How many there are of each.")


class ChangeCounts(Output):
    """How many rows there are of each list, also where fewer are given."""

    params: int = Field(description="Of `params`.", examples=[1])
    metrics: int = Field(description="Of `metrics`.", examples=[1])
    evaluations: int = Field(description="Of `evaluations`.", examples=[1])
    code: int = Field(description="Of `code`.", examples=[1])
    datasets: int = Field(description="Of `datasets`.", examples=[0])
    preprocessing: int = Field(description="Of `preprocessing`.", examples=[0])
    environment: int = Field(description="Of `environment`.", examples=[0])
    other: int = Field(description="Of `other`.", examples=[0])


class ChangesOutput(Output):
    """How a promoted version (`to`) differs from the one before it (`from`), for its reviewers.
    Each list has at most 1,000 rows. Names, descriptions, tags, parents and runs are left out."""

    against: ComparedOutput | None = Field(
        description="What it is compared with: the incumbent of an exclusive stage; where there is "
        "none, the other version that held the stage last; else the next lower ready number. Null "
        "where there is none, or where an ended promotion's incumbent was deleted since; then "
        "everything below is empty."
    )
    params: list[ChangedValue] = Field(description="Parameters that differ, by key.")
    metrics: list[ChangedMetric] = Field(description="The versions' own metrics that differ.")
    evaluations: list[MeasuredOnSame] = Field(
        description="For every metric that both have on a data set of one digest, the newest of "
        "each; for an ended promotion, of those that were there at its end. Of each version, the "
        "latest 500 reports are looked at."
    )
    code: list[ChangedValue] = Field(description="What differs in the code.")
    datasets: list[ChangedDataset] = Field(description="Data that differ, by role and name.")
    preprocessing: list[ChangedStep] = Field(description="Steps that differ, by name.")
    environment: list[ChangedValue] = Field(description="What differs in the environment.")
    other: list[ChangedValue] = Field(
        description="What differs in `seed`, `signature` and `source`."
    )
    files: FilesChange = Field(description="How the files differ.")
    counts: ChangeCounts = Field(description="How many rows there are of each list.")
    truncated: bool = Field(
        description="Whether some list is cut short; the counts say which.", examples=[False]
    )
