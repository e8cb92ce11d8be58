"""What a comparison looks like."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from app.core.schemas import Output

ChangeName = Literal[
    "same", "changed", "added", "gone", "absent", "moved", "upgraded", "downgraded"
]
SectionName = Literal[
    "evaluations",
    "metrics",
    "params",
    "datasets",
    "preprocessing",
    "code",
    "environment",
    "files",
    "about",
]
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class _Exact(Output):
    """Says all that is answered."""

    model_config = ConfigDict(extra="forbid")


class ComparedVersion(_Exact):
    """One of the versions that are compared."""

    ref: str = Field(description="As it was asked for.", examples=["production"])
    model: str = Field(description="Its model.", examples=["churn"])
    number: int = Field(description="Its number.", examples=[3])
    name: str | None = Field(description="Its name.", examples=["churn-20261123-lr0.01-3"])
    status: str = Field(description="Its status.", examples=["ready"])
    stage: str = Field(description="The stage that it holds, or `none`.", examples=["production"])
    aliases: list[str] = Field(description="The aliases that point at it.", examples=[["champion"]])
    recalled: bool = Field(description="Whether it is not to be used.", examples=[False])


class ComparedRow(_Exact):
    """One thing that any of the versions has. All lists are in the order of `versions`."""

    key: str = Field(
        description="What it is: a path with dots, a file's path, a role and a name.",
        examples=["optimizer.lr"],
    )
    values: list[Any] = Field(
        description="Its value in each version; null where a version has none (`changes` says so).",
        examples=[[0.01, 0.02]],
    )
    differs: bool = Field(
        description="Whether any version stands otherwise than the baseline.", examples=[True]
    )
    changes: list[ChangeName] = Field(
        description="How each version stands to the baseline. `added`, `gone`: only one of the two "
        "has it; `absent`: neither; `moved`: a step that stands elsewhere in the order; "
        "`upgraded`, `downgraded`: a later or an earlier release of a package.",
        examples=[["same", "changed"]],
    )


class MetricRow(ComparedRow):
    """A metric of the versions' own."""

    differences: list[float | None] = Field(
        description="By how much each is above the baseline, in the metric's own unit; null where "
        "one of the two has none.",
        examples=[[0.0, 0.013]],
    )
    direction: Literal["higher", "lower", "unknown"] = Field(
        description="Which way is better.", examples=["higher"]
    )
    direction_source: Literal["policy", "name"] | None = Field(
        description="Who says so: a gate of the policy that names the metric, or else the words "
        "of its name; null where nobody does.",
        examples=["policy"],
    )
    better: int | None = Field(
        description="The place in `versions`, from 0, of the one that did best; null where that "
        "cannot be said, and where several did.",
        examples=[1],
    )
    sure: bool | None = Field(
        description="Whether the best is ahead of the second by more than chance would do in 95 of "
        "100 cases; null where a standard error is not known.",
        examples=[True],
    )


class ComparedData(_Exact):
    """The data that versions were measured on."""

    name: str = Field(description="What the team calls it.", examples=["holdout-2026-10"])
    sha256: str | None = Field(description="The SHA-256 of its bytes.", examples=[SHA])


class EvaluationRow(MetricRow):
    """A metric that was reported for the versions on the same data."""

    metric: str = Field(description="The metric.", examples=["auc"])
    dataset: ComparedData = Field(
        description="The data. Reports on other bytes stand in a row of their own."
    )
    stderr: list[float | None] = Field(
        description="The standard error of each value; null where nobody said.",
        examples=[[0.004, 0.004]],
    )
    within_noise: list[bool | None] = Field(
        description="Whether the difference from the baseline is no more than chance would do in "
        "95 of 100 cases; null where a standard error is not known.",
        examples=[[None, False]],
    )
    evaluations: list[str | None] = Field(
        description="The report that counts for each: the newest on this data.",
        examples=[["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a86", None]],
    )


