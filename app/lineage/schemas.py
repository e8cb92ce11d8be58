"""What answers about lineage, data sets and impact look like."""

from typing import Literal

from pydantic import Field

from app.core.schemas import Output, Time

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
Role = Literal["train", "validation", "test", "other"]


class VersionPlace(Output):
    """A version, and what one wants to know of it before one looks at it."""

    model: str = Field(description="The model's name.", examples=["churn"])
    number: int = Field(description="The version's number.", examples=[3])
    version: int = Field(
        description="The number again, as `parents` of a recipe write it.", examples=[3]
    )
    name: str | None = Field(description="The version's name.", examples=["churn-2026-11"])
    status: str = Field(description="Its status.", examples=["ready"])
    stage: str = Field(
        description="The stage that it holds; `none` for no stage.", examples=["production"]
    )
    recalled: bool = Field(description="Whether it is not to be used any more.", examples=[False])


class Node(Output):
    """A version or a data set."""

    id: str = Field(
        description="What `edges` call it: `version:{model}/{number}`, `dataset:sha256:{digest}` "
        "or, where no recipe says a digest, `dataset:{name}@{version}`.",
        examples=["version:churn/3"],
    )
    kind: Literal["version", "dataset"] = Field(description="What it is.", examples=["version"])
    model: str | None = Field(
        default=None, description="Of a version: its model.", examples=["churn"]
    )
    number: int | None = Field(default=None, description="Of a version: its number.", examples=[3])
    name: str | None = Field(description="Its name.", examples=["churn-2026-11"])
    version: int | str | None = Field(
        default=None,
        description="Of a version its number; of a data set its version.",
        examples=[3],
    )
    status: str | None = Field(
        default=None, description="Of a version: its status.", examples=["ready"]
    )
    stage: str | None = Field(
        default=None, description="Of a version: the stage that it holds.", examples=["production"]
    )
    recalled: bool | None = Field(
        default=None,
        description="Of a version: whether it is not to be used any more.",
        examples=[False],
    )
    distance: int | None = Field(
        default=None, description="Of a version: how many steps away it is, at least.", examples=[1]
    )
    sha256: str | None = Field(
        default=None, description="Of a data set: its digest.", examples=[SHA]
    )


class Edge(Output):
    """That one thing went into another."""

    from_: str = Field(
        alias="from", description="The parent, or the data set.", examples=["version:churn/2"]
    )
    to: str = Field(description="The version that was made.", examples=["version:churn/3"])
    kind: Literal["parent", "dataset"] = Field(description="What it was.", examples=["parent"])
    role: str | None = Field(
        default=None, description="Of a data set: what it was used for.", examples=["train"]
    )


class UsedDataset(Output):
    """Data that a version used, as its recipe says."""

    name: str = Field(description="What the team calls it.", examples=["customers-2026-10"])
    role: str = Field(description="What it was used for.", examples=["train"])
    version: str | None = Field(default=None, description="Its version.", examples=["2026-10-31"])
    sha256: str | None = Field(
        default=None, description="The SHA-256 of its bytes.", examples=[SHA]
    )
    uri: str | None = Field(
        default=None, description="Where it is kept.", examples=["s3://data/customers.parquet"]
    )
    rows: int | None = Field(default=None, description="How many rows.", examples=[48213])


class LineageOutput(VersionPlace):
    """What a version was made from, and what was made from it."""

    parents: list[VersionPlace] = Field(description="What it was made from directly, in order.")
    children: list[VersionPlace] = Field(description="What was made from it directly.")
    datasets: list[UsedDataset] = Field(description="The data that it used.")
    nodes: list[Node] = Field(
        description="The versions within `depth`, nearest first, then the data that they used."
    )
    edges: list[Edge] = Field(description="What went into what, among the nodes.")
    depth: int = Field(description="How many steps were walked.", examples=[3])
    truncated: bool = Field(
        description="Whether there is more than is shown: an answer has at most 1,000 versions, "
        "1,000 data sets and 20,000 edges.",
        examples=[False],
    )


class Roles(Output):
    """How many versions used a data set as what."""

    train: int = Field(description="To train on.", examples=[12])
    validation: int = Field(description="To validate with.", examples=[0])
    test: int = Field(description="To test on.", examples=[2])
    other: int = Field(description="For something else.", examples=[0])


class DatasetOutput(Output):
    """A data set, and what the models that you can see did with it."""

    name: str = Field(description="What the team calls it.", examples=["customers-2026-10"])
    version: str | None = Field(description="Its version.", examples=["2026-10-31"])
    sha256: str | None = Field(description="The SHA-256 of its bytes.", examples=[SHA])
    versions: int = Field(description="How many versions used it.", examples=[14])
    models: int = Field(description="Of how many models they are.", examples=[2])
    roles: Roles = Field(description="How many versions used it as what.")
    in_production: int = Field(
        description="How many of them hold the stage `production` now.", examples=[1]
    )
    first_used_at: Time = Field(
        description="When the first version that used it was registered (deleted ones count)."
    )
    last_used_at: Time = Field(
        description="When the last version that used it was registered (deleted ones count)."
    )


class DatasetVersionOutput(VersionPlace):
    """A version that used a data set."""

    created_at: Time = Field(description="When the version was registered.")
    roles: list[str] = Field(description="What it used the data for.", examples=[["train"]])
    datasets: list[UsedDataset] = Field(description="The entries of its recipe that match.")


class ImpactItem(VersionPlace):
    """A version that something reached."""

    distance: int = Field(
        description="How many steps away: 0 for a version that used the data itself, and for the "
        "parent that was asked about.",
        examples=[1],
    )
    through: list[VersionPlace] = Field(
        description="The shortest way to it: from the version that used the data, or the parent "
        "that was asked about, to its own parent. Empty at a distance of 0."
    )
    roles: list[str] = Field(description="What it used the data for itself.", examples=[["train"]])


class ImpactOutput(Output):
    """The versions that a data set or a version reached."""

    items: list[ImpactItem] = Field(description="Nearest first, then by model and number.")
    truncated: bool = Field(
        description="Whether there may be more: an answer has at most 1,000 versions, looks at "
        "20,000 ways and walks `depth` steps. Where it is true, ask more narrowly: the list is "
        "not the whole of it.",
        examples=[False],
    )
