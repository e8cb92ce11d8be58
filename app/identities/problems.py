"""Problems with identities and groups."""

from app.core.problems import Conflict, InvalidRequest, on_violation


class NameTaken(Conflict):
    """An identity or a group of this name exists already, or somebody acted under it before it was
    redacted. Both share one space of names, without regard to case, because a grant names either.
    Choose another name; a disabled identity can be enabled again with `PATCH
    /identities/{name}`."""

    slug = "name-taken"
    title = "The name is taken"
    example = "`alice` is the name of an identity already. Choose another name."


class LastAdmin(Conflict):
    """This would leave nobody who is an enabled admin, and then nobody could give the role again.
    Make another admin first (`PUT /grants` with the role `admin` and models `*`)."""

    slug = "last-admin"
    title = "The last admin must stay"


def unknown_subject(pointer: str, detail: str) -> InvalidRequest:
    """The problem with a body that names somebody who is not there, or not fit for it."""
    return InvalidRequest(f"{pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}])


for _constraint in ("uq_identities_name", "uq_groups_name"):
    on_violation(_constraint, NameTaken, "This name is taken. Choose another name.")
