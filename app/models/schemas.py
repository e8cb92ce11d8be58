"""What requests and answers about models look like."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from app.core.schemas import Description, Input, ModelName, Output, TagKey, Tags, Time
from app.models.conventions import MOST_PATTERN, check_pattern, fits
from app.models.rules import check_template

NameTemplate = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        examples=["{model}-{date:%Y%m%d}-lr{params.lr}-{number}"],
        description="The naming convention for versions. Fields in braces: `model`, `number`, "
        "`date` (with a strftime format), `params.*`, `tags.*`, `metrics.*`, `code.commit`, "
        "`code.branch`.",
    ),
    AfterValidator(check_template),
]


Pattern = Annotated[
    str,
    Field(min_length=1, max_length=MOST_PATTERN, examples=["churn-[0-9]{8}-[a-z0-9-]+"]),
    AfterValidator(check_pattern),
]


class NamingRules(Input):
    """What names and tags must be like: regular expressions in RE2's syntax, each held against the
    whole of a text."""

    version_pattern: Pattern | None = Field(
        default=None,
        description="What names of versions must match, given or rendered by `name_template`. A "
        "version without a name breaks nothing.",
    )
    alias_pattern: Pattern | None = Field(
        default=None,
        description="What new aliases must match; those that are there can still be moved.",
        examples=["[a-z]+(-[a-z]+)*"],
    )
    tag_key_pattern: Pattern | None = Field(
        default=None,
        description="What the keys of versions' tags must match.",
        examples=["[a-z][a-z0-9_.]*"],
    )
    required_tags: list[TagKey] = Field(
        default_factory=list,
        max_length=50,
        description="Keys of tags that every version must have.",
        examples=[["team"]],
    )
    tag_patterns: dict[TagKey, Pattern] = Field(
        default_factory=dict,
        max_length=50,
        description="Key of a tag to what its value must match, on versions that have it.",
        examples=[{"team": "fraud|risk|growth"}],
    )

    @field_validator("required_tags")
    @classmethod
    def _each_once(cls, keys: list[str]) -> list[str]:
        return list(dict.fromkeys(keys))

    @model_validator(mode="after")
    def _can_be_followed(self) -> Self:
        pattern = self.tag_key_pattern
        for key in self.required_tags if pattern is not None else ():
            if not fits(str(pattern), key):
                raise ValueError(
                    f"required_tags asks for `{key}`, which tag_key_pattern `{pattern}` forbids: "
                    "no version could follow both"
                )
        return self


def _none_if_empty(rules: NamingRules | None) -> NamingRules | None:
    return rules if rules is not None and any(rules.model_dump().values()) else None


Naming = Annotated[NamingRules | None, AfterValidator(_none_if_empty)]


class NamingOutput(Output):
    """The naming rules of a model."""

    version_pattern: str | None = Field(
        default=None,
        description="What names of versions must match, in RE2's syntax.",
        examples=["churn-[0-9]{8}-[a-z0-9-]+"],
    )
    alias_pattern: str | None = Field(
        default=None, description="What new aliases must match.", examples=["[a-z]+(-[a-z]+)*"]
    )
    tag_key_pattern: str | None = Field(
        default=None,
        description="What the keys of versions' tags must match.",
        examples=["[a-z][a-z0-9_.]*"],
    )
    required_tags: list[str] = Field(
        default_factory=list,
        description="Keys of tags that every version must have.",
        examples=[["team"]],
    )
    tag_patterns: dict[str, str] = Field(
        default_factory=dict,
        description="Key of a tag to what its value must match.",
        examples=[{"team": "fraud|risk|growth"}],
    )


class ModelInput(Input):
    """A model to make."""

    name: ModelName = Field(
        description="Letters, digits, space, `.`, `_`, `-`; 1 to 128 characters; unique without "
        "regard to case."
    )
    description: Description = Field(
        default="",
        description="What the model is for, in Markdown; up to 64 KiB.",
        examples=["Predicts which customers leave within 90 days."],
    )
    tags: Tags = Field(default_factory=dict)
    name_template: NameTemplate | None = Field(
        default=None,
        description="The naming convention for versions. Without one, a version has a name only "
        "where it is given one.",
    )
    naming: Naming = Field(
        default=None, description="What names and tags of its versions, and aliases, must be like."
    )


class ModelChange(Input):
    """What to change of a model; what is left out stays, what is named is replaced as a whole."""

    description: Description = Field(default="", description="Markdown; up to 64 KiB.")
    tags: Tags = Field(default_factory=dict)
    name_template: NameTemplate | None = Field(
        default=None, description="A new convention; null takes it away. Existing names stay."
    )
    naming: Naming = Field(
        default=None,
        description="New naming rules in place of those there are; null takes them away. What "
        "exists stays as it is; `GET /models/{model}/naming/report` tells what breaks them.",
    )


class ModelOutput(Output):
    """A model as it is shown."""

    name: str = Field(description="As it was written when the model was made.", examples=["churn"])
    description: str = Field(
        description="Markdown.", examples=["Predicts which customers leave within 90 days."]
    )
    tags: dict[str, str] = Field(description="Text to text.", examples=[{"team": "fraud"}])
    name_template: str | None = Field(
        description="The naming convention for versions, if any.",
        examples=["{model}-{date:%Y%m%d}-lr{params.lr}-{number}"],
    )
    naming: NamingOutput | None = Field(
        description="What names and tags of its versions, and aliases, must be like, if anything."
    )
    created_by: str = Field(description="The identity that made it.", examples=["alice"])
    created_at: Time = Field(description="When it was made.")
    updated_at: Time = Field(description="When its description, tags or convention last changed.")
    latest_version: int | None = Field(description="The highest ready number.", examples=[7])
    stages: dict[str, list[int]] = Field(
        description="Who holds what now: stage to numbers, the newest 100 of each stage.",
        examples=[{"production": [5], "staging": [7]}],
    )
    aliases: dict[str, int] = Field(description="Alias to number.", examples=[{"champion": 5}])
