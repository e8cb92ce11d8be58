"""What requests and answers about stages and aliases look like."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.core.schemas import Input, Output, Reason, Time
from app.stages.rules import MAX_NUMBER

VersionNumber = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
VersionRef = Annotated[
    VersionNumber | Annotated[str, Field(min_length=1, max_length=128)],
    Field(description="The version's number or its name.", examples=[7]),
]


class HolderOutput(Output):
    """A version that holds or held a stage."""

    number: int = Field(description="The version's number.", examples=[7])
    name: str | None = Field(description="The version's name, if it has one.", examples=[None])
    since: Time = Field(description="When it entered the stage.")
    until: Time | None = Field(description="When it left it; null while it is there.")
    promotion: UUID | None = Field(
        description="The promotion that brought it there (an incumbent: its successor's); null "
        "where a rollback did.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"],
    )
    rollback: UUID | None = Field(
        description="The rollback that brought it there, if one did.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a82"],
    )
    overridden: bool = Field(description="Whether an admin overrode the rules to bring it there.")


class StageOutput(Output):
    """A stage of a model and who holds it now."""

    stage: str = Field(description="Its name.", examples=["production"])
    exclusive: bool = Field(description="Whether at most one version holds it.", examples=[True])
    count: int = Field(
        description="How many versions hold it; 10,000 stands for that many or more.", examples=[1]
    )
    holders: list[HolderOutput] = Field(
        description="Those versions, the newest first; at most 100 are listed."
    )


class StagesOutput(Output):
    """Every stage of a model."""

    model: str = Field(description="The model's name.", examples=["churn"])
    stages: list[StageOutput] = Field(description="In their order.")


class StageAtOutput(Output):
    """Who held a stage at an instant. `number` to `rollback` are of the one holder; they are null
    where there was none, or several (then see `holders`)."""

    model: str = Field(description="The model's name.", examples=["churn"])
    stage: str = Field(description="The stage's name.", examples=["production"])
    exclusive: bool = Field(description="Whether at most one version holds it.", examples=[True])
    at: Time = Field(description="The instant that was asked for; without one, now.")
    number: int | None = Field(description="The holder's number.", examples=[7])
    name: str | None = Field(description="The holder's name, if it has one.", examples=[None])
    since: Time | None = Field(description="When it entered the stage.")
    until: Time | None = Field(description="When it left it; null while it is there.")
    promotion: UUID | None = Field(
        description="The promotion that brought it there.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"],
    )
    rollback: UUID | None = Field(
        description="The rollback that brought it there, if one did.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a82"],
    )
    count: int = Field(
        description="How many versions held it; 10,000 stands for that many or more.", examples=[1]
    )
    holders: list[HolderOutput] = Field(
        description="All of them, the latest to enter first; at most 100 are listed."
    )


class TransitionOutput(Output):
    """The fact that a version's stage changed."""

    id: int = Field(description="Later ones are higher.", examples=[12])
    number: int = Field(description="The version's number.", examples=[7])
    name: str | None = Field(description="The version's name, if it has one.", examples=[None])
    kind: str = Field(
        description="By what: its own `promotion`, an `override` of one, a `succession` (its "
        "successor took the stage) or a `rollback`.",
        examples=["promotion"],
    )
    from_: str = Field(alias="from", description="The stage it left.", examples=["staging"])
    to: str = Field(description="The stage it entered.", examples=["production"])
    reason: str = Field(
        description="Why, in the words of who asked for it.",
        examples=["AUC 0.934 instead of 0.921 on the same held-out data."],
    )
    actor: str = Field(description="Who did it.", examples=["ci"])
    at: Time = Field(description="When.")
    promotion: UUID | None = Field(
        description="The promotion that caused it, if one did.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a80"],
    )
    rollback: UUID | None = Field(
        description="The rollback that caused it, if one did.",
        examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a82"],
    )


class RollbackInput(Input):
    """A stage to return to an earlier holder."""

    stage: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="An exclusive stage.", examples=["production"]
    )
    reason: Reason = Field(
        description="Why; it stands in the record for ever.",
        examples=["Version 8 scores every customer as leaving."],
    )
    to: VersionRef | None = Field(
        default=None,
        description="The version to return to: one that held the stage by an approved promotion. "
        "Without it, the latest earlier holder that was not itself rolled back.",
        examples=[7],
    )
    expected_incumbent: VersionNumber | None = Field(
        default=None,
        description="The number that you believe holds the stage, null for nobody; if another one "
        "does, nothing happens (409). Leave it out to not compare.",
        examples=[8],
    )


class RollbackOutput(Output):
    """A rollback that was made."""

    id: UUID = Field(
        description="Transitions name it.", examples=["0198f2a6-b4f0-7c3e-9d1a-5b7c2e4f6a82"]
    )
    model: str = Field(description="The model's name.", examples=["churn"])
    stage: str = Field(description="The stage.", examples=["production"])
    number: int = Field(description="The version that holds it now.", examples=[7])
    name: str | None = Field(description="That version's name, if it has one.", examples=[None])
    rolled_back: int | None = Field(
        description="The version that was rolled back and is archived now; null where nobody held "
        "the stage.",
        examples=[8],
    )
    reason: str = Field(description="Why.", examples=["Error rate doubled since 09:30."])
    by: str = Field(description="Who did it.", examples=["maria"])
    at: Time = Field(description="When.")


class AliasInput(Input):
    """What an alias shall point at."""

    version: VersionRef


class AliasOutput(Output):
    """An alias and what it points at."""

    alias: str = Field(description="Its name.", examples=["champion"])
    model: str = Field(description="The model's name.", examples=["churn"])
    number: int = Field(description="The version that it points at.", examples=[7])
    name: str | None = Field(description="That version's name, if it has one.", examples=[None])
    is_stage: bool = Field(
        description="Whether it bears the name of a stage, and so means that stage's holder."
    )
    set_by: str | None = Field(
        description="Who pointed it there; null where it means a stage.", examples=["maria"]
    )
    set_at: Time = Field(description="Since when it points there.")


class AliasChangeOutput(Output):
    """One change of an alias."""

    from_: int | None = Field(
        alias="from", description="The version it pointed at before; null for none.", examples=[5]
    )
    to: int | None = Field(
        description="The version it pointed at then; null where it was removed.", examples=[7]
    )
    by: str = Field(description="Who did it.", examples=["maria"])
    at: Time = Field(description="When.")
