"""What requests about policies look like."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app.core.schemas import Input, Line, ModelName, Reason, WrittenTime, finite
from app.policies.gates import Gate
from app.stages.rules import ALIAS_NAME, ARCHIVED, LATEST, NO_STAGE, RESERVED_ALIAS, STAGE_NAME
from app.stages.schemas import VersionRef

HOURS_LEAST, HOURS_MOST = 1 / 3600, 24 * 365 * 10


def _check_stage(name: str) -> str:
    if not STAGE_NAME.fullmatch(name):
        raise ValueError("must be a lower-case letter, then up to 63 of a-z, 0-9, `_` and `-`")
    if name == LATEST:
        raise ValueError("must not be `latest`, which means the highest ready version")
    return name


def _check_own_stage(name: str) -> str:
    if _check_stage(name) == NO_STAGE:
        raise ValueError("must not be `none`: every version begins there, and nothing leads there")
    return name


def _check_alias(name: str) -> str:
    if not ALIAS_NAME.fullmatch(name) or RESERVED_ALIAS.fullmatch(name):
        raise ValueError(
            "must be a letter, then up to 63 letters, digits, `_` or `-`; not `latest`, and not "
            "`v` with digits"
        )
    return name


def _distinct(items: list[str]) -> list[str]:
    if len({item.lower() for item in items}) < len(items):
        raise ValueError("must name each only once")
    return items


def _check_hours(value: float) -> float:
    if not HOURS_LEAST <= finite(value) <= HOURS_MOST:
        raise ValueError("must be at least a second and at most ten years; leave it out for none")
    return value


StageName = Annotated[str, AfterValidator(_check_stage)]
OwnStageName = Annotated[str, AfterValidator(_check_own_stage)]
AliasName = Annotated[str, AfterValidator(_check_alias)]
Names = Annotated[list[Line], Field(max_length=100), AfterValidator(_distinct)]
Hours = Annotated[float, AfterValidator(_check_hours)]


class ApprovalRuleInput(Input):
    """Who must approve. `roles`, `groups` and `identities` are alternatives; with none of them,
    any reviewer will do. One person counts once per rule and may fill several rules."""

    count: int = Field(ge=1, le=100, description="How many people.", examples=[1])
    roles: (
        Annotated[list[Literal["reviewer", "maintainer", "admin"]], Field(max_length=3)] | None
    ) = Field(
        default=None,
        description="Of one of these roles on the model, or a higher one.",
        examples=[["reviewer"]],
    )
    groups: Names | None = Field(
        default=None, description="In one of these groups.", examples=[["risk"]]
    )
    identities: Names | None = Field(
        default=None,
        description="Or named here; a service account counts only so.",
        examples=[["bob"]],
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        named = len(self.identities or ())
        if named and not self.roles and not self.groups and self.count > named:
            raise ValueError(
                f"asks for {self.count} approvals of {named} identities: it could never be met. "
                "Lower `count`, or name more"
            )
        return self


class StageRuleInput(Input):
    """What it takes to enter one stage. In a model's own policy, a field that is left out adds
    nothing to the default."""

    name: OwnStageName = Field(description="The stage.", examples=["production"])
    from_: (
        Annotated[list[StageName], Field(min_length=1, max_length=100), AfterValidator(_distinct)]
        | None
    ) = Field(
        default=None,
        alias="from",
        description="The stages from which a version may come; of a stage that the default has, "
        "those that both name.",
        examples=[["staging"]],
    )
    exclusive: bool | None = Field(
        default=None, description="Whether at most one version holds it.", examples=[True]
    )
    incumbent: Literal["archive", "keep", "refuse"] | None = Field(
        default=None,
        description="What becomes of the holder when another version enters: `archive` (what an "
        "exclusive stage does unless it says otherwise), `refuse` (nobody enters while it is "
        "held; such a stage is exclusive), or `keep` (for a stage that several may hold).",
        examples=["archive"],
    )
    approvals: Annotated[list[ApprovalRuleInput], Field(max_length=20)] = Field(
        default_factory=list, description="All of these must be met."
    )
    allow_self_approval: bool | None = Field(
        default=None, description="Whether who asked may approve.", examples=[False]
    )
    allow_author_approval: bool | None = Field(
        default=None,
        description="Whether who wrote content of the version may approve.",
        examples=[False],
    )
    expires_after_hours: Hours | None = Field(
        default=None,
        description="After so many hours an undecided promotion expires; fractions are allowed.",
        examples=[72],
    )
    min_hours_in_source: Hours | None = Field(
        default=None,
        description="So many hours a version must have held the stage it comes from.",
        examples=[24],
    )
    gates: Annotated[list[Gate], Field(max_length=100)] = Field(
        default_factory=list,
        description="All of these must pass.",
        examples=[[{"type": "stored"}]],
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name == ARCHIVED and self.exclusive:
            raise ValueError("`archived` cannot be exclusive: every version may end there")
        if self.exclusive is False and self.incumbent == "refuse":
            raise ValueError("a stage that refuses others while it is held is exclusive")
        if self.exclusive and self.incumbent == "keep":
            raise ValueError("an exclusive stage cannot `keep` its holder beside another one: "
                             "say `archive` or `refuse`")  # fmt: skip
        if self.from_ is not None and self.name in self.from_:
            raise ValueError(f"a version does not enter `{self.name}` from itself")
        return self


class FreezeInput(Input):
    """A time in which no promotion is applied. A rollback and an override are."""

    from_: WrittenTime = Field(
        alias="from",
        description="Its beginning, RFC 3339 with an offset.",
        examples=["2026-12-20T00:00:00Z"],
    )
    to: WrittenTime = Field(
        description="Its end; at this instant it is over.", examples=["2027-01-02T00:00:00Z"]
    )
    reason: Reason = Field(description="Why.", examples=["Holiday season."])

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.to <= self.from_:
            raise ValueError("`to` must come after `from`")
        return self


class PolicyInput(Input):
    """A policy as it is set. It takes the place of the one before as a whole."""

    stages: Annotated[list[StageRuleInput], Field(max_length=50)] = Field(
        default_factory=list,
        description="What it takes to enter each stage, in the order in which they are shown. A "
        "policy that stands alone and does not name `archived` lets every version go there.",
    )
    protected_aliases: Annotated[
        list[AliasName], Field(max_length=200), AfterValidator(_distinct)
    ] = Field(
        default_factory=list,
        description="Aliases that only a maintainer sets or removes.",
        examples=[["champion"]],
    )
    freeze: Annotated[list[FreezeInput], Field(max_length=200)] = Field(
        default_factory=list, description="When nothing is applied."
    )
    replaces_default: bool = Field(
        default=False,
        description="For a model's policy: that it stands instead of the default. Takes an admin, "
        "and is flagged.",
        examples=[False],
    )

    @model_validator(mode="after")
    def _each_stage_once(self) -> Self:
        _distinct_stages([stage.name for stage in self.stages])
        return self

    def as_body(self) -> dict[str, Any]:
        """The policy as it is kept: what was left out stays out."""
        return self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"replaces_default"}
        )


def _distinct_stages(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"`stages` names `{twice[0]}` twice")


class PreviewInput(Input):
    """A version, a stage, and a policy to try."""

    model: ModelName = Field(description="The model.", examples=["churn"])
    version: VersionRef = Field(
        description="The version: its number, or a reference such as `staging` or `@champion`."
    )
    to: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="The stage that it would enter, in any case.", examples=["production"]
    )
    policy: PolicyInput | None = Field(
        default=None,
        description="The policy to try, as if it were set as the model's own; with "
        "`replaces_default`, instead of the default. Without it: the policy in force.",
    )
