"""What requests and answers about models look like."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app.core.schemas import Description, Input, ModelName, Output, Tags, Time
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


class ModelChange(Input):
    """What to change of a model; what is left out stays, what is named is replaced as a whole."""

    description: Description = Field(default="", description="Markdown; up to 64 KiB.")
    tags: Tags = Field(default_factory=dict)
    name_template: NameTemplate | None = Field(
        default=None, description="A new convention; null takes it away. Existing names stay."
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
    created_by: str = Field(description="The identity that made it.", examples=["alice"])
    created_at: Time = Field(description="When it was made.")
    updated_at: Time = Field(description="When its description, tags or convention last changed.")
    latest_version: int | None = Field(description="The highest ready number.", examples=[7])
    stages: dict[str, list[int]] = Field(
        description="Who holds what now: stage to numbers, the newest 100 of each stage.",
        examples=[{"production": [5], "staging": [7]}],
    )
    aliases: dict[str, int] = Field(description="Alias to number.", examples=[{"champion": 5}])
