"""Problems with redactions."""

from app.core.problems import Conflict, InvalidRequest


class RedactionRefused(Conflict):
    """The text stands where nothing can take its place: as the name of a stage, in a name that
    would become too long or another's, in what a policy in force asks for, or in a time. Nothing
    was changed. The detail names the place; change that first, and redact then."""

    slug = "redaction-refused"
    title = "The text cannot be taken from there"


def refused(place: str, why: str) -> RedactionRefused:
    """The problem with a text that cannot be taken from a place."""
    return RedactionRefused(
        f"The text stands in {place} and cannot be taken from there. {why} Nothing was changed.",
        extra={"place": place},
    )


def invalid(pointer: str, detail: str) -> InvalidRequest:
    """The problem with a field of the request."""
    return InvalidRequest(f"{pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}])
