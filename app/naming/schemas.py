"""What requests and answers about naming conventions look like."""

from typing import Annotated, Literal

from pydantic import Field

from app.core.schemas import (
    Input,
    JsonObject,
    ModelName,
    Number,
    Output,
    Tags,
    Time,
    WrittenTime,
)
from app.models.schemas import NameTemplate, Naming
from app.versions.schemas.inputs import Code, Key, VersionName

VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Sample(Input):
    """What a version would be registered with, as far as its name and tags depend on it."""

    name: VersionName | None = Field(
        default=None,
        description="A name of its own, instead of the one that the convention renders.",
        examples=["churn-2026-11-a"],
    )
    tags: Tags = Field(default_factory=dict)
    params: JsonObject = Field(
        default_factory=dict, description="Hyperparameters.", examples=[{"lr": 0.01}]
    )
    metrics: dict[Key, Number] = Field(
        default_factory=dict,
        max_length=5000,
        description="Metric to finite number.",
        examples=[{"auc": 0.934}],
    )
    code: Code | None = Field(default=None, description="The code that made it.")


class PreviewInput(Input):
    """A convention to try, and on what. What is left out is the model's own."""

    name_template: NameTemplate | None = Field(
        default=None, description="The template to try; left out, the model's own. Null: none."
    )
    naming: Naming = Field(
        default=None, description="The rules to try; left out, the model's own. Null: none."
    )
    version: VersionNumber | VersionName | None = Field(
        default=None,
        description="An existing version to try it on, by number or name, instead of `sample`: "
        "what the template makes of it, or its own name where there is no template.",
        examples=[3],
    )
    sample: Sample | None = Field(default=None, description="What to try it on.")
    number: VersionNumber | None = Field(
        default=None, description="The number to render; left out, the next one.", examples=[8]
    )
    created_at: WrittenTime | None = Field(
        default=None,
        description="The time to render, with its offset; left out, now.",
        examples=["2026-11-23T09:30:00Z"],
    )


class FreePreviewInput(Input):
    """A convention to try for a model that need not exist."""

    model: ModelName = Field(description="The model's name, as the name would have it.")
    name_template: NameTemplate | None = Field(default=None, description="The template to try.")
    naming: Naming = Field(default=None, description="The rules to try.")
    sample: Sample = Field(default_factory=Sample, description="What to try it on.")
    number: VersionNumber = Field(default=1, description="The number to render.", examples=[1])
    created_at: WrittenTime | None = Field(
        default=None,
        description="The time to render, with its offset; left out, now.",
        examples=["2026-11-23T09:30:00Z"],
    )


class BreachOutput(Output):
    """What is wrong with a name or a tag."""

    field: str = Field(
        description="What it is about: `name`, `alias`, `tags.<key>`, or the field that the "
        "template lacks.",
        examples=["params.lr"],
    )
    rule: Literal[
        "template",
        "missing",
        "version_pattern",
        "alias_pattern",
        "tag_key_pattern",
        "required_tags",
        "tag_patterns",
    ] = Field(
        description="Which rule is broken: one of the model's `naming`; `template`, where the "
        "name is not what `name_template` renders, or it renders none; `missing`, where there is "
        "a convention for names and no name."
    )
    detail: str = Field(
        description="What is wrong and what would be right, in a sentence.",
        examples=["The template needs `params.lr`, which is not there."],
    )
    pattern: str | None = Field(
        description="The pattern that is not matched, where it is one.", examples=["[a-z-]+"]
    )
    expected: str | None = Field(
        description="The name that would be right, where one is known.",
        examples=["churn-20261123-lr0.01-7"],
    )


class PreviewOutput(Output):
    """What a convention makes of a version."""

    name: str | None = Field(
        description="The name that the version would have; null where it would have none.",
        examples=["churn-20261123-lr0.01-7"],
    )
    follows: bool = Field(description="Whether nothing is wrong: it could be registered so.")
    breaches: list[BreachOutput] = Field(description="What is wrong.")
    number: int = Field(description="The number that was rendered.", examples=[7])
    created_at: Time = Field(description="The time that was rendered.")
    name_template: str | None = Field(
        description="The template that was tried.", examples=["{model}-{number}"]
    )


class Finding(Output):
    """A version or an alias that does not follow the model's convention."""

    kind: Literal["version", "alias"] = Field(description="Which of the two it is.")
    number: int = Field(
        description="The version's number, or of the one that the alias points at.", examples=[7]
    )
    name: str | None = Field(
        description="The version's name, or the alias.", examples=["final_final2"]
    )
    breaches: list[BreachOutput] = Field(description="What is wrong with it.")


class ReportPage(Output):
    """A page of what does not follow a model's convention."""

    items: list[Finding] = Field(description="Aliases by name, then versions, newest first.")
    next_cursor: str | None = Field(
        description="Pass as `cursor` to look on; null once all was looked at. A page may be empty "
        "and still not the last: each looks at 1,000 versions at most.",
        examples=["WyJ2IiwgOTkwMDFd"],
    )
    examined: int = Field(
        description="How many aliases and versions this page looked at.", examples=[1000]
    )
    unreadable: list[str] = Field(
        description="Rules of the model whose patterns cannot be read any more, because a "
        "redaction went through them; nothing is held against these. Set them anew.",
        examples=[[]],
    )
