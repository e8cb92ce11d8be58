"""Problems with promotions."""

from app.core.problems import Conflict, NotAllowed, on_violation


class TransitionNotAllowed(Conflict):
    """The policy names no way from the stage that the version holds to the one you ask for. The
    detail lists the stages from which a version may come; `GET /models/{model}/policy` shows all
    of it."""

    slug = "transition-not-allowed"
    title = "There is no way between these stages"
    example = "Version 7 of `churn` is in `none`; `production` is reached from `staging` only."


class PromotionAlreadyOpen(Conflict):
    """There is an undecided promotion of this version to this stage already; `promotion` is its
    id. Review or apply that one, or cancel it before you ask again."""

    slug = "promotion-already-open"
    title = "There is such a promotion already"


class PromotionEnded(Conflict):
    """The promotion was applied, or ended otherwise: it cannot be reviewed, applied, overridden or
    cancelled any more. `ended_as` says how it ended. Ask for a new one. To repeat an `apply` whose
    answer was lost, send it with the same `Idempotency-Key`."""

    slug = "promotion-ended"
    title = "The promotion has ended"


class PromotionNotApproved(Conflict):
    """A gate does not pass, an approval is missing, or a reviewer rejected it. `unmet` lists each
    of these (`kind`: `gate`, `approval` or `rejection`) with a sentence. It stays open."""

    slug = "promotion-not-approved"
    title = "The promotion is not approved"


class StageFrozen(Conflict):
    """The policy forbids to apply promotions at this time. The detail says until when and why. A
    maintainer can still roll back, and an admin override."""

    slug = "stage-frozen"
    title = "Nothing is applied at this time"


class VerdictNotGiven(Conflict):
    """You have no verdict on this promotion that you could withdraw."""

    slug = "verdict-not-given"
    title = "There is nothing to withdraw"


class SeparationOfDuties(NotAllowed):
    """Who asked for a promotion or wrote content of its version does not approve it, and neither
    does the owner of a service account that did, nor anybody with a token that one of them issued;
    whatever their role, admin included. Another reviewer approves it; a team of one has an admin
    set a policy with `allow_self_approval` and `allow_author_approval`."""

    slug = "separation-of-duties"
    title = "You cannot approve this one"


class OnlyPeopleApprove(NotAllowed):
    """A service account approves only where an approval rule of the policy names it in
    `identities`. Have a person approve."""

    slug = "only-people-approve"
    title = "Only people approve"


class StageWouldBeEmptied(NotAllowed):
    """This takes the holder out of an exclusive stage, without a successor: a change to that stage,
    which takes a maintainer. Ask one; or promote a successor, which archives the holder."""

    slug = "stage-would-be-emptied"
    title = "Emptying a stage takes a maintainer"


on_violation(
    "uq_promotions_open",
    PromotionAlreadyOpen,
    "There is an undecided promotion of this version to this stage already. Look at "
    "`GET /promotions?status=open`, and review, apply or cancel that one.",
)
