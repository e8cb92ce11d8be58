"""The six gates as they are written in a policy."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from app.checks.rules import check_name
from app.core.schemas import Input, Line, Number
from app.policies.gates.fields import check_field
from app.policies.gates.formats import check_format
from app.policies.gates.naming import check_against

MOST_ENTRIES = 100

MetricKey = Annotated[Line, Field(max_length=250)]
Name = Annotated[Line, Field(max_length=128)]
Names = Annotated[list[Name], Field(max_length=MOST_ENTRIES)]
CheckName = Annotated[str, AfterValidator(check_name)]
FieldName = Annotated[Line, AfterValidator(check_field)]
Format = Annotated[str, AfterValidator(check_format)]
Against = Annotated[str, AfterValidator(check_against)]
Op = Literal[">=", ">", "<=", "<", "=", "==", "!="]

_REPORTED_BY = (
    "Whose reports count: identities by name, and the members of groups, as they stand now; left "
    "out, everybody's."
)
_DATASET = "The name of a data set, or the SHA-256 of its bytes."


class Reporters(Input):
    """Whose evidence counts: who is named, or is a member of a named group."""

    identities: Names = Field(
        default_factory=list, description="Identities by name.", examples=[["ci-bot"]]
    )
    groups: Names = Field(
        default_factory=list, description="Groups by name.", examples=[["evaluators"]]
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not (self.identities or self.groups):
            raise ValueError(
                "must name an identity or a group; leave it out where everybody's reports count"
            )
        return self


class FieldsGate(Input):
    """The version says these things about itself."""

    type: Literal["fields"] = Field(description="The kind of gate.", examples=["fields"])
    require: list[FieldName] = Field(
        min_length=1,
        max_length=MOST_ENTRIES,
        description="What must be there and not empty. `code.clean`: it was made from a clean "
        "working tree; `datasets.train`: data of this role is named; `datasets.sha256`: every data "
        "set has a digest; `params.*`, `metrics.*`, `tags.*` and `environment.packages.*` take a "
        "key. `reproducible`: it lacks nothing that `GET …/reproduce` needs.",
        examples=[["description", "code.commit", "code.clean", "datasets.train", "metrics.auc"]],
    )


class MetricGate(Input):
    """A metric reaches a value: one of the version's own or, with `dataset`, one that was
    reported for it on this data."""

    type: Literal["metric"] = Field(description="The kind of gate.", examples=["metric"])
    metric: MetricKey = Field(description="The metric.", examples=["auc"])
    dataset: Line | None = Field(
        default=None,
        description=f"{_DATASET} The newest report on it counts. Left out, the version's own "
        "metrics count.",
        examples=["holdout"],
    )
    op: Op = Field(description="How it compares with `value`.", examples=[">="])
    value: Number = Field(description="What it is compared with.", examples=[0.9])
    reported_by: Reporters | None = Field(
        default=None,
        description=f"{_REPORTED_BY} A version's own metrics are the word of all its authors.",
    )


class BaselineGate(Input):
    """The version does as well as the one that is in use, on the same data."""

    type: Literal["baseline"] = Field(description="The kind of gate.", examples=["baseline"])
    metric: MetricKey = Field(description="The metric.", examples=["auc"])
    dataset: Line = Field(
        description=f"{_DATASET} Only reports on data of the same SHA-256 are compared.",
        examples=["holdout"],
    )
    higher_is_better: bool = Field(description="Whether more is better.", examples=[True])
    max_regression: Number = Field(
        default=0,
        ge=0,
        description="By how much it may be worse, in the metric's own unit.",
        examples=[0.005],
    )
    against: Against | None = Field(
        default=None,
        description="An exclusive stage, whose holder it is compared with, or `@` and an alias. "
        "Left out, the stage that is to be entered.",
        examples=["@champion"],
    )
    if_no_baseline: Literal["pass", "fail"] = Field(
        default="fail",
        description="What follows where nobody holds the stage or the alias.",
        examples=["pass"],
    )
    confidence: Number | None = Field(
        default=None,
        gt=0.5,
        lt=1,
        description="With what confidence, one-sided, it must not be worse than allowed. Both "
        "reports need a `stderr`, or an `n` where the metric is a share.",
        examples=[0.95],
    )
    reported_by: Reporters | None = Field(default=None, description=_REPORTED_BY)


class CheckGate(Input):
    """The latest report of a check says success."""

    type: Literal["check"] = Field(description="The kind of gate.", examples=["check"])
    name: CheckName = Field(description="The check.", examples=["ci/robustness"])
    reported_by: Reporters | None = Field(default=None, description=_REPORTED_BY)


class FormatsGate(Input):
    """The version's files are of formats that are allowed, and none that is denied."""

    type: Literal["formats"] = Field(description="The kind of gate.", examples=["formats"])
    allow: list[Format] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_ENTRIES,
        description="Every file must be of one of these: known formats or endings. It goes by the "
        "file's name.",
        examples=[["safetensors", "json", ".txt"]],
    )
    deny: list[Format] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_ENTRIES,
        description="No file may be of one of these. Files of `joblib` and `torch` hold pickles "
        "too.",
        examples=[["pickle", "joblib", "torch"]],
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.allow is None and self.deny is None:
            raise ValueError("must have `allow`, `deny` or both")
        return self


class StoredGate(Input):
    """All its content is held here and proven: it has files, and names no source elsewhere."""

    type: Literal["stored"] = Field(description="The kind of gate.", examples=["stored"])


TYPES = ("fields", "metric", "baseline", "check", "formats", "stored")


def _tag(gate: Any) -> str | None:
    """The tag of a gate's shape. It is no word that a gate holds as a field: a pointer to an error
    would take it for one."""
    kind = gate.get("type") if isinstance(gate, Mapping) else getattr(gate, "type", None)
    return f"{kind} gate" if kind in TYPES else None


Gate = Annotated[
    Annotated[FieldsGate, Tag("fields gate")]
    | Annotated[MetricGate, Tag("metric gate")]
    | Annotated[BaselineGate, Tag("baseline gate")]
    | Annotated[CheckGate, Tag("check gate")]
    | Annotated[FormatsGate, Tag("formats gate")]
    | Annotated[StoredGate, Tag("stored gate")],
    Discriminator(
        _tag,
        custom_error_type="gate_type",
        custom_error_message=f"Must be an object whose `type` is one of: {', '.join(TYPES)}.",
    ),
]
_gate: TypeAdapter[Gate] = TypeAdapter(Gate)


def parse_gate(stored: Mapping[str, Any]) -> Gate | None:
    """The gate that was stored; None where it is none that this server knows. PostgreSQL gives a
    large number back as an integer, which no request may hold."""
    try:
        return _gate.validate_python(
            {key: float(value) if type(value) is int else value for key, value in stored.items()}
        )
    except (ValidationError, OverflowError):
        return None
