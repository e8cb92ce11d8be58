"""Problems with checks."""

from app.core.problems import Conflict


class CheckOfOtherBytes(Conflict):
    """The check was made of other bytes than the version holds: `manifest_sha256` is not the one
    of this version. Get the version's own files (`GET …/versions/{n}/manifest`), check those, and
    send the `manifest_sha256` that this answered."""

    slug = "check-of-other-bytes"
    title = "The check was made of other bytes"
