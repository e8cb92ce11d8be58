"""Problems with redactions."""

from app.core.problems import Conflict


class RedactionRefused(Conflict):
    """The text stands where nothing can take its place: as the name of a stage, or in a name that
    would become too long or another's. Nothing was changed. The detail names the place; change
    that first, and redact then."""

    slug = "redaction-refused"
    title = "The text cannot be taken from there"
