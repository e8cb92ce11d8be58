"""Problems with stages and aliases."""

from app.core.problems import Conflict, on_violation


class VersionUnusable(Conflict):
    """An alias points only at a version that is ready and was not recalled. Finalise the version,
    lift its recall, or name another one."""

    slug = "version-unusable"
    title = "The version cannot be used for this"
    example = "Version 7 of `churn` is a draft. Only a ready version is given an alias."


class AliasIsStage(Conflict):
    """The alias bears the name of a stage, and so always means the holder of that stage. Move a
    version there by a promotion: `POST /models/{model}/versions/{n}/promotions`."""

    slug = "alias-is-stage"
    title = "The alias means a stage"


class IncumbentChanged(Conflict):
    """The stage is not held by the version that you expected (`expected_incumbent`), or changed
    its holder while you asked. Look at who holds it now, and decide anew."""

    slug = "incumbent-changed"
    title = "Another version holds the stage"


class CannotRollBack(Conflict):
    """There is no version that could return to the stage, or the one you named cannot: it never
    held the stage by an approved promotion, or was recalled or deleted. `alternatives` lists the
    numbers that could, the latest holder first; name one of them as `to`."""

    slug = "cannot-roll-back"
    title = "There is nothing to roll back to"


class StageNotExclusive(Conflict):
    """Several versions may hold this stage, so it has no incumbent that could be rolled back. Move
    versions out of it and into it by promotions."""

    slug = "stage-not-exclusive"
    title = "The stage is not exclusive"


class StageHeld(Conflict):
    """PostgreSQL refused a second holder of an exclusive stage, or a second stage of one version.
    Look at who holds the stage, and send the request again."""

    slug = "stage-held"
    title = "The stage is held already"


class StageInUse(Conflict):
    """The policy would take away a stage that versions hold, or make one exclusive that several
    hold: `held` lists them (`model`, `stage`, `versions`, `count`). Move them out of it first. Or
    a new default gives up a stage that models add to: `models` lists these and their stages.
    Change their policies first."""

    slug = "stage-in-use"
    title = "Versions hold this stage"


class StageNameTaken(Conflict):
    """The policy would add a stage that is called like a version or an alias: a reference to that
    would mean the stage. `taken` lists them (`model`, `kind`, `name`, `number`). Choose another
    name for the stage, or rename or remove them."""

    slug = "stage-name-taken"
    title = "A version or an alias has the name of this stage"


_AGAIN = "Look at `GET /models/{model}/stages`, and send the request again."
on_violation(
    "ex_tenures_one_holder", StageHeld, f"Another version holds this exclusive stage. {_AGAIN}"
)
on_violation(
    "ex_tenures_one_stage_per_version", StageHeld, f"The version holds a stage already. {_AGAIN}"
)
on_violation("uq_tenures_open_version", StageHeld, f"The version holds a stage already. {_AGAIN}")
