"""Problems with models."""

from collections.abc import Sequence

from app.core.problems import Conflict, InvalidRequest, on_violation
from app.models.conventions import Breach


class ModelNameTaken(Conflict):
    """A model of this name exists already, without regard to upper and lower case; it may be
    deleted (`POST /models/{model}/restore` brings it back) or hidden from you. Choose another."""

    slug = "model-name-taken"
    title = "The name of the model is taken"


class ModelInUse(Conflict):
    """The model cannot be deleted while one of its versions holds a stage other than `archived`,
    or is named as a parent by a version of another model. The detail lists them."""

    slug = "model-in-use"
    title = "The model is in use"


class NamingRuleBroken(InvalidRequest):
    """A name or a tag is not what the model's naming rules ask for. `errors` says of each what is
    wrong, and `rules` which rule and pattern it breaks. `GET /models/{model}` shows the rules under
    `naming`, and `POST /models/{model}/naming/preview` tries a name without making anything."""

    slug = "naming-rule-broken"
    title = "A naming rule of the model is broken"


def refuse_breaches(model: str, breaches: Sequence[Breach]) -> None:
    """Pass where there are none, or raise the problem that tells them."""
    if not breaches:
        return
    raise NamingRuleBroken(
        f"{breaches[0].detail} So the naming rules of the model `{model}` have it; "
        f"`GET /models/{{model}}` shows them.",
        errors=[{"pointer": each.pointer, "detail": each.detail} for each in breaches],
        extra={
            "rules": [
                {"field": each.field, "rule": each.rule, "pattern": each.pattern}
                for each in breaches
            ]
        },
    )


on_violation(
    "uq_models_name",
    ModelNameTaken,
    "A model of this name exists already (names are unique without regard to case, also among "
    "deleted models). Choose another name.",
)
