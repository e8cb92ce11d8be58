"""Problems with versions."""

from app.core.problems import Conflict, InvalidRequest, on_violation


class VersionNameTaken(Conflict):
    """Another version of the model has this name (names are unique in a model without regard to
    case), or it is the name of a stage. Choose another, or change the model's `name_template`."""

    slug = "version-name-taken"
    title = "The name of the version is taken"


class VersionIsReady(Conflict):
    """A ready version is immutable: its files and its whole recipe stay what they are. Register a
    new version instead. Its `description` and `tags` may still change."""

    slug = "version-is-ready"
    title = "The version is ready and does not change"


class VersionNotReady(Conflict):
    """This takes a ready version. Finalise it first: `POST …/versions/{n}/finalize`."""

    slug = "version-not-ready"
    title = "The version is not ready"


class VersionInUse(Conflict):
    """The version cannot be deleted while it holds a stage other than `archived`, while an alias
    points at it, or while another version names it as a parent. The detail says which."""

    slug = "version-in-use"
    title = "The version is in use"


class VersionRecalled(Conflict):
    """The version was recalled: it is not to be used, and cannot be promoted, rolled back to or
    given an alias until the recall is lifted (`DELETE …/recall`)."""

    slug = "version-recalled"
    title = "The version was recalled"


class AmbiguousReference(Conflict):
    """Several versions hold this stage, so that its name means no single one. Name the version by
    its number; `GET /models/{model}/stages` lists the holders."""

    slug = "ambiguous-reference"
    title = "Several versions hold this stage"


class NameTemplateLacksField(InvalidRequest):
    """The model's `name_template` needs a field that this version does not have. Add the field,
    or give the version a `name` of its own."""

    slug = "name-template-lacks-field"
    title = "A field of the naming convention is missing"


on_violation(
    "uq_versions_model_id_name_key",
    VersionNameTaken,
    "Another version of this model has this name (names are unique without regard to case). "
    "Choose another.",
)
