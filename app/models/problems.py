"""Problems with models."""

from app.core.problems import Conflict, on_violation


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


on_violation(
    "uq_models_name",
    ModelNameTaken,
    "A model of this name exists already (names are unique without regard to case, also among "
    "deleted models). Choose another name.",
)