class DatasetRow(ComparedRow):
    """Data that was used: of one role and name. Where both have digests, only these decide."""

    rows_differences: list[float | None] = Field(
        description="How many rows more than in the baseline; null where it is not known.",
        examples=[[0, 1200]],
    )


class TensorChanges(_Exact):
    """How the tensors of a safetensors file stand to those of the baseline's."""

    status: Literal["compared", "pending", "unreadable", "too_many"] = Field(
        description="`pending` until a job has read both headers; `unreadable` where one of them "
        "is not believed; `too_many` where it would take too long.",
        examples=["compared"],
    )
    parameters: int | None = Field(
        description="How many numbers its tensors hold; null where its header was not read.",
        examples=[109482240],
    )
    same: int = Field(description="How many have the same bytes.", examples=[190])
    changed: int = Field(
        description="How many have other bytes in the same type and shape.", examples=[8]
    )
    reshaped: int = Field(description="How many have another type or shape.", examples=[0])
    added: int = Field(description="How many the baseline's does not have.", examples=[1])
    gone: int = Field(description="How many only the baseline's has.", examples=[0])
    unknown: int = Field(
        description="How many have the same type and shape, and were not hashed yet.", examples=[0]
    )
    names: dict[str, list[str]] = Field(
        description="The first 200 names of each kind that differs.",
        examples=[{"changed": ["classifier.weight"]}],
    )


class FileRow(ComparedRow):
    """A file: `values` are `{sha256, size}`, and its digest decides."""

    size_differences: list[int | None] = Field(
        description="How many bytes more than in the baseline.", examples=[[0, -4096]]
    )
    tensors: list[TensorChanges | None] | None = Field(
        description="Where a safetensors file changed: for each version what did; null for those "
        "that are the same or lack the file. Null for any other file."
    )


class CommitRange(_Exact):
    """What leads from the baseline's commit to that of another version."""

    place: int = Field(description="The version's place in `versions`, from 0.", examples=[1])
    from_: str = Field(alias="from", description="The baseline's commit.", examples=["3f2c9e1b7a"])
    to: str = Field(description="Its commit.", examples=["a81d04c6e2"])
    range: str | None = Field(
        description="As `git log` takes it; null where the commits are of two repositories or are "
        "no hexadecimal digests.",
        examples=["3f2c9e1b7a..a81d04c6e2"],
    )
    link: str | None = Field(
        description="Where the host shows it, for hosts that are known; null for any other.",
        examples=["https://github.com/acme/churn/compare/3f2c9e1b7a...a81d04c6e2"],
    )


class CompareOutput(_Exact):
    """Versions side by side."""

    model: str = Field(description="The model.", examples=["churn"])
    versions: list[ComparedVersion] = Field(description="What is compared, as it was named.")
    baseline: int = Field(
        description="The place in `versions`, from 0, of the one that the others are compared "
        "with.",
        examples=[0],
    )
    evaluations: list[EvaluationRow] = Field(
        description="What was reported, by data set and metric: the newest report of each counts."
    )
    metrics: list[MetricRow] = Field(description="The versions' own metrics, by name.")
    params: list[ComparedRow] = Field(description="The leaves of `params`, by their paths.")
    datasets: list[DatasetRow] = Field(description="The data, by role and name.")
    preprocessing: list[ComparedRow] = Field(
        description="The steps, in the baseline's order; each has its `position`, from 1."
    )
    code: list[ComparedRow] = Field(description="The fields of `code`.")
    environment: list[ComparedRow] = Field(
        description="The environment, package by package (`packages.numpy`)."
    )
    files: list[FileRow] = Field(description="The files, by path.")
    about: list[ComparedRow] = Field(
        description="Name, description, tags, seed, signature, parents, authors, times, digests."
    )
    commits: list[CommitRange] = Field(
        description="For each version of another commit than the baseline's, what lies between."
    )
    truncated: list[SectionName] = Field(
        description="Sections of which only the first 5,000 rows are shown, and `evaluations` "
        "where a version has more than 200 reports: the newest 200 are looked at.",
        examples=[[]],
    )
